/** The backend {@code tornado}: kernels in Java that TornadoVM compiles for a device. */
package dev.beamwright.tornado;
