package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** The parameters of a process reward model on the command line: {@code -P prm.KEY=VALUE}. */
final class PrmOptions {
    /** Before each key. */
    static final String PREFIX = "prm.";

    private PrmOptions() {}

    /**
     * The settings.
     *
     * @param parameters by key, without the prefix
     */
    static PrmConfig config(double weight, boolean detached, Map<String, String> parameters) {
        return Parameter.set(
                PrmConfig.DEFAULT.withWeight(weight).withDetached(detached), "the process reward model", PREFIX,
                parameters);
    }

    /** Adds the list of parameters to the help of a command. */
    static void list(CommandLine command) {
        var usage = command.getCommandSpec().usageMessage();
        List<String> footer = new ArrayList<>(List.of("", "Parameters (-P KEY=VALUE), defaults and meanings:"));
        Parameter.table(PrmConfig.DEFAULT, PREFIX).lines().forEach(footer::add);
        footer.addAll(List.of(usage.footer()));
        usage.footer(footer.toArray(String[]::new));
    }
}
