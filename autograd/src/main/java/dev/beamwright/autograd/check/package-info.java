/**
 * Gradient checks by finite differences, and the list of cases that drives them.
 *
 * <p>One entry in {@code OpCases} gives an op the contract test of all backends, the gradient check and a
 * benchmark. Uses
 * {@code autograd} and {@code tensor}.
 */
package dev.beamwright.autograd.check;
