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
     * The decoder's pass.
     *
     * @param target (T, width): the embedded target sequences
     * @param memory what the encoder made of the source sequences
     * @return (T, width), normalised; each row has seen its source and the rows of its target up to itself
     */
    public Variable decode(Tape tape, Variable target, Sequences targetRows, Encoded memory, Noise noise) {
        return Ops.dropout(tape, decoder.apply(tape, target, targetRows, memory, noise), noise.next());
    }

    /** Both passes over a batch of pairs of sequences, as many sources as targets. */
    public Variable apply(
            Tape tape, Variable source, Sequences sourceRows, Variable target, Sequences targetRows, Noise noise) {
        return decode(tape, target, targetRows, encoder.apply(tape, source, sourceRows, noise), noise);
    }
}
