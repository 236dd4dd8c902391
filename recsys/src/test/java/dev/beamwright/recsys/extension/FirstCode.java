package dev.beamwright.recsys.extension;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.run.Help;
import java.util.Arrays;

/** An objective from outside: the cross-entropy whose first code counts more. Its line is in META-INF/services. */
public record FirstCode(@Help("weight of the first code") double firstWeight) implements TargetObjective {
    public FirstCode() {
        this(2);
    }

    @Override
    public String name() {
        return "first-code";
    }

    @Override
    public String summary() {
        return "cross-entropy with a weight for the first code";
    }

    @Override
    public String equation() {
        return "L = first-weight * nll_1 + nll_2 + ...";
    }

    @Override
    public Result loss(MicroBatch b) {
        double[] nll = new double[b.levels()];
        Variable total = null;
        for (int t = 0; t < nll.length; t++) {
            float[] weights = new float[b.targets().count()];
            Arrays.fill(weights, (t == 0 ? (float) firstWeight : 1) * b.weight());
            var level = b.likelihood().crossEntropy(b.tape(), b.logits().get(t), b.targets(), t, weights);
            nll[t] = level.sum();
            total = total == null ? level.loss() : Ops.add(b.tape(), total, level.loss());
        }
        return new Result(total, nll);
    }
}
