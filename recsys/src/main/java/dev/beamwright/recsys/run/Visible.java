package dev.beamwright.recsys.run;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text of a user's file as it may be shown: no character in it moves a cursor, changes colours or turns the direction of
 * what follows (Unicode's Cc; UAX 9, explicit directional formatting), and none is half of a surrogate pair.
 */
public final class Visible {
    /** Direction marks, embeddings, overrides and isolates, and the separators of lines and paragraphs. */
    private static final String MARKS = "\\u061C\\u200E\\u200F\\u2028-\\u202E\\u2066-\\u2069";
    private static final Pattern HIDDEN = Pattern.compile("[\\p{Cntrl}\\u0080-\\u009F\\p{Cs}" + MARKS + "]");
    private static final Pattern IN_JSON = Pattern.compile("[\\u007F-\\u009F\\p{Cs}" + MARKS + "]");

    private Visible() {}

    /** The text on one line: tabs and line ends become blanks, other hidden characters U+FFFD. */
    public static String line(String text) {
        Matcher m = HIDDEN.matcher(text);
        return m.find() ? m.replaceAll(h -> "\t\n\r".contains(h.group()) ? " " : "\uFFFD") : text;
    }

    /** The text with its line ends, each line as {@link #line} shows it. */
    public static String lines(String text) {
        return HIDDEN.matcher(text).find()
                ? String.join("\n", Arrays.stream(text.split("\n", -1)).map(Visible::line).toList())
                : text;
    }

    /** JSON in which hidden characters, which can stand within strings only, are escaped. */
    static String json(String json) {
        Matcher m = IN_JSON.matcher(json);
        return m.find() ? m.replaceAll(h -> String.format("\\\\u%04x", (int) h.group().charAt(0))) : json;
    }
}
