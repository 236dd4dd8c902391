package dev.beamwright.transformer;

import dev.beamwright.tensor.Tensor;

/**
 * Keys and values of the prompts that beams attend to.
 *
 * @param kv (T, 2 · heads · headDim)
 * @param packed the same in the backend's own layout, see {@link dev.beamwright.tensor.Backend#packPrompts}; may be null
 */
record Prompt(Tensor kv, Tensor packed) {}
