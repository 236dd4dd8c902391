package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.UserError;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.util.Locale;

/**
 * Reads the time of an interaction, in milliseconds since 1970. By itself each text is a number of seconds (as far as the
 * year 5138), milliseconds, microseconds or nanoseconds, told apart by its size, with or without decimals; an ISO date
 * with or without a time of day, in UTC where it names no zone; or a time of day, which belongs to a date beside it.
 * What the texts of a column are together is judged by {@link TimeColumn}.
 */
final class Times {
    /** A time that the file does not tell. */
    static final long UNKNOWN = Dataset.UNKNOWN_TIME;
    /** The times in milliseconds that a recommender's data can have: 1980 to 2100. */
    static final long FIRST = 315_532_800_000L, END = 4_102_444_800_000L;

    static final long DAY = 86_400_000;

    private static final long MOST_SECONDS = 100_000_000_000L; // what is larger counts milliseconds, and so on
    private static final int LONGEST = 40; // characters

    private final String unit; // null for any
    private final DateTimeFormatter format; // null for the usual forms

    /** How the times of a file are written; null for the usual forms, see {@link Columns}. */
    Times(String format) {
        boolean isUnit = format != null && format.matches("s|ms|us|ns");
        unit = isUnit ? format : null;
        try {
            this.format =
                    isUnit || format == null ? null : DateTimeFormatter.ofPattern(format, Locale.ENGLISH);
        } catch (IllegalArgumentException e) {
            throw new UserError("--time-format '" + Source.cut(format) + "': " + e.getMessage()
                    + "; write it as in dd/MM/yyyy HH:mm:ss, or s, ms, us or ns since 1970", e);
        }
    }

    /** The time in milliseconds, or {@link #UNKNOWN} for none. Throws IllegalArgumentException with the reason. */
    long parse(String text) {
        if (Words.nothing(text)) return UNKNOWN;
        String s = Words.visible(text);
        if (s.length() > LONGEST) throw new IllegalArgumentException("is no time");
        if (format != null) return formatted(s);
        if (s.charAt(0) == '-') throw new IllegalArgumentException("is before 1970");
        if (s.startsWith("0000-00-00") || s.startsWith("0001-01-01")) return UNKNOWN; // MySQL's and .NET's nothing
        if (s.length() > 7 && s.charAt(4) == '-') return date(s);
        if (s.matches("\\d{4}(, ?\\d{1,9}){2,6}")) return list(s);
        if (isTimeOfDay(s)) return timeOfDay(s);
        return number(s);
    }

    /** Whether a text is a time of day alone, as 18:30 or 18:30:05.25. */
    static boolean isTimeOfDay(String text) {
        return text != null && text.length() < 20 && text.indexOf(':') > 0
                && Words.visible(text).matches("\\d{1,2}:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?");
    }

    private long number(String s) {
        double number = 0;
        try {
            if (s.length() < 20 && s.chars().allMatch(c -> c >= '0' && c <= '9')) return whole(Long.parseLong(s));
            if (!s.matches("[0-9.eE+]+")) throw new NumberFormatException(s); // no names, suffixes or hexadecimals
            number = Double.parseDouble(s);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is neither a number nor an ISO date", e);
        }
        if (unit == null ? number < MOST_SECONDS : unit.equals("s")) {
            if (number < 1e14) return Math.round(number * 1000);
        } else if (number < 9e18) {
            return whole((long) number);
        }
        throw new IllegalArgumentException("is too large to be a time since 1970");
    }

    private long whole(long n) {
        String u = unit != null ? unit
                : n < MOST_SECONDS ? "s"
                : n < MOST_SECONDS * 1000 ? "ms"
                : n < MOST_SECONDS * 1_000_000 ? "us"
                : "ns";
        return switch (u) {
            case "s" -> {
                if (n > 100_000_000_000_000L) throw new IllegalArgumentException("is too large to be seconds");
                yield n * 1000;
            }
            case "ms" -> n;
            case "us" -> n / 1000;
            default -> n / 1_000_000;
        };
    }

