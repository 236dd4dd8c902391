package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import java.util.List;

/** A stack of blocks in T5's form in which every row sees all rows of its sequence. */
public record Encoder(RelativeBias bias, List<Block> blocks, RmsNorm norm) implements Layer {
    public static Encoder of(Initializer init, StackConfig c) {
        return new Encoder(
                RelativeBias.of(init, c.heads(), c.width(), true),
                Block.stack(init, c, false),
                RmsNorm.of(init, c.width(), c.eps()));
    }

    /** x (T, width) → (T, width), normalised. */
    public Encoded apply(Tape tape, Variable x, Sequences rows, Noise noise) {
        Variable distances = bias.apply(tape);
        x = Ops.dropout(tape, x, noise.next());
        for (Block block : blocks) x = block.apply(tape, x, rows, false, distances, null, noise, null);
        return new Encoded(Ops.dropout(tape, norm.apply(tape, x), noise.next()), rows.offsets());
    }
}
