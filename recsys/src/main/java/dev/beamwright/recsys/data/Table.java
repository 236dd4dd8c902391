package dev.beamwright.recsys.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** Reads a file of any {@link Format} as rows with named columns. */
final class Table {
    /** What a file holds; it tells the column names where the file does not. */
    enum Content {
        INTERACTIONS("user_id", "item_id", "rating", "timestamp"),
        ITEMS("item_id", "title", "genres");

        final List<String> columns;

        Content(String... columns) {
            this.columns = List.of(columns);
        }
    }

    /** One row. */
    interface Row {
        /** The row's line in the file, from 1. */
        long line();

        /** The columns that this row has. */
        List<String> columns();

        /** The text in a column, or null if the row has none there. */
        String get(String column);
    }

    private record Fields(long line, List<String> columns, Map<String, Integer> index, List<String> fields)
            implements
                Row {
        @Override
        public String get(String column) {
            Integer i = index.get(column);
            return i == null ? null : fields.get(i);
        }
    }

    private record Values(long line, Map<String, String> values) implements Row {
        @Override
        public List<String> columns() {
            return List.copyOf(values.keySet());
        }

        @Override
        public String get(String column) {
            return values.get(column);
        }
    }

    private final Source source;
    private final Content content;
    private final BadLines bad;
    private final Consumer<Row> each;
    private final Map<String, String> objects = new LinkedHashMap<>(); // properties that hold objects, and one of these
    private long line; // the last line that was begun

    private Table(Source source, Content content, BadLines bad, Consumer<Row> each) {
        this.source = source;
        this.content = content;
        this.bad = bad;
        this.each = each;
    }

    /**
     * Hands each row of a file to {@code each}, in the file's order.
     *
     * @return JSON's properties that held objects which stand for no single value, and one of these objects; in
     *     interactions their parts are columns ({@code time.from}), of items they are left out
     */
    static Map<String, String> read(Source source, Format format, Content content, BadLines bad, Consumer<Row> each) {
        Table table = new Table(source, content, bad, each);
        table.read(format);
        return table.objects;
    }

    private void read(Format format) {
        try (BufferedReader reader = source.reader()) {
            switch (format) {
                case CSV -> delimited(reader, Format.separator(source), Delimited.Quotes.CSV, true);
                case TSV, RECBOLE -> delimited(reader, "\t", Delimited.Quotes.AROUND, true);
                case MOVIELENS -> delimited(reader, "::", Delimited.Quotes.NONE, false);
                case JSONL -> jsonLines(reader);
                case JSON -> jsonMap(reader);
            }
        } catch (IOException e) {
            throw source.unreadable(e, line);
        }
    }

    private void delimited(BufferedReader reader, String separator, Delimited.Quotes quotes, boolean header)
            throws IOException {
        List<String> columns = header ? null : content.columns;
        Map<String, Integer> index = header ? null : index(columns);
        Delimited rows = new Delimited(new Lines(reader), separator, quotes);
        for (Delimited.Row r; (r = rows.next(columns == null ? 0 : columns.size())) != null;) {
            line = r.line();
            if (columns == null) {
                if (Format.namesSeparator(r.text())) continue;
                if (r.fault() != null) throw fault(r.text(), r.fault());
                columns = header(r.fields());
                index = index(columns);
            } else if (r.fault() != null) {
                bad(r.text(), r.fault());
            } else if (r.fields().size() != columns.size()) {
                bad.add(
                        source,
                        line,
                        fields(r.fields().size()) + " in '" + Source.cut(r.text()) + "' instead of " + columns.size()
                                + " (" + Source.cut(String.join(", ", columns)) + "), separated by "
                                + Format.inWords(separator),
                        "mend the line");
            } else {
                each.accept(new Fields(line, columns, index, r.fields()));
            }
        }
    }

    private static String fields(int n) {
        return n == 1 ? "1 field" : n + " fields";
    }

    /** A line that is not what it should be. */
    private void bad(String text, String fault) {
        bad.add(source, line, "'" + Source.cut(text) + "' " + fault, Source.mend(fault));
    }

    private RuntimeException fault(String text, String fault) {
        return source.error(line, "'" + Source.cut(text) + "' " + fault, Source.mend(fault));
    }

    /** The column names, without RecBole's types. */
    private List<String> header(List<String> fields) {
        List<String> columns = new ArrayList<>();
        for (String field : fields) {
            String name = Words.visible(field).replaceFirst(":(token|float|token_seq|float_seq)$", "");
            if (!name.isEmpty() && columns.contains(name)) {
                throw source.error(line, "two columns are named '" + Source.cut(name) + "'", "rename one");
            }
            columns.add(name);
        }
        return columns;
    }

    private static Map<String, Integer> index(List<String> columns) {
        Map<String, Integer> index = new HashMap<>();
        for (int i = 0; i < columns.size(); i++) index.put(columns.get(i), i);
        return index;
    }

