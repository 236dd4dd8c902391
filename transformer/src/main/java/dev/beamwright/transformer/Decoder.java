package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A causal stack of blocks: alone in Llama's form, or in T5's form attending to an encoder's output. Embeddings and
 * heads belong to whoever uses it.
 *
 * @param bias of the self-attention, or null where positions are rotary
 */
public record Decoder(RelativeBias bias, List<Block> blocks, RmsNorm norm) implements Layer {
    /** A stack that stands alone. */
    public static Decoder of(Initializer init, StackConfig c) {
        return new Decoder(null, Block.stack(init, c, false), RmsNorm.of(init, c.width(), c.eps()));
    }

    /** A stack that attends to an encoder's output, with relative positions of its own. */
    public static Decoder withCross(Initializer init, StackConfig c) {
        return new Decoder(
                RelativeBias.of(init, c.heads(), c.width(), false),
                Block.stack(init, c, true),
                RmsNorm.of(init, c.width(), c.eps()));
    }

    /** x (T, width) → (T, width), normalised; each row has seen the rows of its sequence up to itself. */
    public Variable apply(Tape tape, Variable x, Sequences rows, Noise noise) {
        return apply(tape, x, rows, null, noise, null);
    }

    /** The same, and each row has seen all of its sequence's part of the encoder's output. */
    public Variable apply(Tape tape, Variable x, Sequences rows, Encoded memory, Noise noise) {
        return apply(tape, x, rows, memory, noise, null);
    }

    /** The first form, which also adds each block's keys and values to {@code cache}. */
    public Variable apply(Tape tape, Variable x, Sequences rows, Noise noise, List<Variable> cache) {
        return apply(tape, x, rows, null, noise, cache);
    }

    /**
     * Branches of sequences that were read before: x (T, width) → (T, width), normalised. For a stack that stands alone,
     * with rotary positions.
     *
     * @param cache each block's keys and values of these sequences
     */
    public Variable branches(Tape tape, Variable x, Branches branches, List<Variable> cache, Noise noise) {
        x = Ops.dropout(tape, x, noise.next());
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).branches(tape, x, branches, cache.get(i), noise);
        }
        return norm.apply(tape, x);
    }

    private Variable apply(
            Tape tape, Variable x, Sequences rows, Encoded memory, Noise noise, List<Variable> cache) {
        Variable distances = bias == null ? null : bias.apply(tape);
        x = Ops.dropout(tape, x, noise.next());
        for (Block block : blocks) x = block.apply(tape, x, rows, true, distances, memory, noise, cache);
        return norm.apply(tape, x);
    }

    /**
     * Reads the prompts of a batch of users once, for all beams of each.
     *
     * @param x (T, width): the embedded prompts
     * @return the state from which decoding goes on; {@link Decoding#last()} is (T, width)
     */
    public Decoding prefill(Tape tape, Variable x, Sequences rows) {
        List<Variable> cache = new ArrayList<>();
        Variable y = apply(tape, x, rows, null, Noise.none(), cache);
        return new Decoding(
                tape, rows.offsets(), cache.stream().map(Variable::value).toList(), y);
    }

    /**
     * Makes ready to decode against an encoder's output. The decoder has no prompt of its own: the token that begins a
     * sequence is the first step, one row for each user, and counts as a level.
     */
    public Decoding against(Tape tape, Encoded memory) {
        List<Tensor> prompts = blocks.stream()
                .map(b -> b.memoryKeysAndValues(tape, memory).value())
                .toList();
        return new Decoding(tape, memory.offsets(), prompts, null);
    }

    /** The prompts' keys and values, and those of each level decoded so far. */
    public final class Decoding {
        private final Tensor promptOffsets;
        private final List<Tensor> prompts;
        private final List<LevelCache> levels;
        private final Tensor distances;
        private Variable last;

        private Decoding(Tape tape, Tensor promptOffsets, List<Tensor> prompts, Variable last) {
            this.promptOffsets = promptOffsets;
            this.prompts = prompts;
            this.levels = blocks.stream().map(b -> new LevelCache()).toList();
            this.distances = bias == null ? null : bias.apply(tape).value();
            this.last = last;
        }

        /** The output of the last pass: of all prompt rows, or of the rows of the last step; null if there was none. */
        public Variable last() {
            return last;
        }

        /**
         * One token for each row, all of one level. A level may be written in several steps; the rows of a later one stand
         * behind those before.
         *
         * @param x (rows, width): the embedded tokens
         * @param positions I32 (rows): the position of each token in its sequence, the prompt counted
         * @param users I32 (rows): the user of each row
         * @param ancestors I32 (rows, this level and those above): where among all rows of each level the path stands
         * @return (rows, width)
         */
        public Variable step(Tape tape, Variable x, Tensor positions, Tensor users, Tensor ancestors) {
            var rows = new BeamRows(promptOffsets, users, ancestors);
            for (int i = 0; i < blocks.size(); i++) {
                x = blocks.get(i).step(tape, x, positions, rows, prompts.get(i), levels.get(i), distances);
            }
            return last = norm.apply(tape, x);
        }
    }
}
