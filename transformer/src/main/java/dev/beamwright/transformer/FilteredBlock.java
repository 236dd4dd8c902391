package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;

/**
 * A causal block with a filter beside its attention, normalised before each part, with a GELU network:
 *
 * <pre>
 * h  = norm(x)
 * x += (1 - share) · attention(h) + share · filter(h)
 * x += down(gelu(up(norm(x))))
 * </pre>
 *
 * with dropout on the attention's weights, on the outputs of attention, filter and network, and inside the network. The
 * idea of a filter that shares with attention is that of BSARec (Shin et al., AAAI 2024), whose filter is one of
 * frequencies.
 *
 * @param filter null where there is none
 * @param share of the filter, in [0, 1]
 */
public record FilteredBlock(
        RmsNorm attentionNorm,
        Attention attention,
        CausalFilter filter,
        float share,
        RmsNorm feedForwardNorm,
        Linear up,
        Linear down)
        implements
            Layer {
    /** Deviation of all weights at the start. */
    private static final double DEVIATION = 0.02;

    /**
     * An untrained block; weights are normal with deviation 0.02, biases 0.
     *
     * @param taps of the filter; 0 for no filter
     */
    public static FilteredBlock of(
            Initializer init, int width, int heads, int headDim, int hidden, int taps, double share, float eps) {
        int inner = heads * headDim;
        return new FilteredBlock(
                RmsNorm.of(init, width, eps),
                new Attention(
                        linear(init, width, inner), linear(init, width, 2 * inner), linear(init, inner, width), heads,
                        headDim, (float) (1 / Math.sqrt(headDim)), 0),
                taps == 0 ? null : CausalFilter.of(init, width, taps),
                taps == 0 ? 0 : (float) share,
                RmsNorm.of(init, width, eps),
                linear(init, width, hidden),
                linear(init, hidden, width));
    }

    private static Linear linear(Initializer init, int in, int out) {
        return new Linear(init.normal(DEVIATION, out, in), init.constant(0, out));
    }

    /**
     * x (T, width) → (T, width); each row sees the rows of its sequence up to itself.
     *
     * @param bias (heads, distances), or null
     */
    public Variable apply(Tape tape, Variable x, Sequences rows, Variable bias, Noise noise) {
        Variable h = attentionNorm.apply(tape, x);
        Variable y = attention.self(tape, h, rows, true, bias, noise, null);
        if (filter == null) {
            x = Ops.addDropout(tape, x, y, noise.next());
        } else {
            x = Ops.addDropout(tape, x, Ops.scale(tape, y, 1 - share), noise.next());
            y = Ops.scale(tape, filter.apply(tape, h, rows.offsets()), share);
            x = Ops.addDropout(tape, x, y, noise.next());
        }
        return feedForward(tape, x, noise);
    }

    /** The second part alone: each row for itself. */
    public Variable feedForward(Tape tape, Variable x, Noise noise) {
        Variable h = Ops.gelu(tape, up.apply(tape, feedForwardNorm.apply(tape, x)));
        h = down.apply(tape, Ops.dropout(tape, h, noise.next()));
        return Ops.addDropout(tape, x, h, noise.next());
    }
}
