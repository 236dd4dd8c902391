/**
 * The supervised objectives: cross-entropy, MSL, APAO (arXiv 2603.02730) and BEAR (arXiv 2601.22925).
 *
 * <p>An objective turns the logits of a micro-batch into a loss. Uses {@code model}. Begin with {@code
 * Objective}, then
 * {@code Bear} or {@code ApaoPointwise}: each has its paper's equation in its Javadoc.
 */
package dev.beamwright.recsys.objective;
