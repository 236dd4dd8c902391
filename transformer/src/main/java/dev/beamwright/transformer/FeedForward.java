package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Dropout;

/**
 * The position-wise network of a block: {@code down(act(up(x)))}.
 *
 * @param up (hidden, width), or (2·hidden, width) for a gated one: the gate's rows first
 * @param down (width, hidden)
 * @param gated SwiGLU as in Llama, otherwise ReLU as in T5
 */
public record FeedForward(Linear up, Linear down, boolean gated) implements Layer {
    public static FeedForward of(Initializer init, int width, int hidden, boolean gated, double outGain) {
        return new FeedForward(
                Linear.of(init, width, gated ? 2 * hidden : hidden, 1),
                Linear.of(init, hidden, width, outGain),
                gated);
    }

    /** x (T, width) → (T, width). */
    public Variable apply(Tape tape, Variable x, Noise noise) {
        Variable h = up.apply(tape, x);
        Dropout dropout = noise.next();
        h = gated ? Ops.dropout(tape, Ops.swiGlu(tape, h), dropout) : Ops.reluDropout(tape, h, dropout);
        return down.apply(tape, h);
    }
}
