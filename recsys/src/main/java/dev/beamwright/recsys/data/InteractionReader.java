package dev.beamwright.recsys.data;

import dev.beamwright.recsys.data.Table.Row;
import dev.beamwright.recsys.run.UserError;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.longs.LongArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** Reads who met what and when, row by row, into primitive columns. */
final class InteractionReader {
    private static final int LONGEST_ID = 1000; // characters

    private final Source source;
    private final Columns columns;
    private final boolean timed;
    private final Double minRating;
    private final BadLines bad;

    private final Ids users = new Ids();
    private final Ids items = new Ids();
    private final IntArrayList user = new IntArrayList();
    private final IntArrayList item = new IntArrayList();
    private final List<TimeColumn> times = new ArrayList<>(); // the columns that may hold the times
    private final Times format;
    private final LongArrayList lines = new LongArrayList();
    private String userColumn, itemColumn, ratingColumn;
    private List<String> seen = List.of(); // the columns that were looked through for times
    private Map<String, String> objects;
    private long belowRating;
    private long invisible;

    /**
     * What a file of interactions holds: row i says that user {@code user[i]} met item {@code item[i]}.
     *
     * @param itemColumn the name of the column with the items
     * @param users the users' ids by number
     * @param items the items' ids by number
     * @param time milliseconds since 1970 or {@link Times#UNKNOWN}; null if the file has no times
     * @param timeColumn the name of the column with the times, or null
     * @param notes what is odd about the file, each in a sentence
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
            String timeColumn,
            List<String> notes,
            long[] line,
            List<String> unread,
            long belowRating) {}

    /** Numbers ids in the order in which they first appear. */
    private static final class Ids {
        final Object2IntOpenHashMap<String> numbers = new Object2IntOpenHashMap<>();
        final List<String> ids = new ArrayList<>();

        /** All ids so far, which are forgotten. */
        List<String> take() {
            List<String> all = List.copyOf(ids);
            ids.clear();
            numbers.clear();
            return all;
        }

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
        format = new Times(columns.timeFormat());
    }

    /**
     * Reads a file.
     *
     * @param timed whether to look for times if their column is not named
     */
    static Interactions read(
            Source source, Format format, Columns columns, boolean timed, Double minRating, BadLines bad) {
        InteractionReader reader = new InteractionReader(source, columns, timed, minRating, bad);
        reader.objects = Table.read(source, format, Table.Content.INTERACTIONS, bad, reader::add);
        TimeColumn time = TimeColumn.best(reader.times, reader.lines);
        boolean[] dropped = reader.dropBad(time);
        if (reader.user.isEmpty()) {
            throw new UserError(source + ": " + reader.whyEmpty());
        }
        return new Interactions(
                reader.itemColumn,
                reader.users.ids,
                reader.items.ids,
                reader.user.toIntArray(),
                reader.item.toIntArray(),
                time == null ? null : without(time.values(), dropped),
                time == null ? null : time.fullName(),
                reader.notes(time),
                without(reader.lines.toLongArray(), dropped),
                reader.unread(),
                reader.belowRating);
    }

    /** Takes out the rows whose time cannot be read. Returns which they are, or null for none. */
    private boolean[] dropBad(TimeColumn time) {
        if (time == null || time.bad() == 0) return null;
        int n = user.size(), found = 0;
        boolean[] dropped = new boolean[n];
        IntArrayList oldUsers = user.clone(), oldItems = item.clone();
        List<String> userIds = users.take(), itemIds = items.take();
        user.clear();
        item.clear();
        for (int r = 0; r < n; r++) {
            dropped[r] = time.isBad(r);
            if (dropped[r]) {
                bad.add(source, lines.getLong(r), time.whyBad(found++),
                        "write seconds since 1970 or leave it empty, say"
                                + " how it is written by --time-format, or take the file's order by --order file");
            } else {
                user.add(users.of(userIds.get(oldUsers.getInt(r))));
                item.add(items.of(itemIds.get(oldItems.getInt(r))));
            }
        }
        return dropped;
    }

    private static long[] without(long[] all, boolean[] dropped) {
        if (dropped == null) return all;
        return IntStream.range(0, all.length).filter(r -> !dropped[r]).mapToLong(r -> all[r]).toArray();
    }

    private List<String> notes(TimeColumn time) {
        List<String> notes = new ArrayList<>(time == null ? List.of() : time.notes());
        if (invisible > 0) {
            notes.add(String.format(Locale.ROOT,
                    "%,d ids had characters that are not seen (without width, or blanks of other kinds), which were"
                            + " taken out",
                    invisible));
        }
        objects.forEach((name, example) -> {
            String usual = Columns.find(null, Columns.TIME, List.of(name));
            if (usual == null && Columns.find(null, Columns.USER, List.of(name)) == null
                    && Columns.find(null, Columns.ITEM, List.of(name)) == null) {
                return;
            }
            notes.add("'" + Source.cut(name) + "' holds objects such as " + example
                    + ", which are not read as one value; their parts are columns, such as '" + Source.cut(name)
                    + ".…', to be named with --time-column and the like");
        });
        return notes;
    }

    private List<String> unread() {
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
        if (!row.columns().equals(seen)) findTimes(row); // a line of JSON may have more than those before
        String u = id(row, userColumn, "user");
        String i = u == null ? null : id(row, itemColumn, "item");
        if (i == null) return;
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
        lines.add(row.line());
        for (TimeColumn t : times) t.add(row.get(t.name()));
    }

    private void findTimes(Row row) {
        seen = row.columns();
        if (columns.time() != null || !timed) return;
        for (String usual : Columns.TIME) {
            String name = Columns.find(null, List.of(usual), seen);
            if (name == null || times.stream().anyMatch(t -> t.name().equals(name))) continue;
            times.add(new TimeColumn(name, format, user.size()));
        }
    }

    private void findColumns(Row row) {
        userColumn = column(row, "user", columns.user(), Columns.USER);
        itemColumn = column(row, "item", columns.item(), Columns.ITEM);
        if (columns.time() != null) {
            times.add(new TimeColumn(column(row, "time", columns.time(), Columns.TIME), format, 0));
        }
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
        String id = text == null ? "" : Words.visible(text), fault = Words.fault(id);
        if (Words.nothing(id)) {
            String found = id.isEmpty() ? "" : " but '" + id + "'";
            bad.add(source, row.line(), "no " + what + " in column '" + Source.cut(column) + "'" + found, "fill it in");
            return null;
        }
        if (fault != null) {
            bad.add(source, row.line(), "the " + what + " id '" + Source.cut(id) + "' " + fault, Source.mend(fault));
            return null;
        }
        if (id.length() < text.strip().length()) invisible++;
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
