package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * The plain objective: the negative log-likelihood of each code given the true codes before it, averaged over levels
 * and targets. Over {@link Softmax#CHILDREN} it is MSL (Wang et al., SIGIR 2025): codes that no item has are left out
 * of the softmax.
 */
public record CrossEntropy(Softmax softmax) implements Objective {
    @Override
    public Result loss(Tape tape, List<Variable> logits, Targets targets, float weight) {
        int n = targets.count(), levels = logits.size();
        float[] w = new float[n];
        Arrays.fill(w, weight / levels);
        Tensor weights = tape.floats(w);
        Variable total = null;
        double[] nll = new double[levels];
        for (int level = 0; level < levels; level++) {
            Variable loss;
            if (softmax == Softmax.LEVEL) {
                var l = Ops.crossEntropy(tape, logits.get(level), targets.codes().get(level), weights);
                loss = l.value();
                for (int i = 0; i < n; i++) nll[level] += l.nll().get(i);
            } else {
                Variable logProb = Ops.logProbability(
                        tape, logits.get(level), targets.codes().get(level), targets.masks().get(level), 1);
                loss = Ops.scale(tape, Ops.weightedSum(tape, logProb, weights), -1);
                for (int i = 0; i < n; i++) nll[level] -= logProb.value().get(i);
            }
            total = total == null ? loss : Ops.add(tape, total, loss);
        }
        return new Result(total, nll);
    }
}
