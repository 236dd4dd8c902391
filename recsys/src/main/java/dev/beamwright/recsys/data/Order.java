package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.UserError;
import it.unimi.dsi.fastutil.ints.IntArrays;
import java.util.Arrays;
import java.util.Locale;

/** In which order a user's interactions stand. */
public enum Order {
    /**
     * By time if every row has one, otherwise the file's order. A file in which only some rows have a time must then show
     * by the others that it is in time order already.
     */
    AUTO,
    /** By time; rows of the same time keep the file's order. */
    TIME,
    /** As in the file. */
    FILE;

    /** The order of this name. */
    public static Order named(String name) {
        for (Order o : values()) if (o.toString().equalsIgnoreCase(name)) return o;
        throw new UserError("there is no order '" + Source.cut(name) + "'; choose one of auto, time, file");
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Puts each user's rows in order.
     *
     * @param rows the rows of each user, in the file's order; sorted in place
     * @param time the time of each row, or null
     * @param line the line of each row in the file
     * @return what was done, in words
     */
    String apply(int[][] rows, long[] time, long[] line, Source source) {
        if (this == FILE) return "the file's order, as asked";
        if (time == null) {
            if (this == AUTO) return "the file's order (it has no times)";
            throw new UserError(source + ": no column is known to hold times, but --order time needs them; "
                    + "name it with --time-column, or use --order file");
        }
        int firstUnknown = -1, unknown = 0, all = 0;
        for (int[] user : rows) {
            all += user.length;
            for (int row : user) {
                if (time[row] != Times.UNKNOWN) continue;
                if (firstUnknown < 0 || row < firstUnknown) firstUnknown = row;
                unknown++;
            }
        }
        if (unknown > 0) {
            if (stands(rows, time)) {
                return unknown == all
                        ? "the file's order (all its times are empty)"
                        : String.format(
                                Locale.ROOT,
                                "the file's order (%,d rows have no time; the others already stand in time order)",
                                unknown);
            }
            throw source.error(
                    line[firstUnknown],
                    "this row has no time" + (this == AUTO ? ", and the file is not in time order otherwise" : ""),
                    "fill it in, or use --order file if the rows stand in the right order");
        }
        for (int[] r : rows) if (!isSorted(r, time)) sort(r, time);
        return "by time, the file's order where times are equal";
    }

    /** Whether the file's order will do where times are missing, as rows that have one stand in its order. */
    boolean stands(int[][] rows, long[] time) {
        return this == FILE || time == null
                || this == AUTO && Arrays.stream(rows).allMatch(r -> isSorted(r, time));
    }

    private static boolean isSorted(int[] rows, long[] time) {
        long last = Long.MIN_VALUE;
        for (int r : rows) {
            if (time[r] == Times.UNKNOWN) continue;
            if (time[r] < last) return false;
            last = time[r];
        }
        return true;
    }

    /** Sorts by (time, row): as rows are numbered in the file's order, equal times keep it. */
    private static void sort(int[] rows, long[] time) {
        IntArrays.mergeSort(
                rows, (a, b) -> time[a] != time[b] ? Long.compare(time[a], time[b]) : Integer.compare(a, b));
    }
}
