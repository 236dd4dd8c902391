package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;

/**
 * A causal depthwise filter: each column of a row becomes a weighted sum of that column in the last few rows of its
 * sequence, the row itself included. What lies a step or two back is there at once, as in a Markov rule, without
 * attention having to find it.
 *
 * @param taps (taps, width); the first meets the row itself
 */
public record CausalFilter(Variable taps) implements Layer {
    /** A filter whose first tap is 1 and tap k, from 0, about 0.3 / (k + 1). */
    public static CausalFilter of(Initializer init, int width, int count) {
        Variable taps = init.normal(0.05, count, width);
        for (int k = 0; k < count; k++) {
            for (int c = 0; c < width; c++) {
                long at = (long) k * width + c;
                taps.value().set(at, k == 0 ? 1 : taps.value().get(at) + 0.3f / (k + 1));
            }
        }
        return new CausalFilter(taps);
    }

    /**
     * x (T, width) → (T, width).
     *
     * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
     */
    public Variable apply(Tape tape, Variable x, Tensor offsets) {
        return Ops.causalFilter(tape, x, taps, offsets);
    }
}
