package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.tensor.BackendProvider;
import dev.beamwright.tensor.Backends;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code beamwright devices}: what can compute here. */
@Command(
        name = "devices",
        mixinStandardHelpOptions = true,
        description = "List what can compute here, fastest first, and what is missing.")
final class DevicesCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    /**
     * One line of the list.
     *
     * @param name for {@code --device}
     * @param status what it runs on, or what is missing
     * @param chosen whether it is taken where {@code --device} is not given
     */
    record Device(String name, boolean available, boolean chosen, String status) {}

    @Override
    public Integer call() {
        List<Device> devices = devices();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.line(devices));
        } else {
            for (Device d : devices) {
                String state = d.chosen ? "default" : d.available ? "ready" : "missing";
                out.printf("%-8s %-8s %s%n", d.name, state, d.status);
            }
            Runtime r = Runtime.getRuntime();
            out.printf(
                    "%nJava %s, %d processors, heap up to %,d MB%n",
                    Runtime.version(),
                    r.availableProcessors(),
                    r.maxMemory() >> 20);
        }
        out.flush();
        return Main.OK;
    }

    private static List<Device> devices() {
        List<Device> devices = new ArrayList<>();
        boolean chosen = false;
        for (BackendProvider p : Backends.installed()) {
            boolean best = !chosen && p.isAvailable() && p.priority() >= 0;
            devices.add(new Device(p.name(), p.isAvailable(), best, p.status()));
            chosen |= best;
        }
        if (devices.stream().noneMatch(d -> d.name.equals("tornado"))) {
            String missing = Tornado.missing();
            String status = missing.isEmpty() ? "Java was started without the SDK in " + Tornado.sdk() : missing;
            devices.add(new Device("tornado", false, false, status));
        }
        return devices;
    }
}
