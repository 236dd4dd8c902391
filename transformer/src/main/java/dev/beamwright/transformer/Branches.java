package dev.beamwright.transformer;

import dev.beamwright.tensor.Tensor;

/**
 * Sequences that go on from prefixes of other sequences; many may go on from the same prefix, which is read only once.
 *
 * @param rows the branches, without their prefixes; positions count from the beginning of the whole sequence
 * @param groups I32 (prefixes + 1): the rows of all branches that go on from each prefix
 * @param prefixRows I32: the rows of each prefix, one prefix behind the other, among those of the other sequences
 * @param prefixOffsets I32 (prefixes + 1): where each prefix begins in {@code prefixRows}; none is empty
 */
public record Branches(Sequences rows, Tensor groups, Tensor prefixRows, Tensor prefixOffsets) {}
