package dev.beamwright.recsys.data;

import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * How often people come back to an item, measured in the training part alone: a life table.
 *
 * <p>Take a target of the training part and an item of its history that occurs {@code m} times there, the last time
 * {@code k} places before the target ({@code k = 1} for the item just before it). The item is <em>at risk</em> in cell
 * (k, m), and it <em>returns</em> if it is the target. Distances are pooled into 1, 2, 3–4, 5–8, 9–16, …, occurrences
 * into 1, 2, 3 and {@value #OCCURRENCES} or more. With R returns among N at risk overall, R_d among N_d at one distance,
 * and R_dm among N_dm in a cell, the rates are
 *
 * <pre>
 * rate(d)    = (R_d  + A · R / N)     / (N_d  + A)        A = {@value #PRIOR}
 * rate(d, m) = (R_dm + A · rate(d))   / (N_dm + A)
 * </pre>
 *
 * <p>So a cell of which little is known has the rate of its distance, and that of all. Where nobody ever repeats, all
 * rates are exactly 0; where somebody does, none is.
 *
 * @param atRisk N: pairs of a training target and a distinct item of its history
 * @param returns R: how many training targets lie in their own history
 * @param targets training targets with a history
 * @param rates by pooled distance, then by pooled occurrences
 */
public record Repeats(long atRisk, long returns, long targets, List<List<Double>> rates) {
    private static final int OCCURRENCES = 4;
    private static final int PRIOR = 20;
    /** What all seen items may have together: something must be left for the others. */
    private static final double MOST = 0.99;

    /** Nobody comes back to an item: with it seen items are hidden. */
    public static final Repeats NEVER = new Repeats(0, 0, 0, List.of(Collections.nCopies(OCCURRENCES, 0.0)));

    /** Measures sequences, oldest item first. Every interaction is looked at once. */
    public static Repeats of(int[][] train) {
        int longest = Arrays.stream(train).mapToInt(s -> s.length).max().orElse(0);
        long[][] risk = new long[Math.max(2, longest) + 1][OCCURRENCES]; // at first its differences along the distance
        long[][] back = new long[pooled(Math.max(1, longest)) + 1][OCCURRENCES];
        long targets = 0;
        for (int[] s : train) {
            targets += Math.max(0, s.length - 1);
            var last = new Int2IntOpenHashMap(); // by item: where it stood last
            var count = new Int2IntOpenHashMap();
            last.defaultReturnValue(-1);
            for (int t = 0; t < s.length; t++) {
                int before = last.put(s[t], t), m = count.addTo(s[t], 1);
                if (before < 0) continue;
                atRisk(risk, m, t - before);
                back[pooled(t - before)][Math.min(m, OCCURRENCES) - 1]++;
            }
            for (var e : last.int2IntEntrySet()) atRisk(risk, count.get(e.getIntKey()), s.length - 1 - e.getIntValue());
        }
        return of(risk, back, targets);
    }

    /** An item that occurred m times is at risk at the distances 1 … most. */
    private static void atRisk(long[][] differences, int m, int most) {
        if (most < 1) return;
        differences[1][Math.min(m, OCCURRENCES) - 1]++;
        differences[most + 1][Math.min(m, OCCURRENCES) - 1]--;
    }

    private static Repeats of(long[][] differences, long[][] back, long targets) {
        long[][] risk = new long[back.length][OCCURRENCES];
        long[] running = new long[OCCURRENCES];
        long allRisk = 0, allBack = 0;
        for (int k = 1; k < differences.length - 1; k++) {
            for (int m = 0; m < OCCURRENCES; m++) {
                running[m] += differences[k][m];
                risk[pooled(k)][m] += running[m];
                allRisk += running[m];
            }
        }
        for (long[] d : back) allBack += Arrays.stream(d).sum();
        double overall = allRisk == 0 ? 0 : (double) allBack / allRisk;
        List<List<Double>> rates = new ArrayList<>();
        for (int d = 0; d < back.length; d++) {
            double rate = rate(Arrays.stream(back[d]).sum(), Arrays.stream(risk[d]).sum(), overall);
            List<Double> cells = new ArrayList<>();
            for (int m = 0; m < OCCURRENCES; m++) cells.add(rate(back[d][m], risk[d][m], rate));
            rates.add(cells);
        }
        return new Repeats(allRisk, allBack, targets, rates);
    }

    private static double rate(long returns, long atRisk, double prior) {
        return (returns + PRIOR * prior) / (atRisk + PRIOR);
    }

    /** Distances 1, 2, 3–4, 5–8, … have the numbers 0, 1, 2, 3, …. */
    private static int pooled(int distance) {
        return 32 - Integer.numberOfLeadingZeros(distance - 1);
    }

    /** What was measured, in a line. */
    public String text() {
        if (never()) return String.format(Locale.ROOT, "none of %,d training targets lies in its own history", targets);
        return String.format(
                Locale.ROOT,
                "%.2f %% of %,d training targets lie in their own history; an item met once returns %.4f as the last, "
                        + "%.4f as the last but one, %.4f from 9 to 16 back",
                100.0 * returns / targets, targets, rate(1, 1), rate(2, 1), rate(9, 1));
    }

    /** Whether nobody comes back to an item. */
    public boolean never() {
        return returns == 0;
    }

    /** The rate of one distance, from 1, after so many occurrences, from 1. */
    public double rate(int distance, int occurrences) {
        return rates.get(Math.min(pooled(distance), rates.size() - 1)).get(Math.min(occurrences, OCCURRENCES) - 1);
    }

    /**
     * The probabilities with which a user comes back to items.
     *
     * @param items the distinct items of the history, the latest first
     * @param masses of each; they may be 0
     * @param total their sum, below 1
     */
    public record Masses(int[] items, double[] masses, double total) {
        /** The mass of an item; -1 for one that is not in the history. */
        public double of(int item) {
            for (int i = 0; i < items.length; i++) if (items[i] == item) return masses[i];
            return -1;
        }
    }

    /**
     * The probability of each seen item to come next: its rate, all scaled down where they add up to more than
     * {@value #MOST}. Over the training targets these add up, but for the smoothing, to the repeats that were counted.
     *
     * @param history all items of a user, oldest first
     */
    public Masses masses(int[] history) {
        var count = new Int2IntOpenHashMap();
        for (int item : history) count.addTo(item, 1);
        int[] items = new int[count.size()];
        double[] masses = new double[items.length];
        double total = 0;
        for (int k = 1, n = 0; n < items.length; k++) {
            int item = history[history.length - k], m = count.put(item, 0);
            if (m == 0) continue; // it stands later, too
            items[n] = item;
            total += masses[n++] = rate(k, m);
        }
        if (total > MOST) {
            for (int i = 0; i < masses.length; i++) masses[i] *= MOST / total;
            total = MOST;
        }
        return new Masses(items, masses, total);
    }
}
