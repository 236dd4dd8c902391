package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One layer of a transformer, normalised before each part (pre-norm): {@code x += attention(norm(x))}, where there is
 * an encoder {@code x += cross(norm(x))}, then {@code x += feedForward(norm(x))}.
 *
 * @param crossNorm null where there is no encoder
 * @param cross null where there is no encoder
 */
public record Block(
        RmsNorm attentionNorm,
        Attention attention,
        RmsNorm crossNorm,
        Attention cross,
        RmsNorm feedForwardNorm,
        FeedForward feedForward)
        implements
            Layer {
    /** The blocks of a stack, each with or without an attention to an encoder's output. */
    static List<Block> stack(Initializer init, StackConfig c, boolean cross) {
        // The parts that write to the residual stream start smaller the more of them there are (Radford et al., 2019).
        double outGain = 1 / Math.sqrt((cross ? 3.0 : 2.0) * c.layers());
        return IntStream.range(0, c.layers())
                .mapToObj(i -> new Block(
                        RmsNorm.of(init, c.width(), c.eps()),
                        attention(init, c, outGain),
                        cross ? RmsNorm.of(init, c.width(), c.eps()) : null,
                        cross ? attention(init, c, outGain) : null,
                        RmsNorm.of(init, c.width(), c.eps()),
                        FeedForward.of(init, c.width(), c.hidden(), c.gated(), outGain)))
                .toList();
    }

    private static Attention attention(Initializer init, StackConfig c, double outGain) {
        return Attention.of(init, c.width(), c.heads(), c.headDim(), c.scale(), c.theta(), outGain);
    }

    /**
     * x (T, width) → (T, width).
     *
     * @param bias (heads, distances) for the self-attention, or null
     * @param memory an encoder's output, or null where there is no encoder
     * @param cache the keys and values of the self-attention are added to it, unless it is null
     */
    public Variable apply(
            Tape tape,
            Variable x,
            Sequences rows,
            boolean causal,
            Variable bias,
            Encoded memory,
            Noise noise,
            List<Variable> cache) {
        Variable y = attention.self(tape, attentionNorm.apply(tape, x), rows, causal, bias, noise, cache);
        x = Ops.addDropout(tape, x, y, noise.next());
        if (cross != null) {
            y = cross.cross(
                    tape, crossNorm.apply(tape, x), rows.positions(),
                    memory.readers() == null ? rows.offsets() : memory.readers(), memoryKeysAndValues(tape, memory),
                    memory.offsets(), noise);
            x = Ops.addDropout(tape, x, y, noise.next());
        }
        y = feedForward.apply(tape, feedForwardNorm.apply(tape, x), noise);
        return Ops.addDropout(tape, x, y, noise.next());
    }

    /** The same for branches, without an encoder: {@code kv} are the keys and values of the sequences they go on from. */
    Variable branches(Tape tape, Variable x, Branches branches, Variable kv, Noise noise) {
        Variable y = attention.branches(tape, attentionNorm.apply(tape, x), branches, kv, noise);
        x = Ops.addDropout(tape, x, y, noise.next());
        y = feedForward.apply(tape, feedForwardNorm.apply(tape, x), noise);
        return Ops.addDropout(tape, x, y, noise.next());
    }

    /** This block's keys and values of an encoder's output, which have no positions of their own. */
    Variable memoryKeysAndValues(Tape tape, Encoded memory) {
        return cross.keyValue().apply(tape, memory.states());
    }

    /**
     * One decoding step: x (rows, width) → (rows, width).
     *
     * @param prompt this block's keys and values of the prompts: of the decoder's own prompt, or of the encoder's
     *     output where there is a cross-attention
     * @param cache this block's keys and values of the levels so far; these rows are added
     * @param bias (heads, distances) for the self-attention, or null
     */
    Variable step(
            Tape tape, Variable x, Tensor positions, BeamRows rows, Tensor prompt, LevelCache cache, Tensor bias) {
        Variable normed = attentionNorm.apply(tape, x);
        Tensor kv = attention.keysAndValues(tape, normed, positions).value();
        List<Tensor> levels = cache.add(tape, rows.ancestors().shape().dim(1) - 1, kv);
        Variable y = attention.beams(tape, normed, positions, rows, cross == null ? prompt : null, levels, bias);
        x = Ops.add(tape, x, y);
        if (cross != null) {
            y = cross.beams(tape, crossNorm.apply(tape, x), positions, rows, prompt, List.of(), null);
            x = Ops.add(tape, x, y);
        }
        return Ops.add(tape, x, feedForward.apply(tape, feedForwardNorm.apply(tape, x), Noise.none()));
    }
}
