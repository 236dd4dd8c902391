package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import java.util.Arrays;

/**
 * {@code ce}: the negative log-likelihood of each code given the true codes before it, averaged over levels and targets,
 *
 * <pre>L_CE = mean over n, t of -log softmax(z_nt / τ)[y_nt]</pre>
 *
 * as TIGER has it (Rajput et al., NeurIPS 2023, section 3.2).
 *
 * @param tau τ: temperature of the softmax
 */
public record CrossEntropy(@Help("temperature of the softmax, in training and in decoding") double tau)
        implements
            TargetObjective {
    public CrossEntropy {
        requireTau("ce", tau);
    }

    /** With τ = 1. */
    public CrossEntropy() {
        this(1);
    }

    @Override
    public String name() {
        return "ce";
    }

    @Override
    public String summary() {
        return "cross-entropy of the codes";
    }

    @Override
    public String equation() {
        return "L = mean over targets n and levels t of -log softmax(z_nt / tau)[code]   (TIGER, NeurIPS 2023)";
    }

    @Override
    public boolean recordable() {
        return true;
    }

    @Override
    public Result loss(MicroBatch b) {
        double[] nll = new double[b.levels()];
        return new Result(meanNll(b, nll), nll);
    }

    static void requireTau(String objective, double tau) {
        Parameter.require(tau >= 1e-6 && tau < 1000, objective, "tau", "from 1e-6 to below 1000", tau);
    }

    /** L_CE; adds the sum of each level's negative log-likelihoods to {@code nll}. */
    static Variable meanNll(MicroBatch b, double[] nll) {
        float[] levels = new float[b.levels()];
        Arrays.fill(levels, b.weight() / b.levels());
        return weighted(b, levels, nll);
    }

    /** {@code Σ_t weights[t] · Σ_n nll_nt}; adds the sum of each level's negative log-likelihoods to {@code nll}. */
    static Variable weighted(MicroBatch b, float[] weights, double[] nll) {
        Variable total = null;
        for (int t = 0; t < b.levels(); t++) {
            float[] rows = new float[b.targets().count()];
            Arrays.fill(rows, weights[t]);
            var level = b.likelihood().crossEntropy(b.tape(), b.logits().get(t), b.targets(), t, rows);
            int l = t;
            b.tape().backend().read(level.values(), () -> nll[l] += level.sum());
            total = total == null ? level.loss() : Ops.add(b.tape(), total, level.loss());
        }
        return total;
    }
}
