/**
 * Transformer layers as records of parameters, and their checkpoints.
 *
 * <p>A {@code Layer} is a record whose components are parameters, layers or lists of layers; the path to a parameter
 * ({@code blocks.3.attention.wq}) is its name in a checkpoint. Uses {@code autograd} and {@code tensor}; knows
 * nothing of items.
 *
 * <p>Begin with {@code Block}, then {@code Decoder}.
 */
package dev.beamwright.transformer;
