package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;

/** An objective that learns from the targets of the training sequences, behind their true prefixes (teacher forcing). */
public non-sealed interface TargetObjective extends Objective {
    /** The loss of one micro-batch. */
    Result loss(MicroBatch batch);

    /** The temperature of the softmax, in training and in decoding. */
    default double tau() {
        return 1;
    }

    /** Over which codes the paper's program takes the softmax; null where either is usual. */
    default Softmax usualSoftmax() {
        return null;
    }

    /** How logits become probabilities. Throws a {@link dev.beamwright.recsys.run.UserError} if the softmax does not fit. */
    default Likelihood likelihood(Softmax softmax) {
        return new Likelihood(softmax, (float) tau());
    }

    /** The same for a beam search of this beam size, for objectives that depend on it. */
    default TargetObjective forBeam(int beamSize) {
        return this;
    }

    /** The beam size that the loss is made for; 0 if it depends on none. */
    default int beamSize() {
        return 0;
    }

    /** How many rows a sample sends through the network besides its own. */
    default int extraRows(int levels) {
        return 0;
    }

    /**
     * Whether {@link #loss} reads what kernels compute through {@link dev.beamwright.tensor.Backend#read} only, so that a
     * device can capture a whole step. Others are trained on a device kernel by kernel, which is right but slow.
     */
    default boolean recordable() {
        return false;
    }

    /**
     * The weights of the prefix losses for the next step. They change once per step, by the losses of the whole batch,
     * so they do not depend on how it was cut into micro-batches; and only in training.
     *
     * @param weights of this step; empty before the first
     * @param prefixLosses of this step, see {@link Objective.Result}
     */
    default double[] nextPrefixWeights(double[] weights, double[] prefixLosses) {
        return weights;
    }
}