    private void jsonLines(BufferedReader reader) throws IOException {
        Lines lines = new Lines(reader);
        for (Lines.Line next; (next = lines.next()) != null;) {
            line = next.number();
            String text = next.text(), why = Words.fault(text);
            if (text.isBlank()) continue;
            if (next.cut()) why = "has more than " + Lines.LONGEST + " characters";
            Object value = null;
            try {
                if (why == null) value = JsonText.parse(text);
            } catch (JacksonException e) {
                why = "is not JSON (" + firstLine(e) + ")";
            }
            if (value instanceof Map<?, ?> object) {
                each.accept(new Values(line, values(object)));
            } else if (text.startsWith("{'")) {
                throw source.error(
                        line,
                        "'" + Source.cut(text) + "' is a Python dictionary, not JSON",
                        "convert each line by json.dumps(ast.literal_eval(line))");
            } else {
                bad.add(source, line, "'" + Source.cut(text) + "' " + (why == null ? "is not a JSON object" : why),
                        why != null && !why.contains("JSON")
                                ? Source.mend(why)
                                : "write one JSON object per line");
            }
        }
    }

    /** One object whose values are lists (of the items of a user) or objects (the properties of an item). */
    private void jsonMap(BufferedReader reader) throws IOException {
        reader.mark(1);
        if (reader.read() != '\uFEFF') reader.reset();
        String keyName = content.columns.get(0), valueName = content.columns.get(1);
        try (JsonParser p = JsonText.parser(reader)) {
            if (p.nextToken() != JsonToken.START_OBJECT) {
                throw source.error(1, "not one JSON object", "write {\"user\": [\"item\", …], …}");
            }
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = p.currentName();
                JsonToken begin = p.nextToken();
                line = p.currentTokenLocation().getLineNr();
                if (begin == JsonToken.START_ARRAY) {
                    while (p.nextToken() != JsonToken.END_ARRAY) element(keyName, key, valueName, JsonText.value(p));
                } else {
                    Map<String, String> values = new LinkedHashMap<>();
                    values.put(keyName, key);
                    Object value = JsonText.value(p);
                    if (value instanceof Map<?, ?> object) values(object).forEach(values::putIfAbsent);
                    else values.put(valueName, JsonText.text(value));
                    deliver(values);
                }
            }
            if (p.currentToken() != JsonToken.END_OBJECT) {
                throw source.error(line, "not one JSON object", "write {\"user\": [\"item\", …], …}");
            }
            if (p.nextToken() != null) {
                throw source.error(
                        p.currentTokenLocation().getLineNr(),
                        "something follows the JSON object",
                        "for one object per line add --format jsonl");
            }
        } catch (JacksonException e) {
            if (e.getCause() instanceof IOException io) throw io;
            long at = e.getLocation() == null ? line : e.getLocation().getLineNr();
            throw source.error(at, "not JSON: " + firstLine(e), "mend the file there");
        }
    }

    private void element(String keyName, String key, String valueName, Object element) {
        String text = element instanceof List ? null : JsonText.text(element);
        if (text == null) {
            bad.add(source, line, "'" + Source.cut(json(element)) + "' in the list of '" + Source.cut(key)
                    + "' is not an id", "write a list of ids");
            return;
        }
        Map<String, String> values = new LinkedHashMap<>();
        values.put(keyName, key);
        values.put(valueName, text);
        deliver(values);
    }

    private void deliver(Map<String, String> values) {
        for (String value : values.values()) {
            String fault = Words.fault(value);
            if (fault == null) continue;
            bad(value, fault);
            return;
        }
        each.accept(new Values(line, values));
    }

    /** The properties of a JSON object as text. */
    private Map<String, String> values(Map<?, ?> object) {
        Map<String, String> values = new LinkedHashMap<>();
        add(values, "", object);
        return values;
    }

    private void add(Map<String, String> values, String path, Map<?, ?> object) {
        object.forEach((name, value) -> {
            String column = path + name, text = JsonText.text(value);
            if (text != null) {
                values.put(column, text);
            } else {
                objects.computeIfAbsent(column, _ -> Source.cut(json(value)));
                if (content == Content.INTERACTIONS) add(values, column + ".", (Map<?, ?>) value);
            }
        });
    }

    /** A value as it stood in the file, near enough for a message. */
    private static String json(Object value) {
        return switch (value) {
            case Map<?, ?> map -> {
                List<String> parts = new ArrayList<>();
                map.forEach((k, v) -> parts.add("\"" + k + "\":" + json(v)));
                yield "{" + String.join(",", parts) + "}";
            }
            case List<?> list -> list.stream().map(Table::json).toList().toString().replace(", ", ",");
            default -> value.toString();
        };
    }

    private static String firstLine(JacksonException e) {
        String message = e.getOriginalMessage();
        return message == null ? "" : message.lines().findFirst().orElse("").replaceFirst(": enable .*", "");
    }
}
