/**
 * Item vectors: from text, from co-occurrence, or imported.
 *
 * <p>Uses {@code run} and {@code data}. Begin with {@code ItemVectors}.
 */
package dev.beamwright.recsys.embedding;
