/**
 * Training: batches, steps, validation, checkpoints, and the loading of trained models.
 *
 * <p>Uses {@code objective}, {@code prm} and {@code decode}. Begin with {@code TrainingRun}, the loop
 * of every training, then {@code Supervised} and {@code Trainer.step}.
 */
package dev.beamwright.recsys.train;
