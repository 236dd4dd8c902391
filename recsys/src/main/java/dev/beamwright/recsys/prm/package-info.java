/**
 * The process reward model of Promise (arXiv 2601.04674): scores prefixes of semantic IDs, and guides a widened beam.
 *
 * <p>Uses {@code model} and {@code decode}. Begin with {@code ProcessRewardModel}, then {@code PathLoss}.
 */
package dev.beamwright.recsys.prm;
