package dev.beamwright.recsys.objective;

/**
 * The loss of a preference for one item over others (S-DPO, Chen et al., NeurIPS 2024; with one other item it is DPO,
 * Rafailov et al., NeurIPS 2023, equation 7):
 *
 * <pre>L = -log σ(-log Σ_j exp(β (d_j - d_0))),   d = log π(item) - log π_ref(item)</pre>
 *
 * @param beta β: how far the policy may go from the reference
 */
public record Preference(double beta) implements RolloutLoss {
    /**
     * A loss and its gradient.
     *
     * @param gradient with respect to each d
     */
    public record Value(double loss, double[] gradient) {}

    /**
     * The loss of one preference.
     *
     * @param d of the preferred item, then of the others; at least one other
     */
    public Value of(double[] d) {
        int n = d.length;
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (int j = 1; j < n; j++) max = Math.max(max, beta * (d[j] - d[0]));
        for (int j = 1; j < n; j++) sum += StrictMath.exp(beta * (d[j] - d[0]) - max);
        double u = StrictMath.log(sum) + max;
        double[] gradient = new double[n];
        for (int j = 1; j < n; j++) {
            double share = StrictMath.exp(beta * (d[j] - d[0]) - u);
            gradient[j] = beta * ConfidenceOrder.sigmoid(u) * share;
            gradient[0] -= gradient[j];
        }
        return new Value(ConfidenceOrder.softplus(u), gradient);
    }

    @Override
    public boolean needsReference() {
        return true;
    }

    @Override
    public double of(Group g, Scores scores, double weight, Gradients gradients, Counters counters) {
        int levels = scores.now().length, n = g.items().length;
        if (n < 2) return 0;
        double[] d = new double[n];
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) d[i] += (double) scores.now()[t][i] - scores.reference()[t][i];
        }
        Value value = of(d);
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) gradients.codes()[t][i] += (float) (weight * value.gradient()[i]);
        }
        counters.add(POLICY_LOSS, value.loss());
        return weight * value.loss();
    }
}
