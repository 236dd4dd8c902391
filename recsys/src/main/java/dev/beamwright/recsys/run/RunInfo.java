package dev.beamwright.recsys.run;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code run.json}: which version of the program ran which stage, where, and what it found. */
public final class RunInfo {
    private static final String FILE = "run.json";

    private RunInfo() {}

    /** Notes that a stage was done by this program on this machine, with further facts of the stage. */
    public static void write(RunFolder run, String stage, Map<String, ?> facts) {
        ObjectNode all = run.has(FILE) ? Json.readTree(run.file(FILE)) : Json.mapper().createObjectNode();
        ObjectNode info = all.putObject(stage);
        info.put("version", Version.current().toString());
        info.put("jdk", Runtime.version().toString());
        info.put("host", host());
        facts.forEach((name, value) -> info.set(name, Json.mapper().valueToTree(value)));
        Json.write(run.file(FILE), all);
    }

    /** What a stage noted; a missing node if it has not run. */
    public static JsonNode read(RunFolder run, String stage) {
        return run.has(FILE) ? Json.readTree(run.file(FILE)).path(stage) : Json.mapper().missingNode();
    }

    /** Replaces all that a run noted by what another noted of some stages. */
    public static void copy(RunFolder from, RunFolder to, List<String> stages) {
        ObjectNode all = Json.mapper().createObjectNode();
        for (String stage : stages) if (read(from, stage) instanceof ObjectNode info) all.set(stage, info);
        Json.write(to.file(FILE), all);
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }
}
