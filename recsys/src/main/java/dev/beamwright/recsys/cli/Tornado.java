package dev.beamwright.recsys.cli;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Where the TornadoVM SDK and the device's kernels are, and what starts Java with them. Touches nothing but the JDK. */
final class Tornado {
    private Tornado() {}

    /** The SDK's folder, whether it is there or not. */
    static Path sdk() {
        String home = System.getenv("TORNADOVM_HOME");
        return home != null && !home.isBlank()
                ? Path.of(home)
                : Path.of(System.getProperty("user.home"), ".sdkman/candidates/tornadovm/current");
    }

    /** The jar of tornado-kernels: beside this program's jar, or where the build of a checkout leaves it. */
    static Path kernels() {
        Path jar = Path.of(System.getProperty("java.class.path").split(File.pathSeparator)[0]).toAbsolutePath();
        Path beside = jar.resolveSibling("tornado-kernels.jar");
        Path built = jar.resolveSibling("../../tornado-kernels/target/tornado-kernels.jar").normalize();
        return Files.exists(beside) ? beside : built;
    }

    /** Whether this process was started with the SDK. */
    static boolean inUse() {
        return ModuleLayer.boot().findModule("tornado.runtime").isPresent();
    }

    /** What is missing and how to get it; "" if nothing is. */
    static String missing() {
        Path sdk = sdk();
        if (!Files.isDirectory(sdk.resolve("share/java/tornado"))) {
            return "no TornadoVM SDK in " + sdk + "; get one with 'sdk install tornadovm' (5.2.0-jdk25 with the backend"
                    + " of your device) or set TORNADOVM_HOME, then build again with './mvnw package'";
        }
        if (!Files.isRegularFile(argfile())) {
            return "the SDK in " + sdk
                    + " has no tornado-argfile; make it as the SDK's README says, or install it anew";
        }
        return Files.isRegularFile(kernels()) ? "" : "no " + kernels() + "; build it with './mvnw package'";
    }

    /** The options that start Java with the SDK. */
    static List<String> options() {
        return List.of(
                "@" + argfile(),
                "-Dtornado.recover.bailout=False", // a kernel that fails must say so, not run as plain Java
                "-Dtornado.tvm.maxbytecodesize=1048576", // room for the many tasks of a training step
                "-Dtornado.max.events=1", // not an array of 32,768 events for each task
                "-Dtornado.opencl.compiler.flags=-w", // the default takes liberties with infinities
                "-Dtornado.enable.fastMathOptimizations=False",
                "-Dtornado.device.memory=16GB"); // a limit; without it 4 GB
    }

    private static Path argfile() {
        return sdk().resolve("tornado-argfile");
    }
}
