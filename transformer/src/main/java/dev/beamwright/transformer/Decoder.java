package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A causal stack of blocks in Llama's form (Touvron et al., 2023): RMS norm before each part, rotary positions, SwiGLU,
 * no biases. Embeddings and heads belong to whoever uses it.
 */
public record Decoder(List<Block> blocks, RmsNorm norm) implements Layer {
    /**
     * The sizes of a decoder.
     *
     * @param width columns of a token
     * @param hidden columns inside the feed-forward part
     */
    public record Config(int width, int layers, int heads, int headDim, int hidden, float theta, float eps) {}

    public static Decoder of(Initializer init, Config c) {
        // The parts that write to the residual stream start smaller the more of them there are (Radford et al., 2019).
        double outGain = 1 / Math.sqrt(2.0 * c.layers());
        float scale = (float) (1 / Math.sqrt(c.headDim()));
        List<Block> blocks = IntStream.range(0, c.layers())
                .mapToObj(i -> new Block(
                        RmsNorm.of(init, c.width(), c.eps()),
                        Attention.of(init, c.width(), c.heads(), c.headDim(), scale, c.theta(), outGain),
                        null,
                        null,
                        RmsNorm.of(init, c.width(), c.eps()),
                        FeedForward.of(init, c.width(), c.hidden(), true, outGain)))
                .toList();
        return new Decoder(blocks, RmsNorm.of(init, c.width(), c.eps()));
    }

    /** x (T, width) → (T, width), normalised; each row has seen the rows of its sequence up to itself. */
    public Variable apply(Tape tape, Variable x, Sequences rows, Noise noise) {
        return apply(tape, x, rows, noise, null);
    }

    private Variable apply(Tape tape, Variable x, Sequences rows, Noise noise, List<Variable> cache) {
        x = Ops.dropout(tape, x, noise.next());
        for (Block block : blocks) x = block.apply(tape, x, rows, true, null, null, null, noise, cache);
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
        Variable y = apply(tape, x, rows, Noise.none(), cache);
        return new Decoding(
                rows.offsets(), cache.stream().map(Variable::value).toList(), y);
    }

    /** The prompts' keys and values, and those of each level decoded so far. */
    public final class Decoding {
        private final Tensor promptOffsets;
        private final List<Tensor> prompts;
        private final List<List<Tensor>> levels;
        private Variable last;

        private Decoding(Tensor promptOffsets, List<Tensor> prompts, Variable last) {
            this.promptOffsets = promptOffsets;
            this.prompts = prompts;
            this.levels = blocks.stream().<List<Tensor>>map(b -> new ArrayList<>()).toList();
            this.last = last;
        }

        /** The output of the last pass: of all prompt rows, or of the rows of the last step. */
        public Variable last() {
            return last;
        }

        /**
         * One step further down: one token for each row.
         *
         * @param x (rows, width): the embedded tokens
         * @param positions I32 (rows): the position of each token in its sequence, the prompt counted
         * @param users I32 (rows): the user of each row
         * @param ancestors I32 (rows, levels so far and this one): the row of each level on the path
         * @return (rows, width)
         */
        public Variable step(Tape tape, Variable x, Tensor positions, Tensor users, Tensor ancestors) {
            var rows = new BeamRows(promptOffsets, users, ancestors);
            for (int i = 0; i < blocks.size(); i++) {
                x = blocks.get(i).step(tape, x, positions, rows, prompts.get(i), levels.get(i), null);
            }
            return last = norm.apply(tape, x);
        }
    }
}
