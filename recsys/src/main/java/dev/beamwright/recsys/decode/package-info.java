/**
 * Searches over the item trie: which items a model scores best.
 *
 * <p>Knows how to ask a model for the codes of many paths, in which order paths rank, and what is proved of a list. Uses
 * {@code model} and {@code semanticid}, and {@code data}, {@code rank} for what is known besides the model. Begin with
 * {@link dev.beamwright.recsys.decode.SearchConfig}, which names the searches; then
 * {@link dev.beamwright.recsys.decode.BeamSearch} and {@link dev.beamwright.recsys.decode.BestFirst}. All score by
 * {@code PathScores} and rank by {@code PathOrder}.
 */
package dev.beamwright.recsys.decode;
