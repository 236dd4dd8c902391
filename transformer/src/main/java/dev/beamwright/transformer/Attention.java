package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.util.List;

/**
 * Attention with several heads (Vaswani et al., 2017), over ragged batches; to itself, or to an encoder's output.
 *
 * @param query (heads · headDim, width)
 * @param keyValue (2 · heads · headDim, width of what is attended to): the keys' rows first
 * @param output (width, heads · headDim)
 * @param scale what a product of query and key is multiplied by: 1/√headDim, or 1 as in T5
 * @param theta the base of the rotary embedding, or 0 for none
 */
public record Attention(
        Linear query,
        Linear keyValue,
        Linear output,
        int heads,
        int headDim,
        float scale,
        float theta)
        implements
            Layer {
    public static Attention of(
            Initializer init, int width, int heads, int headDim, float scale, float theta, double outGain) {
        int inner = heads * headDim;
        // Where products are not scaled (T5), the queries start smaller by as much.
        double queryGain = scale == 1 ? 1 / Math.sqrt(headDim) : 1;
        return new Attention(
                Linear.of(init, width, inner, queryGain),
                Linear.of(init, width, 2 * inner, 1),
                Linear.of(init, inner, width, outGain),
                heads,
                headDim,
                scale,
                theta);
    }

    /** The queries of some rows, turned to their positions: (T, heads · headDim). */
    Variable queries(Tape tape, Variable x, Tensor positions) {
        Variable q = query.apply(tape, x);
        return theta == 0 ? q : Ops.rotary(tape, q, positions, heads * headDim, headDim, theta);
    }

    /** The keys, turned to their positions, and the values of some rows: (T, 2 · heads · headDim). */
    Variable keysAndValues(Tape tape, Variable x, Tensor positions) {
        Variable kv = keyValue.apply(tape, x);
        return theta == 0 ? kv : Ops.rotary(tape, kv, positions, heads * headDim, headDim, theta);
    }

    /** Self-attention: x (T, width) → (T, width). The keys and values are added to {@code cache} unless it is null. */
    public Variable self(
            Tape tape, Variable x, Sequences rows, boolean causal, Variable bias, Noise noise, List<Variable> cache) {
        Variable q = queries(tape, x, rows.positions());
        Variable kv = keysAndValues(tape, x, rows.positions());
        if (cache != null) cache.add(kv);
        var spec = new AttentionSpec(
                heads, headDim, scale, causal, rows.offsets(), rows.offsets(), theta == 0 ? noise.next() : null);
        return output.apply(tape, Ops.attention(tape, q, kv, bias, spec));
    }

    /**
     * Attention to other sequences: x (Tq, width) and their keys and values (Tk, 2 · heads · headDim).
     *
     * @param queryOffsets I32 (sequences + 1): the rows of x that see each sequence
     * @param keyOffsets I32 (sequences + 1): the rows of each sequence
     */
    public Variable cross(
            Tape tape, Variable x, Tensor positions, Tensor queryOffsets, Variable kv, Tensor keyOffsets, Noise noise) {
        Variable q = queries(tape, x, positions);
        var spec = new AttentionSpec(heads, headDim, scale, false, queryOffsets, keyOffsets, noise.next());
        return output.apply(tape, Ops.attention(tape, q, kv, null, spec));
    }

    /**
     * Self-attention of branches: x (T, width) → (T, width); each row sees the prefix that its branch goes on from, and
     * the rows of its branch up to itself.
     *
     * @param kv the keys and values of the sequences that have the prefixes
     */
    Variable branches(Tape tape, Variable x, Branches branches, Variable kv, Noise noise) {
        Sequences rows = branches.rows();
        Variable q = queries(tape, x, rows.positions());
        Variable own = keysAndValues(tape, x, rows.positions());
        Variable prefixes = Ops.gather(tape, kv, branches.prefixRows());
        var ownSpec = new AttentionSpec(
                heads, headDim, scale, true, rows.offsets(), rows.offsets(), theta == 0 ? noise.next() : null);
        var prefixSpec = new AttentionSpec(
                heads, headDim, scale, false, branches.groups(), branches.prefixOffsets(),
                theta == 0 ? noise.next() : null);
        return output.apply(tape, Ops.joinedAttention(tape, q, own, ownSpec, prefixes, prefixSpec));
    }

    /** Keys and values of prompts, ready for many decoding steps. */
    Prompt prompt(Tape tape, Tensor kv, Tensor offsets) {
        return new Prompt(kv, tape.backend().packPrompts(kv, offsets, heads, n -> tape.allocate(Shape.of(n))));
    }

    /** One decoding step: rows of beams against the prompt of their user and their own ancestors. */
    Variable beams(Tape tape, Variable x, Tensor positions, BeamRows rows, Prompt prompt, List<Tensor> levels,
            Tensor bias) {
        Variable q = queries(tape, x, positions);
        Tensor out = tape.allocate(q.shape());
        tape.backend()
                .beamAttention(
                        out,
                        q.value(),
                        prompt == null ? null : prompt.kv(),
                        prompt == null ? null : prompt.packed(),
                        rows.promptOffsets(),
                        rows.users(),
                        levels,
                        rows.ancestors(),
                        bias,
                        heads,
                        scale);
        return output.apply(tape, Variable.constant(out));
    }
}
