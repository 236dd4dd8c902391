/**
 * The contract of everything that ranks items: a model, a beam, a baseline.
 *
 * <p>{@code Ranker} answers test cases with {@code Ranking}s. Uses {@code data}. Implemented in {@code baseline}
 * and {@code evaluate}.
 */
package dev.beamwright.recsys.rank;
