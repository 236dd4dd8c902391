/**
 * The folder of a run, and what every stage needs: JSON, hashes, progress, errors of the user, charts and tables.
 *
 * <p>The lowest package of {@code recsys}; uses libraries only. Begin with {@code RunFolder}: it lists every file
 * of a run.
 */
package dev.beamwright.recsys.run;
