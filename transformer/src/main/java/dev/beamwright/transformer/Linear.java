package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;

/**
 * {@code y = x · weightᵀ + bias}.
 *
 * @param weight (out, in)
 * @param bias (out), or null
 */
public record Linear(Variable weight, Variable bias) implements Layer {
    /** A layer without a bias, normal with deviation {@code gain / √in}. */
    public static Linear of(Initializer init, int in, int out, double gain) {
        return new Linear(init.normal(gain / Math.sqrt(in), out, in), null);
    }

    /** A layer with a bias of zeros, normal with deviation {@code gain / √in}. */
    public static Linear withBias(Initializer init, int in, int out, double gain) {
        return new Linear(init.normal(gain / Math.sqrt(in), out, in), init.constant(0, out));
    }

    /** x (..., in) → (..., out). */
    public Variable apply(Tape tape, Variable x) {
        Variable y = Ops.linear(tape, x, weight);
        return bias == null ? y : Ops.addBias(tape, y, bias);
    }
}
