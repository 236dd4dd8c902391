package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;

/** The file formats that can be read. Each may be compressed by gzip. */
public enum Format {
    /** Separated by commas, with a header, quoted as in RFC 4180; or by semicolons or bars, if the header is. */
    CSV,
    /** Tab-separated with a header; a quote is a character like any other, unless it stands around a whole field. */
    TSV,
    /** One JSON object per line, as Amazon's reviews come ({@code reviewerID}, {@code asin}, {@code unixReviewTime}). */
    JSONL,
    /** One JSON object: {@code {user: [item, …]}} or {@code {item: {"title": …}}}. */
    JSON,
    /** RecBole's atomic files: tab-separated, each column named with its type, such as {@code user_id:token}. */
    RECBOLE,
    /** MovieLens and MovieTweetings: fields separated by {@code ::}, no header. */
    MOVIELENS;

    private static final int HEAD = 20; // lines by which a format is told
    private static final String SEP = "sep=";
    private static final List<String> SEPARATORS = List.of(",", ";", "|");

    /** The format of this name. */
    public static Format named(String name) {
        for (Format f : values()) if (f.toString().equalsIgnoreCase(name)) return f;
        if (name.equalsIgnoreCase("amazon")) return JSONL;
        throw new UserError("there is no format '" + Source.cut(name) + "'; choose one of " + names());
    }

    /** The names of all formats. */
    static String names() {
        return Arrays.stream(values()).map(Format::toString).collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Tells the format by the file's name and, where that says too little, by its first lines.
     *
     * @param option by which a user can say it
     */
    static Format of(Source source, String option) {
        String name = source.name().toLowerCase(Locale.ROOT);
        if (name.endsWith(".gz")) name = name.substring(0, name.length() - 3);
        String[] head = source.head(HEAD); // the first lines that are not blank
        if (head.length == 0) throw new UserError(source + ": the file is empty; give one with a header and rows");
        String first = Words.visible(head[0]);
        if (namesSeparator(first)) return CSV;
        switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "csv" -> {
                if (separator(head) != null) return CSV;
                if (first.indexOf('\t') < 0) throw unknown(source, first, option);
                throw source.error(1, "tabs instead of commas in '" + Source.cut(first) + "'",
                        "add " + option + " tsv");
            }
            case "tsv", "tab" -> {
                return TSV;
            }
            case "jsonl", "ndjson" -> {
                return JSONL;
            }
            case "inter", "item" -> {
                return RECBOLE;
            }
            default -> {}
        }
        if (first.startsWith("{")) {
            boolean oneObjectALine = first.endsWith("}") && (head.length == 1 || head[1].startsWith("{"));
            return oneObjectALine && !isMap(first) ? JSONL : JSON;
        }
        if (first.startsWith("[")) {
            throw source.error(
                    1, "a JSON list",
                    "write one object per line instead: jq -c '.[]' " + source.name() + " > rows.jsonl");
        }
        if (first.contains("::")) return MOVIELENS;
        if (first.indexOf('\t') >= 0) return first.matches("(\\w+:\\w+\t?)+") ? RECBOLE : TSV;
        if (separator(head) != null) return CSV;
        throw unknown(source, first, option);
    }

    private static UserError unknown(Source source, String first, String option) {
        String what = "'" + Source.cut(first) + "' fits no known format";
        return first.matches("\\S+( +\\S+)+")
                ? source.error(
                        1, what,
                        "if blanks separate its fields, make them tabs: tr -s ' ' '\\t' < " + source.name()
                                + " > rows.tsv")
                : source.error(1, what, "say which with " + option + " (" + names() + ")");
    }

    /** What separates the fields of a CSV file, by its first lines. */
    static String separator(Source source) {
        String found = separator(source.head(HEAD));
        return found == null ? "," : found;
    }

    /**
     * What a first line says, as spreadsheets write it (sep=;), or what cuts the header into most fields among those
     * that cut the other lines into as many; what cuts the header alone if there is none.
     */
    private static String separator(String[] head) {
        if (head.length == 0) return null;
        String named = Words.visible(head[0]).replace("\"", "");
        if (namesSeparator(named)) return named.length() > SEP.length() ? named.substring(SEP.length()) : "\t";
        String best = null;
        int most = 0;
        for (String s : SEPARATORS) {
            int fields = Delimited.fields(head[0], s).size();
            if (fields < 2) continue;
            long same = Arrays.stream(head)
                    .skip(1)
                    .filter(line -> Delimited.fields(line, s).size() == fields)
                    .count();
            int points = (2 * same >= head.length - 1 ? 1000 : 0) + Math.min(fields, 999);
            if (points > most) {
                most = points;
                best = s;
            }
        }
        return best;
    }

    /** Whether a line is no header, but says what separates the fields. */
    static boolean namesSeparator(String line) {
        return Words.visible(line).matches("(?i)\"?" + SEP + "[^\\p{L}\\p{N}\"]?\"?");
    }

    /** A separator in a message. */
    static String inWords(String separator) {
        return switch (separator) {
            case "\t" -> "tabs";
            case "," -> "commas";
            case ";" -> "semicolons";
            case "|" -> "bars";
            default -> "'" + separator + "'";
        };
    }

    private static boolean isMap(String line) {
        try {
            return JsonText.isMap(JsonText.parse(line));
        } catch (JacksonException e) {
            return false;
        }
    }
}
