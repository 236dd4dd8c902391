/**
 * Training: batches, steps, validation, checkpoints, and the loading of trained models.
 *
 * <p>Uses {@code objective}, {@code prm} and {@code decode}. Begin with {@code Train}, then {@code Trainer.step}.
 */
package dev.beamwright.recsys.train;
