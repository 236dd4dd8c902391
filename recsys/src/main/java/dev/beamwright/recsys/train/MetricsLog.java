package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

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

    /** All lines as records. */
    public <T> List<T> read(Class<T> type) {
        return lines().stream().map(line -> Json.mapper().readValue(line, type)).toList();
    }

    /** All lines as they stand. Throws {@link UserError} if one is not JSON. */
    public List<JsonNode> read() {
        try {
            return lines().stream().map(Json.mapper()::readTree).toList();
        } catch (JacksonException e) {
            throw new UserError(
                    run.file(file) + ": damaged: " + e.getMessage() + "; delete it to look at the rest", e);
        }
    }

    private void write(List<String> lines, String more) {
        StringBuilder text = new StringBuilder();
        for (String line : lines) text.append(line).append('\n');
        if (more != null) text.append(more).append('\n');
        Json.writeAtomically(run.file(file), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private List<String> lines() {
        if (!run.has(file)) return List.of();
        try {
            return Files.readAllLines(run.file(file));
        } catch (IOException e) {
            throw new UserError(run.file(file) + ": cannot be read: " + e, e);
        }
    }
}
