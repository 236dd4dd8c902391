/**
 * Searches over the item trie: which items a model finds likeliest.
 *
 * <p>Uses {@code model} and {@code semanticid}. Begin with {@code BeamSearch}; {@code ExactScoring} is what every
 * search
 * approximates.
 */
package dev.beamwright.recsys.decode;
