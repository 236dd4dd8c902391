/**
 * AdamW, learning-rate schedules and gradient clipping.
 *
 * <p>Uses {@code autograd} and {@code tensor}. Begin with {@code AdamW}.
 */
package dev.beamwright.autograd.optim;
