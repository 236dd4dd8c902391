package dev.beamwright.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** The devices that TornadoVM finds. */
final class Devices {
    private Devices() {}

    private static final String DRIVER = "; is the device's driver installed (for OpenCL without a GPU: PoCL)?";

    private static String failure;

    /** Why nothing can run here, in one line; "" if something can. */
    static synchronized String problem() {
        if (failure == null) failure = look();
        return failure;
    }

    static String look() {
        if (!System.getProperty("tornado.recover.bailout", "True").equalsIgnoreCase("False")) {
            return "Java was started without -Dtornado.recover.bailout=False, without which kernels that fail run as plain"
                    + " Java, silently";
        }
        try {
            TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
            return runtime.getNumBackends() == 0 || runtime.getBackend(0).getNumDevices() == 0
                    ? "the SDK's backend finds no device" + DRIVER
                    : "";
        } catch (RuntimeException | Error e) { // a native library that does not load is an Error
            Throwable cause = e;
            while (cause.getCause() != null) cause = cause.getCause();
            String text = Failures.plain(cause.getMessage()).replace("Deoptimizing to sequential execution.", "");
            return "the SDK does not start: " + (text.isEmpty() ? cause.toString() : text.strip()) + DRIVER;
        }
    }

    /** All devices in one line, the one that is used first; or the problem. */
    static String describe() {
        if (!problem().isEmpty()) return problem();
        List<String> all = new ArrayList<>();
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        for (int b = 0; b < runtime.getNumBackends(); b++) {
            TornadoBackend backend = runtime.getBackend(b);
            for (int d = 0; d < backend.getNumDevices(); d++) all.add(describe(backend.getDevice(d)));
        }
        return "TornadoVM " + version() + " on " + String.join("; also ", all);
    }

    private static String describe(TornadoDevice device) {
        return String.format(
                Locale.ROOT,
                "%s, %s by %s, memory %,d MB (one array: %,d MB), of which %s may be used",
                device.getPhysicalDevice().getDeviceName(),
                device.getDeviceType(),
                device.getTornadoVMBackend(),
                device.getMaxGlobalMemory() >> 20,
                device.getMaxAllocMemory() >> 20,
                System.getProperty("tornado.device.memory", "4GB"));
    }

    /** Of the SDK. */
    static String version() {
        var descriptor = TornadoRuntime.class.getModule().getDescriptor();
        return descriptor == null ? "?" : descriptor.rawVersion().orElse("?");
    }

    /** The device that is used. */
    static TornadoDevice used() {
        return TornadoRuntimeProvider.getTornadoRuntime().getBackend(0).getDefaultDevice();
    }

    /** Whether kernels are compiled for NVIDIA's CUDA. */
    static boolean cuda() {
        TornadoVMBackendType type = TornadoRuntimeProvider.getTornadoRuntime().getBackendType(0);
        return type.name().equals("CUDA");
    }

    /** Whether the device that is used is anything but a CPU. */
    static boolean gpu() {
        return used().getDeviceType() != TornadoDeviceType.CPU;
    }

    /**
     * Whether kernels with tiles in local memory are worth it: on a CPU they take long to compile and are no faster.
     * {@code -Dbeamwright.tornado.tiles=true} or {@code false} decides otherwise.
     */
    static boolean tiles() {
        String wish = System.getProperty("beamwright.tornado.tiles");
        return wish == null ? gpu() : Boolean.parseBoolean(wish);
    }

    /** Whether the kernels of a graph are started as one CUDA graph; {@code -Dbeamwright.tornado.graphs=false} turns it off. */
    static boolean cudaGraphs() {
        return cuda() && !System.getProperty("beamwright.tornado.graphs", "true").equals("false");
    }

    /**
     * Small graphs share more compilations, since equal tasks of different graphs are compiled once; great ones cost less
     * to start. A GPU's driver compiles fast and a training has many steps.
     */
    static int tasksOfOneGraph() {
        return Integer.getInteger("beamwright.tornado.tasks", cuda() ? 200 : 40);
    }
}
