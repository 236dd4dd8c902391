/**
 * The command line: turns options into settings and results into text.
 *
 * <p>One class for each command, listed in {@code Main}. The work itself is in the other packages.
 */
package dev.beamwright.recsys.cli;
