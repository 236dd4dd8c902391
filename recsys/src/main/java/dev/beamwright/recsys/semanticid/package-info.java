/**
 * Semantic IDs: from item vectors, by a {@link dev.beamwright.recsys.semanticid.Quantizer}, to codes that name an item,
 * with a report of how good they are before anything is trained on them.
 */
package dev.beamwright.recsys.semanticid;
