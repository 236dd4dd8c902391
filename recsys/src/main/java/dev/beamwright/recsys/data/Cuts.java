package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.UserError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Where each user's sequence is cut: the items before {@code trainEnd[u]} train, those before {@code validationEnd[u]}
 * are validation targets, the rest are test targets. The history of a target is everything before it, so a test history
 * includes the validation items. A target without history is not asked.
 *
 * @param rule how the cuts were made: {@code leave-one-out} or {@code time}
 * @param validationFrom for a time split the second from which on targets validate, else null
 * @param testFrom for a time split the second from which on targets test, else null
 */
public record Cuts(
        String rule,
        @Nullable Long validationFrom,
        @Nullable Long testFrom,
        int[] trainEnd,
        int[] validationEnd) {
    private static final int SHORTEST = 3; // items that a user must have to be asked in leave-one-out

    public Cuts {
        if (!rule.equals("leave-one-out") && !rule.equals("time")) {
            throw new IllegalArgumentException("there is no split '" + Source.cut(rule) + "'");
        }
        if (trainEnd.length != validationEnd.length) {
            throw new IllegalArgumentException("trainEnd is for " + trainEnd.length + " users, validationEnd for "
                    + validationEnd.length);
        }
        for (int u = 0; u < trainEnd.length; u++) {
            if (trainEnd[u] < 0 || trainEnd[u] > validationEnd[u]) {
                throw new IllegalArgumentException("user " + u + " is cut at " + trainEnd[u] + " and "
                        + validationEnd[u]);
            }
        }
    }

    /**
     * The last item of each user tests, the one before validates, the others train. Users with fewer than three items are
     * not asked: all their items train.
     */
    public static Cuts leaveOneOut(int[][] sequences) {
        int[] trainEnd = new int[sequences.length], validationEnd = new int[sequences.length];
        boolean asked = false;
        for (int u = 0; u < sequences.length; u++) {
            int n = sequences[u].length;
            boolean enough = n >= SHORTEST;
            asked |= enough;
            trainEnd[u] = enough ? n - 2 : n;
            validationEnd[u] = enough ? n - 1 : n;
        }
        if (!asked) {
            throw new UserError("no user has " + SHORTEST + " interactions, so there is nothing to ask; "
                    + "give data with longer histories, or use --split time");
        }
        return new Cuts("leave-one-out", null, null, trainEnd, validationEnd);
    }

    /**
     * Two moments for all users: the last {@code testShare} of all interactions test, the {@code validationShare} before
     * them validate. Interactions at the very moment of a cut belong to the later part.
     */
    public static Cuts byTime(long[][] times, double validationShare, double testShare) {
        if (!(validationShare > 0 && testShare > 0 && validationShare + testShare < 1)) {
            throw new UserError("--valid-share " + validationShare + " and --test-share " + testShare
                    + " leave nothing to train on or to ask; both must be above 0 and together below 1");
        }
        if (times == null) {
            throw new UserError(
                    "--split time needs times, but the file has none; name their column with --time-column");
        }
        long[] all = Arrays.stream(times).flatMapToLong(Arrays::stream).sorted().toArray();
        if (all[0] == Dataset.UNKNOWN_TIME) {
            throw new UserError(
                    "--split time needs the time of every interaction, but some are empty; fill them in, or "
                            + "use --split leave-one-out");
        }
        long testFrom = all[(int) Math.round((all.length - 1) * (1 - testShare))];
        long validationFrom = all[(int) Math.round((all.length - 1) * (1 - testShare - validationShare))];
        if (validationFrom == all[0] || validationFrom == testFrom) {
            throw new UserError("--split time: too many interactions have the same time (" + validationFrom
                    + ") to cut there; use other shares, or --split leave-one-out");
        }
        int[] trainEnd = new int[times.length], validationEnd = new int[times.length];
        for (int u = 0; u < times.length; u++) {
            for (int i = 1; i < times[u].length; i++) {
                if (times[u][i] < times[u][i - 1]) {
                    throw new UserError("--split time needs each user's interactions in time order; use --order time");
                }
            }
            trainEnd[u] = before(times[u], validationFrom);
            validationEnd[u] = before(times[u], testFrom);
        }
        return new Cuts("time", validationFrom, testFrom, trainEnd, validationEnd);
    }

    private static int before(long[] times, long moment) {
        int n = 0;
        while (n < times.length && times[n] < moment) n++;
        return n;
    }

    /** The questions and the training part that these cuts make of the sequences. */
    public Split apply(int[][] sequences) {
        if (sequences.length != trainEnd.length || sequences.length != validationEnd.length) {
            throw new UserError(String.format(
                    Locale.ROOT,
                    "data/split.json is for %,d users, but data/sequences.tsv has %,d; run 'beamwright prepare' again",
                    trainEnd.length,
                    sequences.length));
        }
        int[][] train = new int[sequences.length][];
        List<Case> validation = new ArrayList<>(), test = new ArrayList<>();
        for (int u = 0; u < sequences.length; u++) {
            int[] s = sequences[u];
            if (validationEnd[u] > s.length) {
                throw new UserError("data/split.json cuts user " + u + " at " + validationEnd[u] + ", but data/"
                        + "sequences.tsv has " + s.length + " items there; run 'beamwright prepare' again");
            }
            train[u] = Arrays.copyOf(s, trainEnd[u]);
            for (int i = Math.max(1, trainEnd[u]); i < s.length; i++) {
                (i < validationEnd[u] ? validation : test).add(new Case(u, s, i));
            }
        }
        return new Split(train, validation, test);
    }
}
