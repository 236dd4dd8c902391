package dev.beamwright.recsys.data;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Splits delimited lines into rows of fields. With {@link Quotes#CSV} a quoted field may hold separators, line ends and
 * doubled quotes (RFC 4180), and blanks may stand around it. A quote that is not closed properly spoils its own line
 * alone: a row is the least number of lines that are one, and where there is no such number the first line is a bad row.
 */
final class Delimited {
    /** What a quote means. */
    enum Quotes {
        /** As in RFC 4180. */
        CSV,
        /** A character like any other, unless it stands around a whole field, the quotes within doubled. */
        AROUND,
        /** A character like any other. */
        NONE
    }

    /** A row and the line where it begins; {@code fault} says why it is none, or is null. */
    record Row(long line, String text, List<String> fields, String fault) {}

    /** How many lines, and how many characters, one row may have. */
    private static final int MOST_LINES = 1000, MOST_CHARS = 1 << 20;
    /** What {@link #split} gives for a text that ends within quotes, or has something behind a closing quote. */
    private static final List<String> OPEN = new ArrayList<>(), BROKEN = new ArrayList<>();

    private final Lines lines;
    private final String separator;
    private final Quotes quotes;

    Delimited(Lines lines, String separator, Quotes quotes) {
        this.lines = lines;
        this.separator = separator;
        this.quotes = quotes;
    }

    /**
     * The next row that is not blank, or null at the end.
     *
     * @param fields how many it should have, 0 for any number
     */
    Row next(int fields) throws IOException {
        Lines.Line line = lines.next();
        while (line != null && line.text().isBlank() && !line.text().contains(separator)) line = lines.next();
        if (line == null) return null;
        String text = line.text();
        if (line.cut()) return bad(line, "the line has more than " + Lines.LONGEST + " characters");
        List<String> row = split(text);
        if (row == OPEN) {
            StringBuilder all = new StringBuilder(text);
            int more = 0;
            for (Lines.Line next; row == OPEN && more < MOST_LINES && all.length() < MOST_CHARS; more++) {
                next = lines.peek(more);
                if (next == null || next.cut()) break;
                all.append('\n').append(next.text());
                if (next.text().indexOf('"') >= 0) row = split(all.toString());
            }
            if (row == OPEN) return bad(line, "this row is not CSV (a quote is not closed)");
            if (row != BROKEN && (fields == 0 || row.size() == fields)) {
                for (int i = 0; i < more; i++) lines.next();
                text = all.toString();
            } else {
                row = BROKEN;
            }
        }
        if (row == BROKEN) return bad(line, "this row is not CSV (a quote within a field is not doubled)");
        String fault = Words.fault(text);
        return fault == null ? new Row(line.number(), text, row, null) : bad(line, fault);
    }

    private static Row bad(Lines.Line line, String fault) {
        return new Row(line.number(), line.text(), null, fault);
    }

    /** The fields of a text, or {@link #OPEN} or {@link #BROKEN}. */
    private List<String> split(String text) {
        List<String> fields = new ArrayList<>();
        int at = 0;
        while (true) {
            int from = at;
            while (quotes == Quotes.CSV && at < text.length() && isBlank(text, at)) at++;
            if (quotes == Quotes.CSV && at < text.length() && text.charAt(at) == '"') {
                StringBuilder field = new StringBuilder();
                int quote = text.indexOf('"', ++at);
                while (quote >= 0 && quote + 1 < text.length() && text.charAt(quote + 1) == '"') {
                    field.append(text, at, quote + 1);
                    at = quote + 2;
                    quote = text.indexOf('"', at);
                }
                if (quote < 0) return OPEN;
                fields.add(field.append(text, at, quote).toString());
                at = quote + 1;
                while (at < text.length() && isBlank(text, at)) at++;
                if (at == text.length()) return fields;
                if (!text.startsWith(separator, at)) return BROKEN;
            } else {
                at = text.indexOf(separator, from);
                String field = text.substring(from, at < 0 ? text.length() : at);
                fields.add(quotes == Quotes.AROUND ? unquoted(field) : field);
                if (at < 0) return fields;
            }
            at += separator.length();
        }
    }

    /** A blank that is no separator. */
    private boolean isBlank(String text, int at) {
        return (text.charAt(at) == ' ' || text.charAt(at) == '\t') && !text.startsWith(separator, at);
    }

    private static String unquoted(String field) {
        String s = field.strip();
        if (s.length() < 2 || s.charAt(0) != '"' || s.charAt(s.length() - 1) != '"') return field;
        String inner = s.substring(1, s.length() - 1), plain = inner.replace("\"\"", "");
        return plain.indexOf('"') >= 0 ? field : inner.replace("\"\"", "\"");
    }

    /** The fields of one line, as far as they can be told. */
    static List<String> fields(String line, String separator) {
        List<String> fields = new Delimited(null, separator, Quotes.CSV).split(line);
        return fields == OPEN || fields == BROKEN ? List.of(line) : fields;
    }
}
