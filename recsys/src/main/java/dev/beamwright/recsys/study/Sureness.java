package dev.beamwright.recsys.study;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How much a number in [0, 1] says about being right. Of equal numbers none is taken to be surer: they share their places,
 * and where an order is needed their mean counts.
 */
public final class Sureness {
    private Sureness() {}

    /**
     * The area under the ROC curve: how probable it is that a hit has a larger value than a miss, equal ones counted
     * half. NaN if there is no hit or no miss.
     */
    public static double auroc(double[] values, boolean[] hits) {
        Integer[] order = ascending(values);
        double ranks = 0, hit = 0;
        for (int from = 0; from < order.length;) {
            int to = from;
            while (to < order.length && values[order[to]] == values[order[from]]) to++;
            for (int i = from; i < to; i++) {
                if (!hits[order[i]]) continue;
                ranks += (from + 1 + to) / 2.0; // the middle of the places from + 1 … to
                hit++;
            }
            from = to;
        }
        double miss = order.length - hit;
        return hit == 0 || miss == 0 ? Double.NaN : (ranks - hit * (hit + 1) / 2) / (hit * miss);
    }

    /**
     * The share of wrong items of a list with a smaller value than the right one, equal ones counted half.
     *
     * @param right the place of the right one; the list has others too
     */
    public static double within(double[] values, int right) {
        double below = 0;
        for (int i = 0; i < values.length; i++) {
            if (i != right) below += values[i] < values[right] ? 1 : values[i] == values[right] ? 0.5 : 0;
        }
        return below / (values.length - 1);
    }

    /** The mean of (value - hit)² (Brier, 1950). */
    public static double brier(double[] values, boolean[] hits) {
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            double d = values[i] - (hits[i] ? 1 : 0);
            sum += d * d;
        }
        return sum / values.length;
    }

    /**
     * Bins of equal mass, least sure first.
     *
     * @param value mean value of each
     * @param hit share of hits of each
     * @param size how many each has
     */
    public record Bins(double[] value, double[] hit, int[] size) {
        /** The expected calibration error: the mean distance of value and share of hits. */
        public double error() {
            double sum = 0;
            int n = 0;
            for (int b = 0; b < size.length; b++) {
                sum += size[b] * Math.abs(value[b] - hit[b]);
                n += size[b];
            }
            return sum / n;
        }
    }

    /** Sorts values into bins that have equally many, as far as that can be; no more bins than values. */
    public static Bins bins(double[] values, boolean[] hits, int bins) {
        Integer[] order = ascending(values);
        double[] hit =
                evened(values, order, IntStream.range(0, hits.length).mapToDouble(i -> hits[i] ? 1 : 0).toArray());
        int n = order.length, count = Math.min(bins, n);
        var result = new Bins(new double[count], new double[count], new int[count]);
        for (int b = 0; b < count; b++) {
            int from = (int) ((long) n * b / count), to = (int) ((long) n * (b + 1) / count);
            result.size[b] = to - from;
            for (int i = from; i < to; i++) {
                result.value[b] += values[order[i]] / (to - from);
                result.hit[b] += hit[i] / (to - from);
            }
        }
        return result;
    }

    /**
     * What a selection of the surest gains.
     *
     * @param sure by question
     * @param gains by question
     * @return for each n from 1: the mean gain of the n surest questions
     */
    public static double[] ofSurest(double[] sure, double[] gains) {
        Integer[] order = ascending(sure);
        double[] evened = evened(sure, order, gains), means = new double[gains.length];
        double sum = 0;
        for (int n = 1; n <= means.length; n++) {
            sum += evened[means.length - n];
            means[n - 1] = sum / n;
        }
        return means;
    }

    /** The area under the risk-coverage curve: the mean, over all coverages, of 1 - the mean gain of the surest. */
    public static double aurc(double[] ofSurest) {
        return 1 - Arrays.stream(ofSurest).average().orElse(Double.NaN);
    }

    private static Integer[] ascending(double[] values) {
        Integer[] order = new Integer[values.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> values[i]));
        return order;
    }

    /** What is given for each value, in this order, with its mean where values are equal. */
    private static double[] evened(double[] values, Integer[] order, double[] given) {
        double[] evened = new double[order.length];
        for (int from = 0; from < order.length;) {
            int to = from;
            double sum = 0;
            while (to < order.length && values[order[to]] == values[order[from]]) sum += given[order[to++]];
            Arrays.fill(evened, from, to, sum / (to - from));
            from = to;
        }
        return evened;
    }
}
