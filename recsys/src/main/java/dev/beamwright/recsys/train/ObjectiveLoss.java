package dev.beamwright.recsys.train;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.prm.PathLoss;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Noise;
import java.util.Arrays;
import java.util.List;

/**
 * The loss of a generative model under an objective, and of a process reward model if there is one; and what changes of
 * it from step to step: the weights of the prefix losses. They are the same for all micro-batches of a step.
 *
 * <p>What is reported by level is the backbone's negative log-likelihood and, behind it, the loss of the process reward
 * model; of a backbone that is not trained only the latter.
 */
public final class ObjectiveLoss implements Trainer.Loss<Guided> {
    private final TargetObjective objective;
    private final Likelihood likelihood;
    private final int levels;
    private final PathLoss paths;
    private final double pathWeight;
    private double[] prefixWeights = new double[0];

    /** Without a process reward model. */
    public ObjectiveLoss(TargetObjective objective, Likelihood likelihood, int levels) {
        this(objective, likelihood, levels, null, 0);
    }

    /**
     * @param paths the loss of the process reward model, or null
     * @param pathWeight its weight beside the objective
     */
    public ObjectiveLoss(
            TargetObjective objective, Likelihood likelihood, int levels, PathLoss paths, double pathWeight) {
        this.objective = objective;
        this.likelihood = likelihood;
        this.levels = levels;
        this.paths = paths;
        this.pathWeight = pathWeight;
    }

    @Override
    public Objective.Result of(
            Tape tape, Guided guided, List<Sample> samples, Noise noise, float weight, Key key) {
        GenerativeModel model = guided.backbone();
        if (guided.model() == null) { // its states are constants, as they are in a search
            var forward = model.forward(tape.inference(), samples, Noise.none());
            var p = paths.of(tape, model, guided.prm(), samples, forward, noise, weight, 1, key.fold("prm"));
            return new Objective.Result(p.loss(), p.byLevel());
        }
        var batch = MicroBatch.of(tape, model, likelihood, samples, noise, weight, prefixWeights, key.fold("objective"));
        Objective.Result result = objective.loss(batch);
        if (paths == null) return result;
        var p = paths.of(
                tape, model, guided.prm(), samples, batch.forward(), noise, weight, pathWeight, key.fold("prm"));
        double[] both = Arrays.copyOf(result.nll(), 2 * levels);
        System.arraycopy(p.byLevel(), 0, both, levels, levels);
        return new Objective.Result(Ops.add(tape, result.loss(), p.loss()), both, result.prefixLosses());
    }

    @Override
    public int extraRows() {
        return objective.extraRows(levels) + (paths == null ? 0 : paths.rows(levels));
    }

    @Override
    public boolean recordable() {
        return paths == null && objective.recordable();
    }

    /** Goes on to the next step. */
    public void stepped(Trainer.Report report) {
        prefixWeights = objective.nextPrefixWeights(prefixWeights, report.prefixLosses());
    }

    /** For the next step; empty before the first and for objectives without such. */
    double[] prefixWeights() {
        return prefixWeights;
    }

    /** Goes on with the weights of a checkpoint. */
    void resumeWith(double[] weights) {
        prefixWeights = weights;
    }
}
