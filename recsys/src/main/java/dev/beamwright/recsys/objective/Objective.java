package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Variable;

/** What a model is trained to make small. One model, one protocol, one option to change the objective. */
public sealed interface Objective permits CrossEntropy, ApaoPointwise, ApaoPairwise, Bear {
    /** The loss of one micro-batch. */
    Result loss(MicroBatch batch);

    /** How many rows a sample sends through the network besides its own. */
    default int extraRows(int levels) {
        return 0;
    }

    /**
     * Whether {@link #loss} looks at what kernels compute through {@link dev.beamwright.tensor.Backend#read} only, so that
     * a device can capture a whole step. Others are trained on a device kernel by kernel, which is right but slow.
     */
    default boolean recordable() {
        return false;
    }

    /**
     * The weights of the prefix losses for the next step. They change once per step, by the losses of the whole batch,
     * so they do not depend on how it was cut into micro-batches; and only in training.
     *
     * @param weights of this step; empty before the first
     * @param prefixLosses of this step, see {@link Result}
     */
    default double[] nextPrefixWeights(double[] weights, double[] prefixLosses) {
        return weights;
    }

    /**
     * A loss and what is reported of it.
     *
     * @param loss of one element
     * @param nll for each level, the sum of the negative log-likelihoods of the targets' codes
     * @param prefixLosses for each prefix length, this micro-batch's share of the batch's mean prefix loss; empty for
     *     objectives without such
     */
    record Result(Variable loss, double[] nll, double[] prefixLosses) {
        /** Of an objective without prefix losses. */
        public Result(Variable loss, double[] nll) {
            this(loss, nll, new double[0]);
        }
    }
}
