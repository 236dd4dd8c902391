package dev.beamwright.recsys.data;

import dev.beamwright.recsys.data.Table.Row;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads what is told about items: a title, and all other text joined by " | ". A column counts as text if one of its
 * values has a letter and one is more than a code (a single word with a digit in it, or a link), so that prices, product
 * codes and image addresses stay outside. Of two rows for one item the first counts.
 */
final class ItemReader {
    /** Title and text (which begins with the title) of an item; "" where nothing is told. */
    record Item(String title, String text) {}

    /**
     * What an items' file tells.
     *
     * @param items by item id, only those that were asked for
     * @param textColumns the columns whose text is used, the title's first
     * @param unused rows for items that nobody met
     * @param repeated rows for items that had a row before
     * @param notes what is odd about the file, each in a sentence
     */
    record Items(
            Map<String, Item> items,
            List<String> textColumns,
            long unused,
            long repeated,
            List<String> notes) {}

    private static final Pattern HALF = Pattern.compile("\\p{Cs}");

    private final Source source;
    private final Columns columns;
    private final String interactionColumn;
    private final Set<String> wanted;
    private final BadLines bad;

    private final Map<String, Map<String, String>> rows = new HashMap<>();
    private final Set<String> names = new LinkedHashSet<>(); // all columns, in the order in which they appear
    private String idColumn;
    private long unused, repeated;

    private ItemReader(Source source, Columns columns, String interactionColumn, Set<String> wanted, BadLines bad) {
        this.source = source;
        this.columns = columns;
        this.interactionColumn = interactionColumn;
        this.wanted = wanted;
        this.bad = bad;
    }

    /** Reads the items in {@code wanted}; {@code interactionColumn} is where the interactions have their items. */
    static Items read(
            Source source,
            Format format,
            Columns columns,
            String interactionColumn,
            Set<String> wanted,
            BadLines bad) {
        ItemReader reader = new ItemReader(source, columns, interactionColumn, wanted, bad);
        Map<String, String> objects = Table.read(source, format, Table.Content.ITEMS, bad, reader::add);
        if (reader.idColumn == null) {
            throw source.error(1, "there are no rows in it", "give one row per item, or leave --items out");
        }
        List<String> notes = new ArrayList<>();
        objects.forEach((name, example) -> notes.add("'" + Source.cut(name) + "' of the items holds objects such as "
                + example + ", which are not read"));
        return reader.items(notes);
    }

    private void add(Row row) {
        if (idColumn == null) {
            idColumn = Columns.find(columns.itemsId(), List.of(), row.columns());
            if (columns.itemsId() == null) {
                idColumn = Columns.find(interactionColumn, List.of(), row.columns());
                if (idColumn == null) idColumn = Columns.find(null, Columns.ITEM, row.columns());
            }
            if (idColumn == null) {
                throw source.error(
                        1,
                        "no column is named '"
                                + (columns.itemsId() == null
                                        ? interactionColumn + "' as in the interactions"
                                        : Source.cut(columns.itemsId()) + "'")
                                + "; the columns are "
                                + Source.cut(String.join(", ", row.columns())),
                        "name the column with the item ids by --items-id-column");
            }
        }
        String text = row.get(idColumn), id = text == null ? "" : Words.visible(text);
        if (Words.nothing(id)) {
            String found = id.isEmpty() ? "" : " but '" + id + "'";
            bad.add(source, row.line(), "no item in column '" + idColumn + "'" + found, "fill it in");
        } else if (!wanted.contains(id)) {
            unused++;
        } else if (rows.containsKey(id)) {
            repeated++;
        } else {
            Map<String, String> values = new LinkedHashMap<>();
            for (String column : row.columns()) {
                String value = row.get(column);
                if (value != null && !column.equals(idColumn)) values.put(column, clean(value));
            }
            names.addAll(values.keySet());
            rows.put(id, values);
        }
    }

    private Items items(List<String> notes) {
        String title = Columns.find(columns.title(), Columns.TITLE, List.copyOf(names));
        if (title == null && columns.title() != null && !rows.isEmpty()) {
            throw source.error(
                    1,
                    "there is no column '" + Source.cut(columns.title()) + "'; the columns are "
                            + Source.cut(String.join(", ", names)),
                    "name it with --title-column");
        }
        List<String> text = new ArrayList<>();
        if (title != null) text.add(title);
        for (String name : names) if (!name.equals(title) && isText(name)) text.add(name);
        Map<String, Item> items = new HashMap<>();
        rows.forEach((id, values) -> {
            List<String> parts = new ArrayList<>();
            for (String column : text) {
                String value = values.getOrDefault(column, "");
                if (!value.isEmpty()) parts.add(value);
            }
            items.put(id, new Item(title == null ? "" : values.getOrDefault(title, ""), String.join(" | ", parts)));
        });
        return new Items(items, text, unused, repeated, notes);
    }

    private boolean isText(String column) {
        boolean letters = false, moreThanCode = false;
        for (Map<String, String> values : rows.values()) {
            String value = values.getOrDefault(column, "");
            if (value.isEmpty()) continue;
            letters |= value.chars().anyMatch(Character::isLetter);
            moreThanCode |= !isCode(value);
            if (letters && moreThanCode) return true;
        }
        return false;
    }

    private static boolean isCode(String value) {
        return value.indexOf(' ') < 0 && (value.chars().anyMatch(Character::isDigit) || value.contains("://"));
    }

    /** One line without spaces at its ends, "" for what stands for nothing; half a character becomes U+FFFD. */
    private static String clean(String value) {
        if (Words.nothing(value)) return "";
        return HALF.matcher(value.strip().replaceAll("\\s+", " ")).replaceAll("\uFFFD");
    }
}
