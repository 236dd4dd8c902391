package dev.beamwright.recsys.data;

import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** What users, items, times, titles and texts of a file have in common: what counts as nothing, and what is not seen. */
final class Words {
    /** How data bases, data frames, spreadsheets and programs write that there is nothing, in small letters. */
    private static final Set<String> NOTHING = Set.of(
            "", "na", "n/a", "n.a.", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "nat", "none", "null", "nil",
            "\\n", "<null>", "(null)", "<none>", "(none)", "undefined", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
            "#null!", "#value!", "#ref!", "#div/0!", "#name?", "#num!");
    /** Characters without width, and marks of direction: two ids that differ in them alone look the same. */
    private static final Pattern INVISIBLE =
            Pattern.compile("[\\u00AD\\u061C\\u180E\\u200B\\u200E\\u200F\\u202A-\\u202E\\u2060\\u2066-\\u2069\\uFEFF]");
    /** At the ends also other blanks than Java's, controls and formats. */
    private static final Pattern ENDS =
            Pattern.compile("^[\\p{Z}\\s\\p{Cc}\\p{Cf}]+|[\\p{Z}\\s\\p{Cc}\\p{Cf}]+$");

    private Words() {}

    /** Whether a text stands for nothing; null does. */
    static boolean nothing(String text) {
        if (text == null) return true;
        if (text.length() > 40) return text.isBlank();
        return NOTHING.contains(visible(text).toLowerCase(Locale.ROOT));
    }

    /** A text without what is not seen: blanks at its ends, characters without width, marks of direction. */
    static String visible(String text) {
        boolean plain = true;
        int last = text.length() - 1;
        for (int i = 0; plain && i <= last; i++) {
            char c = text.charAt(i);
            plain = c > ' ' && c < 0x7f || c == ' ' && i > 0 && i < last;
        }
        return plain ? text : ENDS.matcher(INVISIBLE.matcher(text).replaceAll("")).replaceAll("");
    }

    /** Why a text is none: bytes that are not UTF-8 (as {@link Source#reader()} marks them), or NUL; null if it is one. */
    static String fault(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0) return "holds a NUL character";
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) continue;
            if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else {
                return Utf8Reader.isByte(c) ? "is not UTF-8 text" : "is not Unicode text (half a surrogate pair)";
            }
        }
        return null;
    }
}
