package dev.beamwright.tornado;

import dev.beamwright.tensor.Backend;

/** What the device benchmark must know of the backend beyond {@link Backend}. */
public final class Lab {
    private Lab() {}

    /** The device, in a line. */
    public static String device() {
        return Devices.describe();
    }

    /** Of the SDK. */
    public static String version() {
        return Devices.version();
    }

    /** Whether kernels are compiled for NVIDIA's CUDA, so that there are tensor cores and cuBLAS. */
    public static boolean cuda() {
        return Devices.cuda();
    }

    /** How many kernels the captured body had that ran last, and in how many graphs. */
    public static int[] tasksAndGraphs(Backend tornado) {
        return ((TornadoBackend) tornado).lastProgram();
    }
}
