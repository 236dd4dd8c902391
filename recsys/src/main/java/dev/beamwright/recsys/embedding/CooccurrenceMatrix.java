package dev.beamwright.recsys.embedding;

import it.unimi.dsi.fastutil.longs.Long2DoubleOpenHashMap;
import java.util.Arrays;

/**
 * Items by items, weighted by the positive pointwise mutual information of standing near each other in a sequence:
 * {@code max(0, ln(c(i,j) · Σ / (c(i) · c(j)))}, where a pair at distance d counts 1/d and the counts of the context
 * {@code c(j)} are raised to the power 0.75 (Levy, Goldberg and Dagan, "Improving distributional similarity with lessons
 * learned from word embeddings", TACL 2015).
 */
final class CooccurrenceMatrix {
    private static final double SMOOTHING = 0.75;

    private CooccurrenceMatrix() {}

    /**
     * @param sequences the items of each user in order, of the training part alone
     * @param items how many items there are
     * @param window the largest distance that counts
     */
    static SparseMatrix ppmi(int[][] sequences, int items, int window) {
        var counts = new Long2DoubleOpenHashMap();
        for (int[] s : sequences) {
            for (int i = 0; i < s.length; i++) {
                for (int d = 1; d <= window && i + d < s.length; d++) {
                    int a = s[i], b = s[i + d];
                    if (a == b) continue;
                    counts.addTo((long) a * items + b, 1.0 / d);
                    counts.addTo((long) b * items + a, 1.0 / d);
                }
            }
        }
        long[] pairs = counts.keySet().toLongArray();
        Arrays.parallelSort(pairs);

        double[] sum = new double[items];
        for (long p : pairs) sum[(int) (p / items)] += counts.get(p);
        double[] context = new double[items];
        double total = 0;
        for (int i = 0; i < items; i++) total += context[i] = Math.pow(sum[i], SMOOTHING);

        int[] offsets = new int[items + 1], column = new int[pairs.length];
        float[] value = new float[pairs.length];
        int n = 0;
        for (long p : pairs) {
            int i = (int) (p / items), j = (int) (p % items);
            double information = Math.log(counts.get(p) * total / (sum[i] * context[j]));
            if (information <= 0) continue;
            column[n] = j;
            value[n++] = (float) information;
            offsets[i + 1] = n;
        }
        for (int i = 0; i < items; i++) offsets[i + 1] = Math.max(offsets[i + 1], offsets[i]);
        return new SparseMatrix(items, offsets, Arrays.copyOf(column, n), Arrays.copyOf(value, n));
    }
}
