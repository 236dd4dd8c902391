package dev.beamwright.recsys.confidence;

import dev.beamwright.recsys.run.UserError;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What is done with the confidence of the items of a list: they are put in another order, by
 * {@code exp(s) + weight · c} with the mean log-probability s of an item's codes (UGR, arXiv 2602.11719, section on
 * risk-aware uses), and items below a threshold are left out.
 *
 * @param weight of the confidence; 0 keeps the order
 * @param pool how many items from the top are put in another order; those below keep their places
 * @param truncateBelow confidence below which an item is left out; 0 keeps all
 */
public record ListRule(double weight, int pool, double truncateBelow) {
    public ListRule {
        if (!(weight >= 0)) throw new UserError("--confidence-weight " + weight + ": must be 0 or more");
        if (pool < 1) throw new UserError("--rank-pool " + pool + ": must be at least 1");
        if (!(truncateBelow >= 0 && truncateBelow <= 1)) {
            throw new UserError("--truncate-below " + truncateBelow + ": must be in 0 … 1");
        }
    }

    /** How many items of a list have to be asked for their confidence. */
    public int asked(int items) {
        return truncateBelow > 0 ? items : Math.min(items, pool);
    }

    /**
     * Which items of a list stay, and in which order.
     *
     * @param scores the mean log-probability of each item's codes, best first
     * @param confidence of the first items, at least {@link #asked} of them
     * @return places in the given list
     */
    public int[] apply(double[] scores, double[] confidence) {
        int n = scores.length, top = weight == 0 ? 0 : Math.min(n, pool);
        IntStream first = IntStream.range(0, top)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -hybrid(scores[i], confidence[i])))
                .mapToInt(i -> i);
        return IntStream.concat(first, IntStream.range(top, n))
                .filter(i -> truncateBelow == 0 || confidence[i] >= truncateBelow)
                .toArray();
    }

    /** {@code exp(s) + weight · c}; the confidence alone where the weight is infinite. */
    double hybrid(double score, double confidence) {
        return Double.isInfinite(weight) ? confidence : Math.exp(score) + weight * confidence;
    }

    /** Some places of an array. */
    static double[] chosen(double[] values, int[] places) {
        return Arrays.stream(places).mapToDouble(i -> values[i]).toArray();
    }
}
