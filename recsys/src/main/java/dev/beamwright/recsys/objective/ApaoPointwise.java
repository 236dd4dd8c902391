package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * {@code apao-pointwise}: APAO with pointwise prefix losses (Yu et al., KDD 2026, arXiv 2603.02730). An item reaches the
 * end of a beam search only if each of its prefixes stays in the beam, so each prefix has a loss of its own,
 *
 * <pre>
 * L       = L_CE + β Σ_m w_m L_m                     (equation 11)
 * L_m     = mean over n of -(1/m) Σ_{t≤m} log p_nt   (equation 12)
 * </pre>
 *
 * with the weights w of {@link PrefixWeights}. It costs no more than a cross-entropy, because it is one, with the weight
 * {@code 1/levels + β c_t} for the code of level t ({@link PrefixWeights#perCode}).
 *
 * <p>The paper's program trains with an end token behind the codes, so its L_CE is a mean over one position more than
 * there are levels; here semantic IDs have no end token. Its β is therefore {@code levels / (levels + 1)} times as
 * strong here as there, relative to the cross-entropy of the codes. The program changes the prefix weights with each
 * micro-batch of 128 targets and uses them at once; here they change once a step, after it, and the first step has equal
 * ones. So the same η moves them by as much less as a step has more targets than 128.
 *
 * @param beta β
 * @param eta η, see {@link PrefixWeights}
 * @param prefixWeights what the weights w follow
 * @param crossEntropy whether L_CE is part of the loss; without it, the paper's ablation
 * @param tau temperature of the softmax
 */
public record ApaoPointwise(
        @Help("weight of the prefix losses") double beta,
        @Help("how fast the prefix weights change") double eta,
        @Help("what the prefix weights follow: the losses, the normalised losses, or nothing") PrefixWeights.Form prefixWeights,
        @Help("whether the cross-entropy is part of the loss") boolean crossEntropy,
        @Help("temperature of the softmax, in training and in decoding") double tau)
        implements
            TargetObjective {
    public ApaoPointwise {
        requireApao("apao-pointwise", beta, eta, crossEntropy);
        CrossEntropy.requireTau("apao-pointwise", tau);
    }

    /** The usual parameters. */
    public ApaoPointwise() {
        this(0.2, 1e-4);
    }

    /** The usual parameters but for β and η. */
    public ApaoPointwise(double beta, double eta) {
        this(beta, eta, PrefixWeights.Form.CODE, true, 1);
    }

    static void requireApao(String objective, double beta, double eta, boolean crossEntropy) {
        Parameter.require(beta >= 0 && beta < 1000, objective, "beta", "from 0 to below 1000", beta);
        Parameter.require(eta >= 0 && eta < 1000, objective, "eta", "from 0 to below 1000", eta);
        if (beta == 0 && !crossEntropy) {
            throw new UserError(objective + ": beta=0 with cross-entropy=false leaves no loss; leave one of them out");
        }
    }

    @Override
    public String name() {
        return "apao-pointwise";
    }

    @Override
    public String summary() {
        return "cross-entropy and a loss for each prefix (APAO)";
    }

    @Override
    public String equation() {
        return """
                L   = L_CE + beta * sum_m w_m L_m               (APAO, arXiv 2603.02730, equation 11)
                L_m = -(1/m) * sum_{t<=m} log p_t               (equation 12)
                w_m follow the losses, by eta                   (equations 15 to 17)""";
    }

    /** β and η of table 5 of the paper. */
    @Override
    public List<Preset> presets() {
        return List.of(
                Preset.of("office-tiger", new ApaoPointwise(0.3, 1e-4)),
                Preset.of("grocery-tiger", new ApaoPointwise(0.1, 5e-5)),
                Preset.of("beauty-tiger", new ApaoPointwise(0.1, 1e-5)),
                Preset.of("yelp-tiger", new ApaoPointwise(0.05, 1e-5)),
                Preset.of("office-llama", new ApaoPointwise(0.4, 5e-4)),
                Preset.of("grocery-llama", new ApaoPointwise(0.4, 5e-5)),
                Preset.of("beauty-llama", new ApaoPointwise(0.3, 1e-4)),
                Preset.of("yelp-llama", new ApaoPointwise(0.4, 1e-5)));
    }

    @Override
    public String idle(String key) {
        return key.equals("eta") && prefixWeights == PrefixWeights.Form.UNIFORM ? "with prefix-weights=uniform" : null;
    }

    @Override
    public boolean recordable() {
        return true;
    }

    @Override
    public Result loss(MicroBatch b) {
        int levels = b.levels();
        double[] c = PrefixWeights.perCode(weights().current(b.prefixWeights(), levels));
        float[] perLevel = new float[levels];
        for (int t = 0; t < levels; t++) {
            perLevel[t] = (crossEntropy ? b.weight() / levels : 0) + (float) (b.weight() * beta * c[t]);
        }
        double[] nll = new double[levels], prefixLosses = new double[levels];
        Variable loss = CrossEntropy.weighted(b, perLevel, nll);
        b.tape().backend().read(loss.value(), () -> {
            double sum = 0;
            for (int m = 0; m < levels; m++) prefixLosses[m] = b.weight() * (sum += nll[m]) / (m + 1);
        });
        return new Result(loss, nll, prefixLosses);
    }

    @Override
    public double[] nextPrefixWeights(double[] w, double[] prefixLosses) {
        return weights().next(w, prefixLosses);
    }

    private PrefixWeights weights() {
        return new PrefixWeights(prefixWeights, eta);
    }
}
