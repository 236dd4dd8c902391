package dev.beamwright.recsys.objective;

import java.util.Arrays;
import java.util.Locale;

/**
 * The loss that orders confidences (UGR, arXiv 2602.11719): the correct item g of a group should be surer than the partly
 * right ones, which have its first code, and than the wrong ones,
 *
 * <pre>L = λ_p · mean over partial of softplus(c_i - c_g) + λ_w · mean over wrong of softplus(c_i - c_g)</pre>
 *
 * <p>and, where asked for, the third inequality directly, {@code λ_o · mean over pairs of softplus(c_wrong - c_partial)}.
 * An empty set adds nothing, and without a correct item there is no loss.
 *
 * @param partial λ_p
 * @param wrong λ_w
 * @param order λ_o, not in the paper's program
 */
public record ConfidenceOrder(double partial, double wrong, double order) implements RolloutLoss {
    /** Counts this loss. */
    public static final String CONFIDENCE_LOSS = "confidenceLoss";

    /** What an item of a group is. */
    public enum Kind {
        CORRECT,
        /** The first code is right, the item is not. */
        PARTIAL,
        WRONG;

        /** Counts items of this kind. */
        public String items() {
            return name().toLowerCase(Locale.ROOT) + "Items";
        }

        /** Counts the confidence in items of this kind. */
        public String confidence() {
            return name().toLowerCase(Locale.ROOT) + "Confidence";
        }
    }

    /**
     * A loss and its gradient.
     *
     * @param gradient with respect to each confidence
     */
    public record Value(double loss, double[] gradient) {}

    /** Whether there is anything to learn. */
    public boolean active() {
        return partial > 0 || wrong > 0 || order > 0;
    }

    /** What each item of a group is, from the codes of the items and the target's. */
    public static Kind[] kinds(int[][] codes, int[] target) {
        Kind[] kinds = new Kind[codes.length];
        for (int i = 0; i < codes.length; i++) {
            kinds[i] = Arrays.equals(codes[i], target)
                    ? Kind.CORRECT
                    : codes[i][0] == target[0] ? Kind.PARTIAL
                    : Kind.WRONG;
        }
        return kinds;
    }

    /**
     * The loss of one group.
     *
     * @param confidence of each item, in (0, 1)
     * @param kinds what each item is; of several correct ones the first counts
     */
    public Value of(double[] confidence, Kind[] kinds) {
        int n = confidence.length, g = 0;
        while (g < n && kinds[g] != Kind.CORRECT) g++;
        double[] gradient = new double[n];
        if (g == n) return new Value(0, gradient);
        int[] size = new int[Kind.values().length];
        for (Kind k : kinds) size[k.ordinal()]++;
        double loss = 0;
        for (int i = 0; i < n; i++) {
            if (kinds[i] == Kind.CORRECT) continue;
            double weight = (kinds[i] == Kind.PARTIAL ? partial : wrong) / size[kinds[i].ordinal()];
            loss += below(confidence, i, g, weight, gradient);
        }
        if (order > 0) {
            double weight = order / Math.max(1, size[Kind.PARTIAL.ordinal()] * size[Kind.WRONG.ordinal()]);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n && kinds[i] == Kind.WRONG; j++) {
                    if (kinds[j] == Kind.PARTIAL) loss += below(confidence, i, j, weight, gradient);
                }
            }
        }
        return new Value(loss, gradient);
    }

    @Override
    public boolean asksConfidence() {
        return true;
    }

    @Override
    public double of(Group g, Scores scores, double weight, Gradients gradients, Counters counters) {
        double[] c = scores.confidence();
        Value value = of(c, g.kinds());
        for (int i = 0; i < c.length; i++) {
            float slope = (float) (weight * value.gradient()[i] * c[i] * (1 - c[i]));
            gradients.answers()[2 * i] -= slope;
            gradients.answers()[2 * i + 1] += slope;
            counters.add(g.kinds()[i].confidence(), c[i]);
            counters.add(g.kinds()[i].items(), 1);
        }
        counters.add(CONFIDENCE_LOSS, value.loss());
        return weight * value.loss();
    }

    /** {@code weight · softplus(c_low - c_high)}; adds its gradient. */
    private static double below(double[] c, int low, int high, double weight, double[] gradient) {
        double x = c[low] - c[high], slope = weight / (1 + StrictMath.exp(-x));
        gradient[low] += slope;
        gradient[high] -= slope;
        return weight * softplus(x);
    }

    /** log(1 + e^x). */
    static double softplus(double x) {
        return Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
    }

    /** 1 / (1 + e^-x). */
    public static double sigmoid(double x) {
        return 1 / (1 + StrictMath.exp(-x));
    }
}
