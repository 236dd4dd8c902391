/**
 * What every model has to beat: popularity, Markov rules, item-kNN and SASRec.
 *
 * <p>A baseline is a {@code Scorer} fitted on the training part; SASRec is trained. Uses {@code rank} and {@code
 * train}.
 *
 * <p>Begin with {@code Baseline}.
 */
package dev.beamwright.recsys.baseline;
