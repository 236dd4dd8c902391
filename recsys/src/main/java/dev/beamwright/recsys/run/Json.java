package dev.beamwright.recsys.run;

import dev.beamwright.tensor.io.AtomicFile;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The one door through which JSON of a run is read and written. Files are replaced atomically: a reader sees the old one
 * or the new one. Whatever is not as it was written (a field that is missing, unknown, null, there twice, of another type,
 * or of a value that its record refuses) is a {@link UserError} that names the file, the field and what helps.
 */
public final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(EnumFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private Json() {}

    /** The mapper with the project's settings, to make trees; what comes from a file is read by the methods below. */
    public static JsonMapper mapper() {
        return MAPPER;
    }

    /** Reads a file as a record, each component of which is there, and not null unless it is {@link Nullable}. */
    public static <T> T read(Path file, Class<T> type) {
        return parse(TextFile.read(file), type, file, 0);
    }

    /** Reads a file as a tree, an object. */
    public static ObjectNode readTree(Path file) {
        if (read(file, JsonNode.class) instanceof ObjectNode object) return object;
        throw damaged(file, 0, "expected a JSON object", null);
    }

    /** Reads a file of one record, or one tree, per line. */
    public static <T> List<T> readLines(Path file, Class<T> type) {
        List<T> all = new ArrayList<>();
        int line = 0;
        for (String text : TextFile.lines(file)) all.add(parse(text, type, file, ++line));
        return all;
    }

    /** Reads a text that stands in a file as a record. */
    public static <T> T parse(String text, Class<T> type, Path file) {
        return parse(text, type, file, 0);
    }

    private static <T> T parse(String text, Class<T> type, Path file, int line) {
        try {
            T value = MAPPER.readValue(text, type);
            if (value == null) throw damaged(file, line, "it says nothing", null);
            String missing = nullWithin(value, "");
            if (missing != null) throw damaged(file, line, "field '" + missing + "' is null", null);
            return value;
        } catch (JacksonException e) {
            int at = line > 0 || e.getLocation() == null ? line : Math.max(0, e.getLocation().getLineNr());
            throw damaged(file, at, why(e), e);
        }
    }

    /** The place of a null where none may be; null if there is none. */
    private static String nullWithin(Object value, String path) {
        return switch (value) {
            case null -> path;
            case Record record -> {
                for (RecordComponent c : record.getClass().getRecordComponents()) {
                    Object part = component(record, c);
                    if (part == null && c.isAnnotationPresent(Nullable.class)) continue;
                    String found = nullWithin(part, path.isEmpty() ? c.getName() : path + "." + c.getName());
                    if (found != null) yield found;
                }
                yield null;
            }
            case JsonNode _ -> null;
            case List<?> list -> {
                for (int i = 0; i < list.size(); i++) {
                    String found = nullWithin(list.get(i), path + "[" + i + "]");
                    if (found != null) yield found;
                }
                yield null;
            }
            case Map<?, ?> map -> {
                for (Map.Entry<?, ?> e : map.entrySet()) {
                    String found = nullWithin(e.getValue(), path + "." + e.getKey());
                    if (found != null) yield found;
                }
                yield null;
            }
            default -> null;
        };
    }

    private static Object component(Record record, RecordComponent c) {
        try {
            c.getAccessor().setAccessible(true);
            return c.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The field and what is wrong with it, in one line and without the names of classes. */
    private static String why(JacksonException e) {
        for (Throwable t = e; t != null; t = t.getCause())
            if (t instanceof UserError u) return field(e) + u.getMessage();
        String message = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
        if (e instanceof StreamReadException) message = "not proper JSON: " + message;
        message = message.replaceAll("\\(class [^)]*\\)|`[\\w.$]*\\.(\\w+)`", "$1")
                .replaceAll("dev\\.beamwright[\\w.$]*\\.", "");
        return field(e) + Visible.line(message.length() <= 200 ? message : message.substring(0, 200) + "…");
    }

    private static String field(JacksonException e) {
        String path = e.getPath().stream()
                .map(r -> r.getPropertyName() != null ? "." + r.getPropertyName() : "[" + r.getIndex() + "]")
                .collect(Collectors.joining());
        return path.isEmpty() ? "" : "field '" + Visible.line(path.substring(path.startsWith(".") ? 1 : 0)) + "': ";
    }

    private static UserError damaged(Path file, int line, String why, Throwable cause) {
        return new UserError(file + (line > 0 ? ":" + line : "") + ": is damaged, or not of this version: " + why + "; "
                + RunFolder.remedy(file), cause);
    }

    /** Writes a record or tree to a file, atomically. */
    public static void write(Path file, Object value) {
        writeAtomically(file, (MAPPER.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** The tree that reading the JSON of a value gives. */
    public static JsonNode tree(Object value) {
        return MAPPER.readTree(MAPPER.writeValueAsString(value));
    }

    /** One line of JSON, for JSON-lines files; characters that a terminal obeys are escaped. */
    public static String line(Object value) {
        return Visible.json(
                MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value));
    }

    /** Replaces a file's content atomically and durably, see {@link AtomicFile}. */
    public static void writeAtomically(Path file, byte[] bytes) {
        try {
            AtomicFile.write(file, bytes);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be written: " + e, e);
        }
    }
}
