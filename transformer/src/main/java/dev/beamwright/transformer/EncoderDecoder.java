package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;

/**
 * An encoder, and a causal decoder that attends to what it made (Vaswani et al., 2017), both in T5's form. Embeddings
 * and heads belong to whoever uses it.
 */
public record EncoderDecoder(Encoder encoder, Decoder decoder) implements Layer {
    /** A network of two stacks; they may differ in the number of layers. */
    public static EncoderDecoder of(Initializer init, StackConfig encoder, StackConfig decoder) {
        return new EncoderDecoder(Encoder.of(init, encoder), Decoder.withCross(init, decoder));
    }

    /**
     * Both passes over a batch of pairs of sequences.
     *
     * @param source (Ts, width): the embedded source sequences
     * @param target (Tt, width): the embedded target sequences, as many as there are source sequences
     * @return (Tt, width), normalised; each row has seen its source and the rows of its target up to itself
     */
    public Variable apply(
            Tape tape, Variable source, Sequences sourceRows, Variable target, Sequences targetRows, Noise noise) {
        Encoded memory = encoder.apply(tape, source, sourceRows, noise);
        return Ops.dropout(tape, decoder.apply(tape, target, targetRows, memory, noise), noise.next());
    }
}
