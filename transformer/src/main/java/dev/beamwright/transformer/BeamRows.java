package dev.beamwright.transformer;

import dev.beamwright.tensor.Tensor;

/**
 * Where the rows of one decoding step stand. Several users and all their beams are decoded at once; a row is one path
 * of one user.
 *
 * @param promptOffsets I32 (users + 1): the rows of each user's prompt
 * @param users I32 (rows): the user of each row
 * @param ancestors I32 (rows, levels): in which row of each level so far, the present one included, the path stood
 */
public record BeamRows(Tensor promptOffsets, Tensor users, Tensor ancestors) {}
