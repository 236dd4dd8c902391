/**
 * The backend {@code tornado}: the kernels of {@link dev.beamwright.tornado.kernel}, compiled for a device by TornadoVM.
 * docs/tornadovm.md tells how a training step becomes task graphs.
 */
package dev.beamwright.tornado;
