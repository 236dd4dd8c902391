/**
 * Score cards and their comparison: one protocol for the model and the baselines.
 *
 * <p>Uses {@code rank}, {@code baseline}, {@code decode} and {@code train}. Begin with {@code Evaluate.run}.
 */
package dev.beamwright.recsys.evaluate;
