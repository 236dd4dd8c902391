package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Every {@link RankMetric} at several depths, from the targets' ranks of many questions: {@code recall@K},
 * {@code ndcg@K} and {@code mrr@K}, each the mean over all questions.
 */
final class Metrics {
    private static final RankMetric[] METRICS = RankMetric.values();

    private final List<Integer> k;
    private final int[] bucket; // twice the rank of each question; 0 where it is beyond the largest K
    private final int buckets;

    Metrics(List<Integer> k, double[] ranks) {
        this.k = k;
        int most = 2 * k.stream().mapToInt(i -> i).max().orElse(0) + 1;
        buckets = most + 1;
        bucket = Arrays.stream(ranks).mapToInt(r -> 2 * r <= most ? (int) (2 * r) : 0).toArray();
    }

    /** The names of the values, in the order in which they are computed. */
    private String[] names() {
        return k.stream()
                .flatMap(i -> Arrays.stream(METRICS).map(m -> m.name(i)))
                .toArray(String[]::new);
    }

    /** The metrics of all questions, by name. */
    Map<String, Double> values() {
        int[] count = new int[buckets];
        for (int b : bucket) count[b]++;
        double[] values = values(count);
        String[] names = names();
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (int i = 0; i < names.length; i++) metrics.put(names[i], values[i]);
        return metrics;
    }

    /**
     * 95 % intervals by the bootstrap: the users are drawn anew with replacement, as many as there are, with all
     * questions about them, and the metrics taken again; the interval reaches from the 2.5th to the 97.5th percentile.
     * The same key draws the same users for every model.
     */
    Map<String, double[]> intervals(int resamples, Key key, Users users) {
        String[] names = names();
        double[][] drawn = new double[names.length][resamples];
        for (int b = 0; b < resamples; b++) {
            Key draws = key.fold(b);
            int[] count = new int[buckets];
            for (int i = 0; i < users.count(); i++) {
                for (int q : users.questions()[draws.below(i, users.count())]) count[bucket[q]]++;
            }
            double[] values = values(count);
            for (int m = 0; m < names.length; m++) drawn[m][b] = values[m];
        }
        Map<String, double[]> intervals = new LinkedHashMap<>();
        for (int m = 0; m < names.length; m++) {
            Arrays.sort(drawn[m]);
            intervals.put(names[m], new double[] {percentile(drawn[m], 0.025), percentile(drawn[m], 0.975)});
        }
        return intervals;
    }

    /** Linear between the two nearest values. */
    static double percentile(double[] sorted, double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at, above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    private double[] values(int[] count) {
        double[] values = new double[METRICS.length * k.size()];
        int questions = Arrays.stream(count).sum();
        for (int i = 0; i < k.size(); i++) {
            for (int m = 0; m < METRICS.length; m++) {
                double sum = 0;
                for (int b = 1; b < buckets; b++) {
                    if (count[b] > 0) sum += count[b] * METRICS[m].at(k.get(i), b / 2.0);
                }
                values[METRICS.length * i + m] = sum;
            }
        }
        for (int i = 0; i < values.length; i++) values[i] /= questions;
        return values;
    }
}
