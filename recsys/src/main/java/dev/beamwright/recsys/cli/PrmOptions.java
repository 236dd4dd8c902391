package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.Parameter;
import java.util.Map;

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

    /** Keys, defaults and meanings. */
    static String table(boolean detached) {
        return Parameter.table(PrmConfig.DEFAULT.withDetached(detached), PREFIX);
    }
}
