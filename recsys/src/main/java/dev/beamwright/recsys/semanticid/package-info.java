/**
 * From item vectors to semantic IDs, and the trie of the IDs that exist.
 *
 * <p>Quantizers turn vectors into codes, a collision policy makes the codes of an item its own, a report says how
 * good they are,
 * and {@code ItemTrie} is what every search and every softmax over children walks. Uses {@code run}, {@code data} and
 * {@code embedding}.
 *
 * <p>Begin with {@code Tokenize.run}, then {@code KMeans} and {@code ItemTrie}.
 */
package dev.beamwright.recsys.semanticid;
