package dev.beamwright.recsys.run;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code run.json}: the format of the run's files, and which version ran which stage, where, and what it found. */
public final class RunInfo {
    /** The format that this version writes and reads; it changes with any file of a run. */
    public static final int FORMAT = 1;

    private static final String FORMAT_KEY = "format";

    private RunInfo() {}

    /** Notes that a stage was done by this program on this machine, with further facts of the stage. */
    public static void write(RunFolder run, String stage, Map<String, ?> facts) {
        ObjectNode all = run.has(RunFolder.INFO) ? Json.readTree(run.file(RunFolder.INFO)) : Json.mapper().createObjectNode();
        all.put(FORMAT_KEY, FORMAT);
        ObjectNode info = all.putObject(stage);
        info.put("version", Version.current().toString());
        info.put("jdk", Runtime.version().toString());
        info.put("host", host());
        facts.forEach((name, value) -> info.set(name, Json.mapper().valueToTree(value)));
        Json.write(run.file(RunFolder.INFO), all);
    }

    /** What a stage noted; a missing node if it has not run. */
    public static JsonNode read(RunFolder run, String stage) {
        return run.has(RunFolder.INFO)
                ? Json.readTree(run.file(RunFolder.INFO)).path(stage)
                : Json.mapper().missingNode();
    }

    /** Replaces all that a run noted by what another noted of some stages. */
    public static void copy(RunFolder from, RunFolder to, List<String> stages) {
        ObjectNode all = Json.mapper().createObjectNode();
        all.put(FORMAT_KEY, FORMAT);
        for (String stage : stages) if (read(from, stage) instanceof ObjectNode info) all.set(stage, info);
        Json.write(to.file(RunFolder.INFO), all);
    }

    /** Refuses a run whose files have another format. */
    static void requireFormat(RunFolder run) {
        if (!run.has(RunFolder.INFO)) return;
        int found = Json.readTree(run.file(RunFolder.INFO)).path(FORMAT_KEY).asInt(0);
        if (found == FORMAT) return;
        throw new UserError(run.root() + ": was written by another version of Beamwright (format " + found
                + ", this version has " + FORMAT + "); make a new run with 'beamwright run --out NEW-RUN' and the same"
                + " options, or read this one with that version");
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }
}
