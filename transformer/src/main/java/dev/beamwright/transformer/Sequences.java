package dev.beamwright.transformer;

import dev.beamwright.tensor.Tensor;

/**
 * A ragged batch: sequences of tokens that stand one behind the other in the rows of one tensor.
 *
 * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
 * @param positions I32 (tokens): the position of each row within its sequence
 */
public record Sequences(Tensor offsets, Tensor positions) {}