    private static long date(String s) {
        try {
            if (s.length() == 10) return LocalDate.parse(s).atStartOfDay().toInstant(ZoneOffset.UTC).toEpochMilli();
            if (s.length() < 10) throw new DateTimeException("too short");
            String iso = s.charAt(10) == ' ' ? s.substring(0, 10) + "T" + s.substring(11) : s;
            iso = iso.replaceFirst(" ?(UTC|GMT)$", "Z");
            iso = iso.replaceFirst("([+-]\\d\\d)(\\d\\d)$", "$1:$2");
            boolean zone = iso.endsWith("Z") || iso.indexOf('+', 11) > 0 || iso.indexOf('-', 11) > 0;
            return zone
                    ? OffsetDateTime.parse(iso).toInstant().toEpochMilli()
                    : LocalDateTime.parse(iso).toInstant(ZoneOffset.UTC).toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw new IllegalArgumentException("is no ISO date such as 2014-07-23 or 2014-07-23T18:30:00Z", e);
        }
    }

    /** A list of year, month, day and so on, as Jackson writes Java's LocalDateTime. */
    private static long list(String s) {
        try {
            int[] n = java.util.Arrays.stream(s.split(", ?")).mapToInt(Integer::parseInt).toArray();
            int[] t = java.util.Arrays.copyOf(n, 7);
            return LocalDateTime.of(t[0], t[1], t[2], t[3], t[4], t[5], t[6]).toInstant(ZoneOffset.UTC).toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw new IllegalArgumentException("is no date", e);
        }
    }

    private static long timeOfDay(String s) {
        try {
            return LocalTime.parse(s.indexOf(':') == 1 ? "0" + s : s).toNanoOfDay() / 1_000_000;
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("is no time of day", e);
        }
    }

    private long formatted(String s) {
        try {
            TemporalAccessor t =
                    format.parseBest(s, OffsetDateTime::from, Instant::from, LocalDateTime::from, LocalDate::from);
            return switch (t) {
                case OffsetDateTime o -> o.toInstant().toEpochMilli();
                case Instant i -> i.toEpochMilli();
                case LocalDateTime l -> l.toInstant(ZoneOffset.UTC).toEpochMilli();
                default -> LocalDate.from(t).atStartOfDay().toInstant(ZoneOffset.UTC).toEpochMilli();
            };
        } catch (DateTimeException | ArithmeticException e) {
            throw new IllegalArgumentException("is not written as --time-format says", e);
        }
    }

    /** A number of eight, twelve or fourteen digits read as yyyyMMdd[HHmm[ss]]; {@link #UNKNOWN} if it is no such date. */
    static long compact(long digits) {
        String s = Long.toString(digits);
        if (s.length() != 8 && s.length() != 12 && s.length() != 14) return UNKNOWN;
        int year = Integer.parseInt(s.substring(0, 4));
        if (year < 1980 || year > 2099) return UNKNOWN;
        try {
            String full = s + "000000".substring(0, 14 - s.length());
            return LocalDateTime.parse(full, DateTimeFormatter.ofPattern("uuuuMMddHHmmss", Locale.ROOT))
                    .toInstant(ZoneOffset.UTC).toEpochMilli();
        } catch (DateTimeException e) {
            return UNKNOWN;
        }
    }

    /** A time in words, in UTC; a day alone where it begins one. */
    static String inWords(long milliseconds) {
        LocalDateTime t = LocalDateTime.ofEpochSecond(Math.floorDiv(milliseconds, 1000), 0, ZoneOffset.UTC);
        return t.toLocalDate() + (Math.floorMod(milliseconds, DAY) == 0
                ? ""
                : " " + t.toLocalTime().format(DateTimeFormatter.ofPattern("HH:mm:ss")));
    }
}
