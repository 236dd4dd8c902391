/**
 * The kernels on the CPU: plain loops, and the same by the Vector API.
 *
 * <p>{@code ScalarBackend} is the readable reference. {@code VectorBackend} overrides what it makes faster:
 * {@code Gemm} and
 * {@code Tile} multiply matrices, {@code Attention} and {@code BeamAttention} attend, {@code Rows} and {@code
 * Flat} do the rest.
 * Uses {@code tensor} only.
 *
 * <p>Begin with {@code ScalarBackend}, then read the same method in {@code VectorBackend}.
 */
package dev.beamwright.tensor.cpu;
