package dev.beamwright.recsys.run;

import dev.beamwright.tensor.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Reads and writes the JSON files of a run. Files are replaced atomically: a reader sees the old one or the new one. */
public final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private Json() {}

    /** The mapper with the project's settings: indented, unknown properties refused. */
    public static JsonMapper mapper() {
        return MAPPER;
    }

    /** Reads a file as a record. */
    public static <T> T read(Path file, Class<T> type) {
        try {
            T value = MAPPER.readValue(text(file), type);
            if (value == null) throw new UserError(file + ": says nothing; the stage that writes it must be done anew");
            return value;
        } catch (JacksonException e) {
            throw unreadable(file, e);
        }
    }

    /** Reads a file as a tree. */
    public static JsonNode readTree(Path file) {
        try {
            return MAPPER.readTree(text(file));
        } catch (JacksonException e) {
            throw unreadable(file, e);
        }
    }

    /** Writes a record or tree to a file, atomically. */
    public static void write(Path file, Object value) {
        writeAtomically(file, (MAPPER.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** One line of JSON, for JSON-lines files. */
    public static String line(Object value) {
        return MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value);
    }

    /** Replaces a file's content atomically and durably, see {@link AtomicFile}. */
    public static void writeAtomically(Path file, byte[] bytes) {
        try {
            AtomicFile.write(file, bytes);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be written: " + e, e);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (java.nio.file.NoSuchFileException e) {
            throw new UserError(file + ": there is no such file", e);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read as UTF-8 text: " + e, e);
        }
    }

    private static UserError unreadable(Path file, JacksonException e) {
        String where = e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr();
        return new UserError(
                file + where + ": not the JSON that is expected here: " + e.getOriginalMessage(),
                e);
    }
}
