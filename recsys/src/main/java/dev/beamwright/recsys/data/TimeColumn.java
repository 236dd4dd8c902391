package dev.beamwright.recsys.data;

import it.unimi.dsi.fastutil.longs.LongArrayList;
import it.unimi.dsi.fastutil.longs.LongList;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

/**
 * A column that may hold the times, judged as a whole: one text by itself is nearly always some time (0, 23 and 17 are),
 * a column of them tells whether they can be meant.
 */
final class TimeColumn {
    /** How a column does for times, from worst to best. */
    enum Worth {
        /** Most of its texts are no times, or it is empty. */
        NONE,
        /** It holds one time only. */
        CONSTANT,
        /** Its numbers grow, perhaps, but are no dates: hours of the day, a running number. */
        ORDINAL,
        /** Most of its times are between 1980 and 2100. */
        DATES
    }

    /** A time that cannot be read. */
    private static final long BAD = Times.UNKNOWN + 1;
    private static final int EXAMPLES = 6; // of texts that cannot be read
    private static final long TEN_YEARS = 3653 * Times.DAY;

    private final String name;
    private final Times times;
    private final LongArrayList values = new LongArrayList();
    private final List<String> unreadable = new ArrayList<>(); // the first texts, and why
    private final List<String> notes = new ArrayList<>();
    private long timesOfDay;
    private int bad;
    private Worth worth;
    private String also; // the column with the times of day

    /** A column of which the rows before are empty. */
    TimeColumn(String name, Times times, int before) {
        this.name = name;
        this.times = times;
        for (int i = 0; i < before; i++) values.add(Times.UNKNOWN);
    }

    String name() {
        return name;
    }

    /** Adds the text of the next row; null for none. */
    void add(String text) {
        try {
            values.add(times.parse(text));
            if (Times.isTimeOfDay(text)) timesOfDay++;
        } catch (IllegalArgumentException e) {
            values.add(BAD);
            bad++;
            if (unreadable.size() < EXAMPLES) {
                unreadable.add("the time '" + Source.cut(text) + "' " + e.getMessage());
            }
        }
    }

    /** Whether a row's time cannot be read. */
    boolean isBad(int row) {
        return values.getLong(row) == BAD;
    }

    /** Why the {@code n}-th of the times that cannot be read cannot. */
    String whyBad(int n) {
        return n < unreadable.size() ? unreadable.get(n) : "its time cannot be read";
    }

    /** How many times cannot be read. */
    int bad() {
        return bad;
    }

    /** What was found about the column that a reader of the audit must know. */
    List<String> notes() {
        return notes;
    }

    /** The name, with that of the column of times of day that was added. */
    String fullName() {
        return also == null ? name : name + " and " + also;
    }

    /** The times in milliseconds, {@link Times#UNKNOWN} where there is none or it cannot be read. */
    long[] values() {
        return values.longStream().map(t -> t == BAD ? Times.UNKNOWN : t).toArray();
    }

    private LongStream known() {
        return values.longStream().filter(t -> t != BAD && t != Times.UNKNOWN);
    }

    /**
     * The best of some columns, the first among equals; null if there are none. Says in its notes why not those before it,
     * and what is odd about its own times; reads zeros among dates as unknown, and numbers such as 20140723 as dates.
     *
     * @param line of each row in the file
     */
    static TimeColumn best(List<TimeColumn> columns, LongList line) {
        TimeColumn best = null;
        for (TimeColumn c : columns) {
            c.judge();
            if (best == null || c.worth.compareTo(best.worth) > 0) best = c;
        }
        if (best == null) return null;
        for (TimeColumn c : columns) {
            if (c == best || c.worth == Worth.NONE && c.known().findAny().isEmpty() && c.bad == 0) continue;
            if (!best.addTimesOfDay(c) && c.worth.compareTo(best.worth) < 0) {
                best.notes.add("column '" + Source.cut(c.name) + "' is not taken for the time: " + c.inWords());
            }
        }
        best.look(line);
        return best;
    }

    private void judge() {
        convert(t -> t % 1000 == 0 ? Times.compact(t / 1000) : Times.UNKNOWN); // 20140723 was read as seconds
        convert(Times::compact); // 20140723183000 was read as milliseconds
        long[] sorted = known().sorted().toArray();
        long n = sorted.length;
        if (n == 0 || bad > n) worth = Worth.NONE;
        else if (n > 1 && sorted[0] == sorted[sorted.length - 1]) worth = Worth.CONSTANT;
        else worth = isDate(sorted[sorted.length / 2]) ? Worth.DATES : Worth.ORDINAL;
    }

    /** Replaces all times, if all can be. */
    private void convert(LongUnaryOperator to) {
        if (known().findAny().isEmpty() || known().anyMatch(t -> to.applyAsLong(t) == Times.UNKNOWN)) return;
        values.replaceAll((LongUnaryOperator) t -> t == BAD || t == Times.UNKNOWN ? t : to.applyAsLong(t));
    }

    private static boolean isDate(long t) {
        return t >= Times.FIRST && t < Times.END;
    }

    private String inWords() {
        if (worth == Worth.NONE) return bad > 0 ? unreadable.getFirst() : "it is empty";
        if (worth == Worth.CONSTANT) return "it is always " + Times.inWords(known().findFirst().getAsLong());
        return "its values, read as times, reach from " + Times.inWords(known().min().getAsLong()) + " to "
                + Times.inWords(known().max().getAsLong());
    }

    /** Days and times of day, in two columns, are one time. */
    private boolean addTimesOfDay(TimeColumn other) {
        boolean goTogether = worth == Worth.DATES && also == null && other.timesOfDay > 0 && other.bad == 0
                && other.timesOfDay == other.known().count()
                && known().allMatch(t -> t % Times.DAY == 0);
        if (!goTogether) return false;
        also = other.name;
        for (int i = 0; i < values.size(); i++) {
            long day = values.getLong(i), time = other.values.getLong(i);
            if (day != BAD && day != Times.UNKNOWN && time != Times.UNKNOWN) values.set(i, day + time);
        }
        return true;
    }

    /** Looks for what cannot be meant. */
    private void look(LongList line) {
        if (worth == Worth.ORDINAL) {
            notes.add(
                    inWords() + ", which can hardly be meant; only their order counts; if another column has the times,"
                            + " name it with --time-column");
        }
        if (worth == Worth.CONSTANT) notes.add(inWords() + ", so the file's order counts");
        if (worth != Worth.DATES) return;
        long zeros = known().filter(t -> t == 0).count();
        if (zeros > 0) {
            values.replaceAll((LongUnaryOperator) t -> t == 0 ? Times.UNKNOWN : t);
            notes.add(String.format(java.util.Locale.ROOT,
                    "%,d times are 0 (1970-01-01) among dates, and count as unknown", zeros));
        }
        long[] sorted = known().sorted().toArray();
        long low = sorted[sorted.length / 20], high = sorted[sorted.length - 1 - sorted.length / 20];
        long reach = Math.max(2 * (high - low), TEN_YEARS);
        int first = -1, count = 0;
        for (int i = 0; i < values.size(); i++) {
            long t = values.getLong(i);
            if (t == BAD || t == Times.UNKNOWN || isDate(t) && t >= low - reach && t <= high + reach) continue;
            if (first < 0) first = i;
            count++;
        }
        if (count > 0) {
            notes.add(String.format(java.util.Locale.ROOT,
                    "%,d times are far from all others, which lie about %s to %s; the first is %s in line %d",
                    count, Times.inWords(low), Times.inWords(high), Times.inWords(values.getLong(first)),
                    line.getLong(first)));
        }
    }
}
