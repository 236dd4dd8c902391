package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Likelihood;

/**
 * APAO with pointwise prefix losses (Yu et al., KDD 2026, arXiv 2603.02730): an item reaches the end of a beam search
 * only if each of its prefixes stays in the beam, so each prefix has a loss of its own,
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
 * strong here as there, relative to the cross-entropy of the codes.
 *
 * @param beta β
 * @param crossEntropy whether L_CE is part of the loss; without it, the paper's ablation
 */
public record ApaoPointwise(Likelihood likelihood, double beta, PrefixWeights weights, boolean crossEntropy)
        implements
            Objective {
    @Override
    public boolean recordable() {
        return true;
    }

    @Override
    public Result loss(MicroBatch b) {
        int levels = b.levels();
        double[] c = PrefixWeights.perCode(weights.current(b.prefixWeights(), levels));
        float[] perLevel = new float[levels];
        for (int t = 0; t < levels; t++) {
            perLevel[t] = (crossEntropy ? b.weight() / levels : 0) + (float) (b.weight() * beta * c[t]);
        }
        double[] nll = new double[levels], prefixLosses = new double[levels];
        Variable loss = CrossEntropy.weighted(b, likelihood, perLevel, nll);
        b.tape().backend().read(loss.value(), () -> {
            double sum = 0;
            for (int m = 0; m < levels; m++) prefixLosses[m] = b.weight() * (sum += nll[m]) / (m + 1);
        });
        return new Result(loss, nll, prefixLosses);
    }

    @Override
    public double[] nextPrefixWeights(double[] w, double[] prefixLosses) {
        return weights.next(w, prefixLosses);
    }
}
