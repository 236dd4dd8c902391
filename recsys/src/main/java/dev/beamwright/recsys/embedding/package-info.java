/** Item vectors: from text, from co-occurrence, or imported. */
package dev.beamwright.recsys.embedding;
