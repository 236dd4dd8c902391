package dev.beamwright.transformer;

import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;

/**
 * What an encoder made of a ragged batch, for a decoder to attend to.
 *
 * @param states (T, width)
 * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
 * @param readers I32 (sequences + 1): the decoder's rows that attend to each sequence; null where these are the decoder's
 *     own sequences, one for each
 */
public record Encoded(Variable states, Tensor offsets, Tensor readers) {
    /** For a decoder with one sequence for each of these. */
    public Encoded(Variable states, Tensor offsets) {
        this(states, offsets, null);
    }

    /** The same, attended to by other rows of a decoder. */
    public Encoded readBy(Tensor rows) {
        return new Encoded(states, offsets, rows);
    }
}
