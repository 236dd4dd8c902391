/**
 * Shapes, native memory and the kernels that compute on it.
 *
 * <p>A {@code Tensor} is a shape, an element type and a piece of aligned native memory; {@code Backend} is the
 * one interface with
 * all kernels; {@code Workspace} hands out the memory of one training step; {@code Key} is every random number.
 * The package
 * knows nothing of gradients or recommenders and uses the JDK alone.
 *
 * <p>Begin with {@code Backend}: its Javadoc states the formula and the shapes of every kernel.
 */
package dev.beamwright.tensor;
