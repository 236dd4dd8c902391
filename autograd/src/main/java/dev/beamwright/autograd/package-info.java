/**
 * Reverse-mode differentiation over tensors.
 *
 * <p>{@code Tape} records one training step; an op is one static method of {@code Ops}: check shapes, allocate,
 * call a kernel,
 * record the backward pass as a lambda. What the lambda captures is what is saved. Uses {@code tensor} only.
 *
 * <p>Begin with {@code Ops.linear} and {@code Tape.backward}.
 */
package dev.beamwright.autograd;
