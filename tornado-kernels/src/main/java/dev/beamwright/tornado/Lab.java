package dev.beamwright.tornado;

import dev.beamwright.tensor.Backend;
import java.util.Locale;

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

    /** Whether the device is a GPU, so that its times say something. */
    public static boolean gpu() {
        return Devices.gpu();
    }

    /** The same device with products of operands of 16 bits: "bf16" or "fp16"; on CUDA alone. */
    public static Backend withProducts(Backend tornado, String name) {
        return ((TornadoBackend) tornado).with(Products.valueOf(name.toUpperCase(Locale.ROOT)));
    }

    /** How many kernels the captured body had that ran last, and in how many graphs. */
    public static int[] tasksAndGraphs(Backend tornado) {
        return ((TornadoBackend) tornado).lastProgram();
    }
}
