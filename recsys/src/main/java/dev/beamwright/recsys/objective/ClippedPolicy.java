package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Parameter;

/**
 * The clipped policy loss of GRPO, weighted by difficulty, and the divergence from the model of the beginning,
 *
 * <pre>
 * L = α · mean_i mean_t -min(ρ_it A_i, clip(ρ_it, 1 - ε, 1 + ε) A_i)          GRPO (arXiv 2402.03300, equation 3)
 *   + kl · mean_i mean_t (e^{d_it} - d_it - 1),   d = log π_ref - log π       k3 (Schulman, 2020; equation 4 there)
 * </pre>
 *
 * with the advantages A of {@link Reward} and ρ the ratio of the probability of code t of item i to what it was when the
 * group was made.
 *
 * @param ratioClip ε
 * @param kl weight of the divergence; 0 for none
 */
public record ClippedPolicy(double ratioClip, double kl) implements RolloutLoss {
    /** Counts the divergence, before its weight. */
    public static final String KL = "kl";
    /** Counts codes whose ratio was clipped. */
    public static final String CLIPPED = "clipped";

    /** Refuses values out of range. */
    void require(String objective) {
        Parameter.require(ratioClip > 0 && ratioClip < 1, objective, "ratio-clip", "above 0 and below 1", ratioClip);
        Parameter.require(kl >= 0 && kl < 1000, objective, "kl", "from 0 to below 1000", kl);
    }

    @Override
    public boolean needsReference() {
        return kl > 0;
    }

    @Override
    public double of(Group g, Scores scores, double weight, Gradients gradients, Counters counters) {
        float[][] now = scores.now(), before = scores.before(), reference = scores.reference();
        int levels = now.length, n = g.items().length;
        double share = 1.0 / (n * levels), loss = 0, divergence = 0;
        int clipped = 0;
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) {
                double a = g.advantages()[i], ratio = StrictMath.exp(now[t][i] - before[t][i]);
                double kept = Math.clamp(ratio, 1 - ratioClip, 1 + ratioClip);
                boolean binds = kept * a < ratio * a;
                loss -= share * (binds ? kept : ratio) * a;
                double gradient = binds ? 0 : -g.weight() * share * ratio * a;
                if (binds) clipped++;
                if (kl > 0) {
                    double d = reference[t][i] - now[t][i], e = StrictMath.exp(d);
                    divergence += share * (e - d - 1);
                    gradient += kl * share * (1 - e);
                }
                gradients.codes()[t][i] += (float) (weight * gradient);
            }
        }
        counters.add(POLICY_LOSS, g.weight() * loss);
        if (kl > 0) counters.add(KL, divergence);
        counters.add(CLIPPED, clipped);
        return weight * (g.weight() * loss + kl * divergence);
    }
}
