package dev.beamwright.benchmarks;

import dev.beamwright.recsys.run.Version;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Where and with what something was measured.
 *
 * @param commit of the sources, with "-dirty" behind it if files had changed
 * @param cpu its model
 * @param processors as many as Java may use
 * @param jdk version and maker
 * @param flags Java was started with
 */
record Host(String commit, String cpu, int processors, String os, String jdk, List<String> flags) {
    /** This process on this machine. */
    static Host here() {
        return new Host(
                Version.current().commit(),
                model(),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                Runtime.version() + ", " + System.getProperty("java.vendor"),
                ManagementFactory.getRuntimeMXBean().getInputArguments());
    }

    /** The system's load average of the last minute, or -1. */
    static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    /** The model's name, and the widest vectors it has, where Linux tells them. */
    private static String model() {
        try {
            List<String> info = Files.readAllLines(Path.of("/proc/cpuinfo"));
            String name = field(info, "model name"), flags = " " + field(info, "flags") + " ";
            String widest = flags.contains(" avx512f ") ? ", AVX-512" : flags.contains(" avx2 ") ? ", AVX2" : "";
            return name.isEmpty() ? System.getProperty("os.arch") : name + widest;
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    private static String field(List<String> info, String name) {
        return info.stream()
                .filter(l -> l.startsWith(name))
                .findFirst()
                .map(l -> l.substring(l.indexOf(':') + 1).strip())
                .orElse("");
    }
}
