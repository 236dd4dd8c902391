package dev.beamwright.benchmarks;

import java.util.Arrays;

/** Order statistics of a few measurements. */
final class Stats {
    private Stats() {}

    /** The value below which that share of the measurements lies, between two of them in proportion. */
    static double quantile(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = share * (sorted.length - 1);
        int below = (int) at, above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    static double median(double[] values) {
        return quantile(values, 0.5);
    }
}
