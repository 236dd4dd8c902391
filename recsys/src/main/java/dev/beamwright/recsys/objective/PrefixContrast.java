package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.semanticid.ItemTrie;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;

/**
 * The pairwise prefix losses of APAO for one target and its negatives (arXiv 2603.02730, equations 13 and 14): for the
 * prefix of m codes, with the prefix scores {@code S_j = Σ_{t≤m} log p_jt} of the target (j = 0) and the negatives,
 *
 * <pre>L_m = -log σ(-log Σ_j exp(S_j - S_0)) = -log(e^{S_0} / (e^{S_0} + Σ_j e^{S_j}))</pre>
 *
 * where a negative with the target's own prefix does not count. Each is an option: scores divided by τ, negatives that
 * share a prefix counted once, and, as in the paper's program, the sum of the sampled negatives scaled by κ_m to that of
 * all prefixes, and the loss divided by m. All in log space.
 *
 * @param tau by which scores are divided
 * @param distinct whether at depth m a negative is left out whose prefix is that of an earlier negative
 * @param scaled whether the sum over negatives is multiplied by {@code κ_m = (V_m - 1) / n_m}, with V_m prefixes of m
 *     codes in the catalogue and n_m candidates that are not left out, the target among them
 * @param perCode whether the loss is divided by m
 */
public record PrefixContrast(double tau, boolean distinct, boolean scaled, boolean perCode) {
    /** As in the paper's formulas, each prefix once. */
    public static final PrefixContrast PAPER = new PrefixContrast(1, true, false, false);
    /** As in the paper's program. */
    public static final PrefixContrast CODE = new PrefixContrast(1, true, true, true);

    /**
     * The losses, and their weighted sum's gradient.
     *
     * @param losses for each prefix length
     * @param gradient of {@code Σ_m w_m L_m} with respect to the log-probability of each code: (candidates, levels),
     *     the target first
     */
    record Value(double[] losses, double[][] gradient) {}

    /**
     * Compares a target with negatives.
     *
     * @param logProbs (candidates, levels): of each candidate's codes, given its own codes before; the target first
     * @param nodes (candidates, levels): a number for each prefix of each candidate, equal where prefixes are
     * @param prefixes V_m: how many prefixes of each length the catalogue has
     * @param weights w_m
     */
    Value compare(double[][] logProbs, int[][] nodes, int[] prefixes, double[] weights) {
        int n = logProbs.length, levels = prefixes.length;
        double[] losses = new double[levels];
        double[][] gradient = new double[n][levels];
        double[] scores = new double[n];
        int[] kept = new int[n];
        for (int m = 0; m < levels; m++) {
            for (int j = 0; j < n; j++) scores[j] += logProbs[j][m] / tau;
            int count = kept(nodes, m, kept);
            if (count == 0) continue;
            double logKappa = scaled ? Math.log((prefixes[m] - 1.0) / (count + 1)) : 0;
            double length = perCode ? m + 1 : 1;
            double max = Double.NEGATIVE_INFINITY, sum = 0;
            for (int i = 0; i < count; i++) max = Math.max(max, scores[kept[i]]);
            for (int i = 0; i < count; i++) sum += Math.exp(scores[kept[i]] - max);
            double loss = softplus(Math.log(sum) + max + logKappa - scores[0]);
            losses[m] = loss / length;
            // dL_m/dS_0 = -(1 - π_0) / m and dL_m/dS_j = π_j / m, π the softmax over S_0 and S_j + log κ
            double w = weights[m] / length / tau;
            for (int t = 0; t <= m; t++) gradient[0][t] += w * Math.expm1(-loss);
            for (int i = 0; i < count; i++) {
                double share = Math.exp(scores[kept[i]] + logKappa - scores[0] - loss);
                for (int t = 0; t <= m; t++) gradient[kept[i]][t] += w * share;
            }
        }
        return new Value(losses, gradient);
    }

    /** Writes the candidates that count at a depth; returns how many there are. */
    private int kept(int[][] nodes, int m, int[] kept) {
        int count = 0;
        var met = new IntOpenHashSet();
        for (int j = 1; j < nodes.length; j++) {
            if (nodes[j][m] != nodes[0][m] && (met.add(nodes[j][m]) || !distinct)) kept[count++] = j;
        }
        return count;
    }

    /** log(1 + e^x). */
    private static double softplus(double x) {
        return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
    }

    /** V_m of a catalogue. */
    static int[] prefixes(ItemTrie trie) {
        int[] v = new int[trie.levels()];
        for (int m = 0; m < v.length; m++) v[m] = trie.nodesAt(m + 1);
        return v;
    }
}
