package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The metrics of a training: a file of a run with one line of JSON for each validation. The file is replaced as a whole,
 * so that a process that is killed never leaves half a line.
 */
public record MetricsLog(RunFolder run, String file) {
    /** How many lines there are; 0 without the file. */
    public int size() {
        return lines().size();
    }

    /** Adds a line. */
    public void append(Object metrics) {
        write(lines(), Json.line(metrics));
    }

    /** Keeps the first lines only, as many as a checkpoint knows of. */
    public void cut(int lines) {
        List<String> all = lines();
        if (lines < all.size()) write(all.subList(0, lines), null);
    }

    /** All lines as records. Throws {@link UserError} if one is damaged. */
    public <T> List<T> read(Class<T> type) {
        return run.has(file) ? Json.readLines(run.file(file), type) : List.of();
    }

    /** All lines as they stand. Throws {@link UserError} if one is no JSON object. */
    public List<JsonNode> read() {
        return List.copyOf(read(ObjectNode.class));
    }

    private void write(List<String> lines, String more) {
        StringBuilder text = new StringBuilder();
        for (String line : lines) text.append(line).append('\n');
        if (more != null) text.append(more).append('\n');
        Json.writeAtomically(run.file(file), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private List<String> lines() {
        return run.has(file) ? TextFile.lines(run.file(file)) : List.of();
    }
}
