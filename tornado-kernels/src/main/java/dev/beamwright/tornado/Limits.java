package dev.beamwright.tornado;

import dev.beamwright.tensor.DeviceException;
import java.util.Locale;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * What a block of threads may use on a device. TornadoVM does not compare: a kernel that needs more is refused by the
 * driver, the refusal goes to the standard error, and the program goes on with what was in the arrays before.
 *
 * @param localBytes local memory of one block
 * @param threads of one block
 */
record Limits(long localBytes, int threads) {
    /** TornadoVM gives every kernel a local array of its own besides. */
    private static final int OWN_BYTES = 8;

    static Limits of(TornadoDevice device) {
        var physical = device.getPhysicalDevice();
        return new Limits(physical.getDeviceLocalMemorySize(), (int) physical.getDeviceMaxWorkGroupSize()[0]);
    }

    boolean allow(Kernel kernel) {
        return kernel.localBytes() + OWN_BYTES <= localBytes && kernel.threads() <= threads;
    }

    /** Stops before a kernel that the device cannot run. */
    void check(Kernel kernel) {
        if (allow(kernel)) return;
        throw new DeviceException(
                String.format(
                        Locale.ROOT,
                        "kernel %s needs %,d bytes of local memory and blocks of %d threads; the device has %,d and %d",
                        kernel.name(), kernel.localBytes() + OWN_BYTES, kernel.threads(), localBytes, threads));
    }
}
