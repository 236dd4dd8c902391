package dev.beamwright.recsys.data;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/**
 * Reads the time of an interaction, in milliseconds since 1970: seconds (as far as the year 5138) or milliseconds, with
 * or without decimals, or an ISO date with or without a time of day, in UTC where it names no zone.
 */
final class Times {
    /** A time that the file does not tell. */
    static final long UNKNOWN = Dataset.UNKNOWN_TIME;

    private static final long MOST_SECONDS = 100_000_000_000L; // what is larger counts milliseconds
    private static final int LONGEST = 40; // characters

    private Times() {}

    /** The time in milliseconds, or {@link #UNKNOWN} for an empty text. Throws IllegalArgumentException with the reason. */
    static long parse(String text) {
        String s = text == null ? "" : text.strip();
        if (s.isEmpty() || s.equals("null") || s.equals("\\N")) return UNKNOWN;
        if (s.length() > LONGEST) throw new IllegalArgumentException("is no time");
        if (s.charAt(0) == '-') throw new IllegalArgumentException("is before 1970");
        if (s.length() > 7 && s.charAt(4) == '-') return date(s);
        double number = 0;
        try {
            if (s.length() < 18 && s.chars().allMatch(c -> c >= '0' && c <= '9')) {
                long n = Long.parseLong(s);
                if (n < MOST_SECONDS) return n * 1000;
                if (n < MOST_SECONDS * 1000) return n;
                throw new IllegalArgumentException("is too large to be seconds or milliseconds since 1970");
            }
            if (!s.matches("[0-9.eE+]+")) throw new NumberFormatException(s); // no names, suffixes or hexadecimals
            number = Double.parseDouble(s);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is neither a number nor an ISO date", e);
        }
        if (number < MOST_SECONDS) return Math.round(number * 1000);
        if (number < MOST_SECONDS * 1000.0) return (long) number;
        throw new IllegalArgumentException("is too large to be seconds or milliseconds since 1970");
    }

    private static long date(String s) {
        try {
            if (s.length() == 10) return LocalDate.parse(s).atStartOfDay().toInstant(ZoneOffset.UTC).toEpochMilli();
            if (s.length() < 10) throw new DateTimeException("too short");
            String iso = s.charAt(10) == ' ' ? s.substring(0, 10) + "T" + s.substring(11) : s;
            iso = iso.replaceFirst(" ?(UTC|GMT)$", "Z");
            boolean zone = iso.endsWith("Z") || iso.indexOf('+', 11) > 0 || iso.indexOf('-', 11) > 0;
            return zone
                    ? OffsetDateTime.parse(iso).toInstant().toEpochMilli()
                    : LocalDateTime.parse(iso).toInstant(ZoneOffset.UTC).toEpochMilli();
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("is no ISO date such as 2014-07-23 or 2014-07-23T18:30:00Z", e);
        }
    }
}
