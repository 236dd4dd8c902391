package dev.beamwright.transformer;

import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;

/**
 * What an encoder made of a ragged batch, for a decoder to attend to.
 *
 * @param states (T, width)
 * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
 */
public record Encoded(Variable states, Tensor offsets) {}
