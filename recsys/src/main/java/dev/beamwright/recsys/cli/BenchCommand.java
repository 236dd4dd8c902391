package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/**
 * {@code beamwright bench}: measures. What can be measured comes with the module {@code benchmarks}, which is not part
 * of {@code beamwright.jar}: each {@link Benchmark} on the class path is a command under this one.
 */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "Measure speed and memory beside other programs; from a checkout of the sources.")
public final class BenchCommand implements Callable<Integer> {
    /** A command under {@code bench}, with picocli's annotations, found as a service. */
    public interface Benchmark extends Callable<Integer> {}

    @Spec
    private CommandSpec spec;

    @Unmatched
    private final List<String> rest = new ArrayList<>();

    /** Adds the benchmarks on the class path, and what says why that of the device is not there. */
    static void fill(CommandLine bench) {
        for (Benchmark b : ServiceLoader.load(Benchmark.class)) bench.addSubcommand(b);
        if (!bench.getSubcommands().containsKey("device")) bench.addSubcommand(new NoDevice());
    }

    /** {@code bench device} where tornado-kernels is not on the class path. */
    @Command(
            name = "device",
            mixinStandardHelpOptions = true,
            description = "Measures kernels, training steps and beam search on the TornadoVM device, beside the CPU"
                    + " (not ready here: it says what is missing).")
    static final class NoDevice implements Benchmark {
        @Unmatched
        private final List<String> options = new ArrayList<>();

        @Override
        public Integer call() {
            String missing = Tornado.missing();
            throw new UserError("bench device: "
                    + (missing.isEmpty() ? "Java was started without the SDK in " + Tornado.sdk() : missing));
        }
    }

    @Override
    public Integer call() {
        var there = spec.commandLine().getSubcommands().keySet();
        if (!there.contains("cpu")) {
            throw new UserError("bench: the benchmarks are not in this jar; run 'bin/beamwright bench' in a checkout of"
                    + " the sources, which builds them");
        }
        if (!rest.isEmpty()) {
            throw new UserError("bench: there is no '" + rest.getFirst() + "'; choose from "
                    + String.join(", ", there));
        }
        spec.commandLine().usage(spec.commandLine().getOut());
        return Main.OK;
    }
}
