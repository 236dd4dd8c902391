/**
 * Recommendations from a trained run.
 *
 * <p>{@code Recommender} opens a run once and answers many requests, from any thread. Uses all that training and
 * decoding
 * have; is used by {@code cli}.
 */
package dev.beamwright.recsys.serve;
