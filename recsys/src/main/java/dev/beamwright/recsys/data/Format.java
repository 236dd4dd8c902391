package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The file formats that can be read. Each may be compressed by gzip. */
public enum Format {
    /** Separated by commas, with a header, quoted as in RFC 4180; or by semicolons or bars, if the header is. */
    CSV,
    /** Tab-separated with a header; a quote is a character like any other. */
    TSV,
    /** One JSON object per line, as Amazon's reviews come ({@code reviewerID}, {@code asin}, {@code unixReviewTime}). */
    JSONL,
    /** One JSON object: {@code {user: [item, …]}} or {@code {item: {"title": …}}}. */
    JSON,
    /** RecBole's atomic files: tab-separated, each column named with its type, such as {@code user_id:token}. */
    RECBOLE,
    /** MovieLens and MovieTweetings: fields separated by {@code ::}, no header. */
    MOVIELENS;

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
        String[] head = source.head(2); // the first lines that are not blank
        if (head.length == 0) throw new UserError(source + ": the file is empty; give one with a header and rows");
        String first = head[0].strip();
        switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "csv" -> {
                if (separator(first) != null) return CSV;
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
            return oneObjectALine && !Table.isMap(first) ? JSONL : JSON;
        }
        if (first.startsWith("[")) {
            throw source.error(
                    1, "a JSON list",
                    "write one object per line instead: jq -c '.[]' " + source.name() + " > rows.jsonl");
        }
        if (first.contains("::")) return MOVIELENS;
        if (first.indexOf('\t') >= 0) return first.matches("(\\w+:\\w+\t?)+") ? RECBOLE : TSV;
        if (separator(first) != null) return CSV;
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

    /** What separates the fields of a CSV file, by its header. */
    static String separator(Source source) {
        String[] head = source.head(1);
        String found = head.length == 0 ? null : separator(head[0]);
        return found == null ? "," : found;
    }

    private static String separator(String header) {
        for (String s : List.of(",", ";", "|")) if (header.contains(s)) return s;
        return null;
    }
}
