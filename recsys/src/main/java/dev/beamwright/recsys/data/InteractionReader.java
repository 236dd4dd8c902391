package dev.beamwright.recsys.data;

import dev.beamwright.recsys.data.Table.Row;
import dev.beamwright.recsys.run.UserError;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.longs.LongArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads who met what and when, row by row, into primitive columns. */
final class InteractionReader {
    private static final int LONGEST_ID = 1000; // characters
    /** How data bases and data frames write that there is nothing; taken as an id it would be one busy stranger. */
    private static final Set<String> NOTHING = Set.of("NULL", "null", "\\N", "NaN", "nan", "None", "<NA>");

    private final Source source;
    private final Columns columns;
    private final boolean timed;
    private final Double minRating;
    private final BadLines bad;

    private final Ids users = new Ids();
    private final Ids items = new Ids();
    private final IntArrayList user = new IntArrayList();
    private final IntArrayList item = new IntArrayList();
    private final LongArrayList time = new LongArrayList();
    private final LongArrayList lines = new LongArrayList();
    private String userColumn, itemColumn, timeColumn, ratingColumn;
    private List<String> seen; // columns in which no time was found
    private long belowRating;

    /**
     * What a file of interactions holds: row i says that user {@code user[i]} met item {@code item[i]}.
     *
     * @param itemColumn the name of the column with the items
     * @param users the users' ids by number
     * @param items the items' ids by number
     * @param time milliseconds since 1970 or {@link Times#UNKNOWN}; null if the file has no times
     * @param line the line of each row in the file
     * @param unread columns of which nothing is known
     * @param belowRating how many rows were dropped for their rating
     */
    record Interactions(
            String itemColumn,
            List<String> users,
            List<String> items,
            int[] user,
            int[] item,
            long[] time,
            long[] line,
            List<String> unread,
            long belowRating) {}

    /** Numbers ids in the order in which they first appear. */
    private static final class Ids {
        final Object2IntOpenHashMap<String> numbers = new Object2IntOpenHashMap<>();
        final List<String> ids = new ArrayList<>();

        int of(String id) {
            int n = numbers.computeIfAbsent(id, _ -> ids.size());
            if (n == ids.size()) ids.add(id);
            return n;
        }
    }

    private InteractionReader(Source source, Columns columns, boolean timed, Double minRating, BadLines bad) {
        this.source = source;
        this.columns = columns;
        this.timed = timed;
        this.minRating = minRating;
        this.bad = bad;
    }

    /**
     * Reads a file.
     *
     * @param timed whether to look for times if their column is not named
     */
    static Interactions read(
            Source source, Format format, Columns columns, boolean timed, Double minRating, BadLines bad) {
        InteractionReader reader = new InteractionReader(source, columns, timed, minRating, bad);
        Table.read(source, format, Table.Content.INTERACTIONS, bad, reader::add);
        if (reader.user.isEmpty()) {
            throw new UserError(source + ": " + reader.whyEmpty());
        }
        return new Interactions(
                reader.itemColumn,
                reader.users.ids,
                reader.items.ids,
                reader.user.toIntArray(),
                reader.item.toIntArray(),
                reader.timeColumn == null ? null : reader.time.toLongArray(),
                reader.lines.toLongArray(),
                reader.unread(),
                reader.belowRating);
    }

    private List<String> unread() {
        if (seen == null) return List.of();
        String rating = Columns.find(columns.rating(), Columns.RATING, seen);
        return seen.stream()
                .filter(c -> !c.equals(userColumn) && !c.equals(itemColumn) && !c.equals(rating))
                .toList();
    }

    private String whyEmpty() {
        if (bad.count() > 0) {
            return "none of its " + bad.count() + " rows can be read, the first because of "
                    + bad.examples().getFirst() + "; mend the rows";
        }
        return belowRating > 0
                ? "all " + belowRating + " rows are rated below " + minRating + "; lower --min-rating"
                : "there are no rows in it; give a file with one interaction per row";
    }

    private void add(Row row) {
        if (userColumn == null) findColumns(row);
        if (timeColumn == null && !row.columns().equals(seen)) { // a line of JSON may have more than those before
            seen = row.columns();
            if (timed) timeColumn = Columns.find(null, Columns.TIME, seen);
        }
        String u = id(row, userColumn, "user");
        String i = u == null ? null : id(row, itemColumn, "item");
        if (i == null) return;
        long t = Times.UNKNOWN;
        if (timeColumn != null) {
            String text = row.get(timeColumn);
            try {
                t = Times.parse(text);
            } catch (IllegalArgumentException e) {
                bad.add(
                        source,
                        row.line(),
                        "the time '" + Source.cut(text) + "' " + e.getMessage(),
                        "write seconds since 1970 or leave it empty, or take the file's order by --order file");
                return;
            }
        }
        if (ratingColumn != null) {
            String text = row.get(ratingColumn);
            double rating = number(text);
            if (Double.isNaN(rating)) {
                bad.add(source, row.line(), "the rating '" + Source.cut("" + text) + "' is no number", "mend it");
                return;
            }
            if (rating < minRating) {
                belowRating++;
                return;
            }
        }
        user.add(users.of(u));
        item.add(items.of(i));
        time.add(t);
        lines.add(row.line());
    }

    private void findColumns(Row row) {
        userColumn = column(row, "user", columns.user(), Columns.USER);
        itemColumn = column(row, "item", columns.item(), Columns.ITEM);
        if (columns.time() != null) timeColumn = column(row, "time", columns.time(), Columns.TIME);
        if (minRating != null) ratingColumn = column(row, "rating", columns.rating(), Columns.RATING);
    }

    /** A column that must be there. */
    private String column(Row row, String what, String named, List<String> usual) {
        String found = Columns.find(named, usual, row.columns());
        if (found != null) return found;
        List<String> columns = row.columns();
        String there = "the columns are " + Source.cut(String.join(", ", columns));
        long numbers = columns.stream().filter(c -> c.matches("-?\\d+([.,]\\d+)?")).count();
        if (named == null && row.line() == 2 && numbers > 1) {
            throw source.error(
                    1,
                    "the first line is no header: '" + Source.cut(String.join(", ", columns)) + "'",
                    "write one above it that names the columns, such as user_id, item_id, rating, timestamp");
        }
        throw source.error(
                1,
                named != null
                        ? "there is no column '" + Source.cut(named) + "'; " + there
                        : "no column is known to hold the " + what + " (" + String.join(", ", usual) + "); " + there,
                "name it with --" + what + "-column"
                        + (columns.size() > 1 ? "" : ", or the format with --format"));
    }

    /** The id in a column, or null if the row cannot be used. */
    private String id(Row row, String column, String what) {
        String text = row.get(column);
        String id = text == null ? "" : text.strip();
        if (id.isEmpty() || NOTHING.contains(id)) {
            String found = id.isEmpty() ? "" : " but '" + id + "'";
            bad.add(source, row.line(), "no " + what + " in column '" + column + "'" + found, "fill it in");
            return null;
        }
        if (id.length() > LONGEST_ID) {
            bad.add(
                    source,
                    row.line(),
                    "the " + what + " id '" + Source.cut(id) + "' has " + id.length() + " characters",
                    "use ids of at most " + LONGEST_ID);
            return null;
        }
        return id;
    }

    private static double number(String text) {
        try {
            return text == null ? Double.NaN : Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }
}
