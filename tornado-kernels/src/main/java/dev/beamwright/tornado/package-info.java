/**
 * Where the backend {@code tornado} will stand: kernels in Java that TornadoVM compiles for a device. So far there is the
 * build's wiring alone; docs/tornadovm.md says what was found out.
 */
package dev.beamwright.tornado;
