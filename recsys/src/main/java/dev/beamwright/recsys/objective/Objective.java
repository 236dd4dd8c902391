package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Targets;
import java.util.List;

/** What a model is trained to make small. One model, one protocol, one option to change the objective. */
public sealed interface Objective permits CrossEntropy {
    /**
     * The loss of one micro-batch.
     *
     * @param logits for each level, (N, width of the level)
     * @param weight of one target: 1 / targets of the whole batch, so that the losses of all micro-batches add up to
     *     the batch's mean
     */
    Result loss(Tape tape, List<Variable> logits, Targets targets, float weight);

    /**
     * A loss and what is reported of it.
     *
     * @param loss of one element
     * @param nll for each level, the sum of the negative log-likelihoods of the targets' codes
     */
    record Result(Variable loss, double[] nll) {}
}
