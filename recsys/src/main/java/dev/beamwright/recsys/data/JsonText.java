package dev.beamwright.recsys.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/**
 * The JSON of users' files as text: a value is a {@link String}, a {@link List} or a {@link Map} of values. A number is
 * what stands in the file, digit by digit, so that it may be an id; null is "", and NaN and Infinity, which Python
 * writes, are words.
 */
final class JsonText {
    /** Not read by the data bind of a run's own files, which knows numbers and no texts. */
    private static final JsonFactory FACTORY =
            JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();
    /** Under what names a value stands in an object by itself: MongoDB's extended JSON, and what programs write. */
    private static final Set<String> WRAPPERS = Set.of(
            "$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$uuid", "$symbol",
            "value", "id", "date", "datetime", "time", "timestamp", "iso", "epoch", "millis", "milliseconds", "ms",
            "seconds", "_seconds", "epochSecond", "epochMillis");
    private static final int DEEPEST = 3;

    private JsonText() {}

    /** A parser of a file. */
    static JsonParser parser(java.io.Reader reader) {
        return FACTORY.createParser(ObjectReadContext.empty(), reader);
    }

    /** The value that a text is, and nothing behind it. Throws JacksonException if it is none. */
    static Object parse(String text) {
        try (JsonParser p = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (p.nextToken() == null) throw new StreamReadException(p, "nothing there");
            Object value = value(p);
            if (p.nextToken() != null) throw new StreamReadException(p, "something follows the value");
            return value;
        }
    }

    /** The value that begins at the parser's token; it ends at its last one. */
    static Object value(JsonParser p) {
        return switch (p.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                    String name = p.currentName();
                    p.nextToken();
                    map.put(name, value(p));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (p.nextToken() != JsonToken.END_ARRAY) list.add(value(p));
                yield list;
            }
            case VALUE_NULL -> "";
            default -> p.getString();
        };
    }

    /**
     * The text of a value, or null for an object that stands for no single value. Lists are joined by commas, what is
     * no text in them left out.
     */
    static String text(Object value) {
        if (value instanceof String s) return s;
        if (value instanceof Map<?, ?> map) return single(map, 0);
        List<String> parts = new ArrayList<>();
        for (Object v : (List<?>) value) {
            String part = text(v);
            if (part != null && !part.isEmpty()) parts.add(part);
        }
        return String.join(", ", parts);
    }

    /**
     * The one value that an object wraps: <code>{"$date": …}</code>, <code>{"$numberLong": "5"}</code>,
     * <code>{"$timestamp": {"t": 5, "i": 1}}</code>, <code>{"seconds": 5, "nanos": 0}</code> (protocol buffers,
     * Firestore), PHP's <code>{"date": …, "timezone_type": …, "timezone": …}</code>. Null if it wraps none.
     */
    private static String single(Map<?, ?> map, int depth) {
        if (depth > DEEPEST) return null;
        String seconds = text(map, "seconds", "_seconds", "epochSecond", "t");
        String nanos = text(map, "nanos", "_nanoseconds", "nanoseconds", "nano", "i");
        if (map.size() == 2 && seconds != null && nanos != null) {
            if (map.containsKey("i")) return seconds; // a counter within the second
            return nanos.matches("\\d{1,9}") ? seconds + "." + "0".repeat(9 - nanos.length()) + nanos : seconds;
        }
        if (map.size() == 3 && map.containsKey("timezone_type")) {
            String date = text(map, "date"), zone = text(map, "timezone");
            if (date == null || zone == null) return null;
            return zone.matches("[+-]\\d\\d:\\d\\d") ? date + zone : zone.matches("UTC|Z|GMT") ? date + "Z" : null;
        }
        if (map.size() != 1) return null;
        Map.Entry<?, ?> only = map.entrySet().iterator().next();
        boolean known = WRAPPERS.contains(only.getKey()) || only.getKey().equals("$timestamp");
        if (!known) return null;
        return switch (only.getValue()) {
            case String s -> s;
            case Map<?, ?> inner -> single(inner, depth + 1);
            default -> null;
        };
    }

    private static String text(Map<?, ?> map, String... names) {
        for (String name : names) {
            if (map.get(name) instanceof String s) return s;
            if (map.get(name) instanceof Map<?, ?> inner) return single(inner, 1);
        }
        return null;
    }

    /** Whether an object is a whole file, each of its values a list or an object that wraps no single value. */
    static boolean isMap(Object value) {
        return value instanceof Map<?, ?> map
                && map.values().stream().allMatch(v -> v instanceof List || v instanceof Map && text(v) == null);
    }
}
