package dev.beamwright.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A program that makes some training steps of TIGER and prints the largest resident set it ever had, in bytes. */
final class MemoryProbe {
    private static final int STEPS = 3;

    private MemoryProbe() {}

    public static void main(String[] args) throws IOException {
        List<AutoCloseable> kept = new ArrayList<>();
        var closer = new Closer() {
            @Override
            public <T extends AutoCloseable> T closing(T what) {
                kept.add(what); // the process ends anyway
                return what;
            }
        };
        Runnable step = Models.tiger(Integer.parseInt(args[0]), 0.1).step(Lab.backend(), closer);
        for (int i = 0; i < STEPS; i++) step.run();
        System.out.println(highWater());
    }

    private static long highWater() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith("VmHWM"))
                .map(l -> l.replaceAll("\\D", ""))
                .mapToLong(kilobytes -> Long.parseLong(kilobytes) * 1024)
                .findFirst()
                .orElseThrow();
    }

    /** Runs the program with this process's own flags. */
    static double ask(int batch) throws Peer.Missing {
        if (!Files.exists(Path.of("/proc/self/status"))) throw new Peer.Missing("only Linux tells this");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), MemoryProbe.class.getName(), Integer.toString(batch)));
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String answer = new String(process.getInputStream().readAllBytes()).strip();
            if (process.waitFor() != 0) throw new Peer.Missing("the process ended with " + process.exitValue());
            return Double.parseDouble(answer);
        } catch (IOException e) {
            throw new Peer.Missing(e.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Peer.Missing("interrupted");
        }
    }
}
