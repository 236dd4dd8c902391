package dev.beamwright.recsys.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvReader.CsvReaderBuilder;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import dev.beamwright.recsys.run.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;

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

    private record Fields(long line, List<String> columns, Map<String, Integer> index, CsvRecord fields)
            implements
                Row {
        @Override
        public String get(String column) {
            Integer i = index.get(column);
            return i == null ? null : fields.getField(i);
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
    private long line; // the last line that was begun

    private Table(Source source, Content content, BadLines bad, Consumer<Row> each) {
        this.source = source;
        this.content = content;
        this.bad = bad;
        this.each = each;
    }

    /** Hands each row of a file to {@code each}, in the file's order. */
    static void read(Source source, Format format, Content content, BadLines bad, Consumer<Row> each) {
        new Table(source, content, bad, each).read(format);
    }

    private void read(Format format) {
        try (BufferedReader reader = source.reader()) {
            switch (format) {
                case CSV -> delimited(reader, Format.separator(source), '"', true);
                case TSV, RECBOLE -> delimited(reader, "\t", '\0', true);
                case MOVIELENS -> delimited(reader, "::", '\0', false);
                case JSONL -> jsonLines(reader);
                case JSON -> jsonMap(reader);
            }
        } catch (CsvParseException e) {
            if (e.getCause() instanceof IOException io) throw source.unreadable(io, line);
            throw source.error(
                    line + 1, "this row is not CSV (" + e.getMessage() + ")",
                    "close its quotes, doubling those inside");
        } catch (UncheckedIOException e) {
            throw source.unreadable(e.getCause(), line);
        } catch (IOException e) {
            throw source.unreadable(e, line);
        }
    }

    private void delimited(BufferedReader reader, String separator, char quote, boolean header) throws IOException {
        CsvReaderBuilder builder = CsvReader.builder()
                .fieldSeparator(separator)
                .quoteCharacter(quote)
                .detectBomHeader(false)
                .allowUnclosedQuote(false)
                .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE);
        List<String> columns = header ? null : content.columns;
        Map<String, Integer> index = header ? null : index(columns);
        skipByteOrderMark(reader);
        try (CsvReader<CsvRecord> csv = builder.ofCsvRecord(reader)) {
            for (CsvRecord r : csv) {
                line = r.getStartingLineNumber();
                if (columns == null) {
                    columns = header(r.getFields());
                    index = index(columns);
                } else if (r.getFieldCount() != columns.size()) {
                    bad.add(
                            source,
                            line,
                            fields(r.getFieldCount()) + " in '" + Source.cut(String.join(separator, r.getFields()))
                                    + "' instead of " + columns.size() + " (" + String.join(", ", columns) + ")",
                            "mend the line");
                } else {
                    each.accept(new Fields(line, columns, index, r));
                }
            }
        }
    }

    private static String fields(int n) {
        return n == 1 ? "1 field" : n + " fields";
    }

    private static void skipByteOrderMark(BufferedReader reader) throws IOException {
        reader.mark(1);
        if (reader.read() != '\uFEFF') reader.reset();
    }

    /** The column names, without RecBole's types. */
    private List<String> header(List<String> fields) {
        List<String> columns = new ArrayList<>();
        for (String field : fields) {
            String name = field.strip().replaceFirst(":(token|float|token_seq|float_seq)$", "");
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
        skipByteOrderMark(reader);
        for (String text; (text = reader.readLine()) != null;) {
            line++;
            if (text.isBlank()) continue;
            JsonNode node = null;
            String why = "is not a JSON object";
            try {
                node = Json.mapper().readTree(text);
            } catch (JacksonException e) {
                why = "is not JSON (" + firstLine(e.getOriginalMessage()) + ")";
            }
            if (node != null && node.isObject()) {
                each.accept(new Values(line, values(node)));
            } else if (text.startsWith("{'")) {
                throw source.error(
                        line,
                        "'" + Source.cut(text) + "' is a Python dictionary, not JSON",
                        "convert each line by json.dumps(ast.literal_eval(line))");
            } else {
                bad.add(source, line, "'" + Source.cut(text) + "' " + why, "write one JSON object per line");
            }
        }
    }

    /** One object whose values are lists (of the items of a user) or objects (the properties of an item). */
    private void jsonMap(BufferedReader reader) throws IOException {
        skipByteOrderMark(reader);
        String keyName = content.columns.get(0), valueName = content.columns.get(1);
        try (JsonParser p = Json.mapper().createParser(reader)) {
            p.nextToken();
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = p.currentName();
                p.nextToken();
                line = p.currentTokenLocation().getLineNr();
                JsonNode value = p.readValueAsTree();
                if (value.isArray()) {
                    for (JsonNode element : value) {
                        Map<String, String> values = new LinkedHashMap<>();
                        values.put(keyName, key);
                        values.put(valueName, element.isContainer() ? element.toString() : text(element));
                        if (element.isContainer()) {
                            bad.add(source, line, "'" + Source.cut(element.toString()) + "' in the list of '"
                                    + Source.cut(key) + "' is not an id", "write a list of ids");
                        } else {
                            each.accept(new Values(line, values));
                        }
                    }
                } else {
                    Map<String, String> values = new LinkedHashMap<>();
                    values.put(keyName, key);
                    if (value.isObject()) values(value).forEach(values::putIfAbsent);
                    else values.put(valueName, text(value));
                    each.accept(new Values(line, values));
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
            throw source.error(at, "not JSON: " + firstLine(e.getOriginalMessage()), "mend the file there");
        }
    }

    /** Whether a line that is a JSON object maps keys to lists or objects, and so is a whole file. */
    static boolean isMap(String text) {
        try {
            JsonNode node = Json.mapper().readTree(text);
            if (node.isEmpty()) return true;
            for (JsonNode value : node) if (!value.isContainer()) return false;
            return true;
        } catch (JacksonException e) {
            return false;
        }
    }

    /** The properties of a JSON object as text; lists are joined, objects are left out. */
    private static Map<String, String> values(JsonNode object) {
        Map<String, String> values = new LinkedHashMap<>();
        object.properties().forEach(p -> {
            if (!p.getValue().isObject()) values.put(p.getKey(), text(p.getValue()));
        });
        return values;
    }

    private static String text(JsonNode node) {
        if (node.isNull() || node.isObject()) return "";
        if (!node.isArray()) return node.asString();
        List<String> parts = new ArrayList<>();
        for (JsonNode n : node) {
            String part = text(n);
            if (!part.isEmpty()) parts.add(part);
        }
        return String.join(", ", parts);
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("");
    }
}
