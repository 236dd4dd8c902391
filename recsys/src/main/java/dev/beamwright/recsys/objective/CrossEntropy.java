package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import java.util.Arrays;

/**
 * The plain objective: the negative log-likelihood of each code given the true codes before it, averaged over levels
 * and targets,
 *
 * <pre>L_CE = mean over n, t of -log softmax(z_nt / τ)[y_nt]</pre>
 *
 * <p>Over {@link Softmax#CHILDREN} it is MSL (Wang et al., SIGIR 2025, arXiv 2504.04178): codes that no item has are
 * left out of the softmax, and τ is its temperature.
 */
public record CrossEntropy(Likelihood likelihood) implements Objective {
    @Override
    public boolean recordable() {
        return true;
    }

    @Override
    public Result loss(MicroBatch b) {
        double[] nll = new double[b.levels()];
        return new Result(meanNll(b, likelihood, nll), nll);
    }

    /** L_CE; adds the sum of each level's negative log-likelihoods to {@code nll}. */
    static Variable meanNll(MicroBatch b, Likelihood likelihood, double[] nll) {
        float[] levels = new float[b.levels()];
        Arrays.fill(levels, b.weight() / b.levels());
        return weighted(b, likelihood, levels, nll);
    }

    /** {@code Σ_t weights[t] · Σ_n nll_nt}; adds the sum of each level's negative log-likelihoods to {@code nll}. */
    static Variable weighted(MicroBatch b, Likelihood likelihood, float[] weights, double[] nll) {
        Variable total = null;
        for (int t = 0; t < b.levels(); t++) {
            float[] rows = new float[b.targets().count()];
            Arrays.fill(rows, weights[t]);
            var level = likelihood.crossEntropy(b.tape(), b.logits().get(t), b.targets(), t, rows);
            int l = t;
            b.tape().backend().read(level.values(), () -> nll[l] += level.sum());
            total = total == null ? level.loss() : Ops.add(b.tape(), total, level.loss());
        }
        return total;
    }
}
