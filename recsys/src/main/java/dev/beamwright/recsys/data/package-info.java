/**
 * From files of interactions and items to sequences, splits and an audit.
 *
 * <p>Knows file formats, columns, times, the k-core, the leave-one-out and the time split. Uses {@code run}.
 *
 * <p>Begin with {@code Prepare.run}; what later stages read is {@code Prepared}, and a question with its answer
 * is a {@code Case}.
 */
package dev.beamwright.recsys.data;
