/**
 * {@code beamwright bench device}: checks a device's results against the CPU, then times kernels, training steps and searches.
 *
 * <p>Begin with {@code DeviceCommand}. Uses {@code tornado} and {@code recsys}.
 */
package dev.beamwright.tornado.bench;
