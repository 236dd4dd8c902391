/**
 * Kernels, training steps and searches timed beside other programs, as ratios of one run.
 *
 * <p>Begin with {@code CpuCommand}; each class named {@code …Rows} makes some rows of its table. May use every
 * module.
 */
package dev.beamwright.benchmarks;
