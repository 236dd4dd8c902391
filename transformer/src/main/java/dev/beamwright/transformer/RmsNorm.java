package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;

/** {@code y = x / rms(x) · weight}, over the last dimension. */
public record RmsNorm(Variable weight, float eps) implements Layer {
    public static RmsNorm of(Initializer init, int width, float eps) {
        return new RmsNorm(init.constant(1, width), eps);
    }

    public Variable apply(Tape tape, Variable x) {
        return Ops.rmsNorm(tape, x, weight, eps);
    }
}
