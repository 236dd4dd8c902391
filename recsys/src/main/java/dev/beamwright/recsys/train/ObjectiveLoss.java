package dev.beamwright.recsys.train;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Noise;
import java.util.List;

/**
 * The loss of a generative model under an objective, and what changes of it from step to step: the weights of the prefix
 * losses. They are the same for all micro-batches of a step.
 */
final class ObjectiveLoss implements Trainer.Loss<GenerativeModel> {
    private final Objective objective;
    private final int levels;
    private double[] prefixWeights = new double[0];

    ObjectiveLoss(Objective objective, int levels) {
        this.objective = objective;
        this.levels = levels;
    }

    @Override
    public Objective.Result of(
            Tape tape, GenerativeModel model, List<Sample> samples, Noise noise, float weight, Key key) {
        return objective.loss(
                MicroBatch.of(tape, model, samples, noise, weight, prefixWeights, key.fold("objective")));
    }

    @Override
    public int extraRows() {
        return objective.extraRows(levels);
    }

    @Override
    public boolean recordable() {
        return objective.recordable();
    }

    /** Goes on to the next step. */
    void stepped(Trainer.Report report) {
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
