/**
 * How sure a model is of an item, and what is done with that.
 *
 * <p>The confidence head of UGR (arXiv 2602.11719), and the rules that re-rank, truncate or withhold a list by
 * it. Uses
 * {@code model} and {@code decode}. Begin with {@code Confidence}.
 */
package dev.beamwright.recsys.confidence;
