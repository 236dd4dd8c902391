package dev.beamwright.recsys.objective;

import java.util.Arrays;

/**
 * How APAO weighs the losses of the prefixes against each other: the worst prefix gains weight, slowly (Yu et al., KDD
 * 2026, arXiv 2603.02730, equations 15 to 17). The weights are constants to back-propagation.
 *
 * @param eta how fast
 */
public record PrefixWeights(Form form, double eta) {
    /** What the weights follow. */
    public enum Form {
        /**
         * The paper's: {@code w⁺ = argmax over w in the simplex of Σ_m w_m L_m - KL(w ‖ w_old) / η}, that is
         * {@code w⁺_m ∝ w_old,m · exp(η L_m)} (equation 17), from uniform weights.
         */
        PAPER,
        /**
         * That of the paper's program: as in the paper, but with {@code L̃_m = L_m / Σ_j L_j} in place of L_m, and L̃
         * itself as the first weights. The paper's values of η belong to this form.
         */
        CODE,
        /** Uniform weights that never change. */
        UNIFORM
    }

    private static final double LEAST = 1e-12;

    /** The weights in force; uniform before the first step. */
    double[] current(double[] weights, int levels) {
        if (weights.length > 0) return weights;
        double[] uniform = new double[levels];
        Arrays.fill(uniform, 1.0 / levels);
        return uniform;
    }

    /**
     * The weights of the next step, all above 0: what once had none could never have any again.
     *
     * @param weights in force; empty before the first step
     * @param means for each prefix length, the batch's mean loss, 0 or more; what is no number counts 0
     */
    double[] next(double[] weights, double[] means) {
        double[] losses = Arrays.stream(means).map(l -> Double.isFinite(l) ? l : 0).toArray();
        return switch (form) {
            case PAPER -> grown(current(weights, losses.length), losses);
            case CODE -> {
                double sum = Arrays.stream(losses).sum();
                if (!(sum > 0)) yield current(weights, losses.length); // nothing to follow
                double[] normalised = Arrays.stream(losses).map(l -> l / sum).toArray();
                yield weights.length == 0 ? positive(normalised) : grown(weights, normalised);
            }
            case UNIFORM -> current(weights, losses.length);
        };
    }

    /** {@code w_m exp(η L_m) / Σ_j w_j exp(η L_j)}, less the largest exponent, which changes nothing. */
    private double[] grown(double[] w, double[] losses) {
        double most = Arrays.stream(losses).map(l -> eta * l).max().orElse(0), sum = 0;
        double[] next = new double[w.length];
        for (int m = 0; m < w.length; m++) sum += next[m] = w[m] * StrictMath.exp(eta * losses[m] - most);
        for (int m = 0; m < w.length; m++) next[m] /= sum;
        return positive(next);
    }

    /** Weights that add up to 1, with none below {@link #LEAST}. */
    private static double[] positive(double[] weights) {
        if (Arrays.stream(weights).allMatch(w -> w >= LEAST)) return weights;
        double[] raised = Arrays.stream(weights).map(w -> Math.max(w, LEAST)).toArray();
        double sum = Arrays.stream(raised).sum();
        return Arrays.stream(raised).map(w -> w / sum).toArray();
    }

    /**
     * What prefix weights come to as weights of codes: since the loss of a prefix of m codes is the mean of their
     * negative log-likelihoods, {@code Σ_m w_m L_m = Σ_t c_t nll_t} with {@code c_t = Σ_{m≥t} w_m / m}.
     */
    public static double[] perCode(double[] weights) {
        double[] c = new double[weights.length];
        double sum = 0;
        for (int t = weights.length - 1; t >= 0; t--) c[t] = sum += weights[t] / (t + 1);
        return c;
    }
}
