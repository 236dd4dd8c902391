package dev.beamwright.transformer;

import dev.beamwright.tensor.Tensor;

/**
 * A ragged batch: sequences of tokens that stand one behind the other in the rows of one tensor.
 *
 * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
 * @param positions I32 (tokens): the position of each row within its sequence
 */
public record Sequences(Tensor offsets, Tensor positions) {
    /** How many rows there are. */
    public int tokens() {
        return (int) positions.shape().size();
    }

    /** How many sequences there are. */
    public int count() {
        return (int) offsets.shape().size() - 1;
    }
}
