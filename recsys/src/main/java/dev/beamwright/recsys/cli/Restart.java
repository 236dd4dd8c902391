package dev.beamwright.recsys.cli;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Gives the program the JVM options it needs. A jar cannot ask for the Vector API by itself, so {@code java -jar}
 * starts Java once more, with the options, and passes on input, output, signals and the exit code. Where the options
 * are there already (as {@code bin/beamwright} sets them) the program runs at once. Touches nothing but the JDK before
 * that is decided.
 */
public final class Restart {
    /** Set in the second process: the process id of the first. */
    private static final String PARENT = "beamwright.parent";

    private static final String VECTOR = "jdk.incubator.vector";

    private Restart() {}

    public static void main(String[] args) throws Exception {
        Main.refuseUnnamable(args);
        if (System.getProperty(PARENT) != null) {
            endWith(Long.parseLong(System.getProperty(PARENT)));
        } else {
            List<String> options = new ArrayList<>();
            List<Path> jars = new ArrayList<>();
            if (ModuleLayer.boot().findModule(VECTOR).isEmpty()) addVectorApi(options);
            if (wantsTornado(args) && !Tornado.inUse() && Tornado.missing().isEmpty()) {
                options.add("--add-modules=" + VECTOR);
                options.addAll(Tornado.options());
                jars.add(Tornado.kernels());
            }
            if (!options.isEmpty()) System.exit(restart(options, jars, args));
        }
        Main.main(args);
    }

    private static void addVectorApi(List<String> options) {
        if (ModuleFinder.ofSystem().find(VECTOR).isEmpty()) {
            System.err.println("beamwright: this Java has no module " + VECTOR
                    + ": going on with plain loops, which are several times slower; a full JDK 25 has it");
            return;
        }
        options.add("--add-modules=" + VECTOR);
        options.add("--enable-native-access=ALL-UNNAMED");
        options.add("-XX:MaxRAMPercentage=50"); // tensors live outside the heap, in the other half
    }

    /** Whether a command needs TornadoVM, or tells about it. */
    private static boolean wantsTornado(String[] args) {
        if (args.length > 0 && args[0].equals("devices")) return true;
        if (args.length > 1 && args[0].equals("bench") && args[1].equals("device")) return true;
        return List.of(args).contains("tornado") || List.of(args).contains("--device=tornado");
    }

    /** Runs Java once more. Returns its exit code. */
    private static int restart(List<String> options, List<Path> jars, String[] args) throws InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments()); // the user's, so that they win
        String own = System.getenv("BEAMWRIGHT_JAVA_OPTS");
        if (own != null && !own.isBlank()) command.addAll(List.of(own.strip().split("\\s+")));
        StringBuilder classPath = new StringBuilder(System.getProperty("java.class.path"));
        for (Path jar : jars) classPath.append(File.pathSeparator).append(jar);
        command.add("-D" + PARENT + "=" + ProcessHandle.current().pid());
        command.addAll(List.of("-cp", classPath.toString(), Restart.class.getName()));
        command.addAll(List.of(args));
        Process child;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            if (!Main.namesAll()) builder.environment().put("LC_ALL", "C.UTF-8");
            child = builder.start();
        } catch (IOException e) {
            System.err.println("beamwright: cannot start Java again: " + e.getMessage());
            return Main.INTERNAL_ERROR;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(child)));
        return child.waitFor();
    }

    /** Ends the second process when the first is told to end, waits for it, and ends with its exit code. */
    private static void end(Process child) {
        child.destroy(); // SIGTERM; a training ends after the step in hand
        try {
            Runtime.getRuntime().halt(child.waitFor());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends this process if the first one is killed without being able to say so. */
    private static void endWith(long parent) {
        Runnable end = () -> Runtime.getRuntime().halt(Main.INTERRUPTED);
        ProcessHandle.of(parent).ifPresentOrElse(first -> first.onExit().thenRun(end), end);
    }
}
