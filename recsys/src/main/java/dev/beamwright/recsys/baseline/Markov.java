package dev.beamwright.recsys.baseline;

import java.util.Arrays;

/**
 * What followed the latest items? In the training part a pair (a, then b) at distance d &lt;= reach counts 1/d. An item's
 * score is the sum over the last {@code reach} items of the history, newest first (k = 0, 1, …), of 0.5^k times that
 * count, plus {@value #BACK_OFF} times the item's own count, which puts popularity where the pairs do not decide.
 *
 * <p>Reach 1 is the first-order Markov rule with popularity back-off, reach 3 the decayed form. Pair counts are kept as
 * whole sixths, so that equal scores are exactly equal.
 */
record Markov(String name, int reach) implements Baseline {
    private static final double BACK_OFF = 1e-6;
    private static final int WHOLE = 6; // 1/d is a whole number of sixths for d up to 3

    Markov {
        if (reach < 1 || reach > 3) throw new IllegalArgumentException("reach " + reach + " is not within 1 to 3");
    }

    @Override
    public Scorer fit(int[][] train, int items) {
        double[] backOff = new double[items];
        int[] start = new int[items + 1]; // the pairs that begin with item a lie from start[a] to start[a + 1]
        for (int[] s : train) {
            for (int i = 0; i < s.length; i++) {
                backOff[s[i]]++;
                start[s[i] + 1] += Math.min(reach, s.length - 1 - i);
            }
        }
        for (int i = 0; i < items; i++) backOff[i] *= BACK_OFF;
        for (int i = 0; i < items; i++) start[i + 1] += start[i];
        int[] to = new int[start[items]], sixths = new int[start[items]], fill = start.clone();
        for (int[] s : train) {
            for (int i = 0; i < s.length; i++) {
                for (int d = 1; d <= reach && i + d < s.length; d++) {
                    to[fill[s[i]]] = s[i + d];
                    sixths[fill[s[i]]++] = WHOLE / d;
                }
            }
        }
        int[] end = merge(start, to, sixths, items);
        return (history, scores) -> {
            System.arraycopy(backOff, 0, scores, 0, items);
            double[] counts = new double[items]; // in sixths times 2^-(reach - 1): whole numbers
            for (int k = 0; k < reach && k < history.length; k++) {
                int from = history[history.length - 1 - k];
                for (int p = start[from]; p < end[from]; p++) counts[to[p]] += sixths[p] << (reach - 1 - k);
            }
            double unit = WHOLE << (reach - 1);
            for (int i = 0; i < items; i++) scores[i] += counts[i] / unit;
        };
    }

    /** Adds up pairs with the same second item. Returns where the pairs of each first item end now. */
    private static int[] merge(int[] start, int[] to, int[] sixths, int items) {
        int[] end = new int[items], sum = new int[items], seen = new int[items];
        for (int a = 0; a < items; a++) {
            int n = 0;
            for (int p = start[a]; p < start[a + 1]; p++) {
                if (sum[to[p]] == 0) seen[n++] = to[p];
                sum[to[p]] += sixths[p];
            }
            Arrays.sort(seen, 0, n);
            end[a] = start[a] + n;
            for (int i = 0; i < n; i++) {
                to[start[a] + i] = seen[i];
                sixths[start[a] + i] = sum[seen[i]];
                sum[seen[i]] = 0;
            }
        }
        return end;
    }
}
