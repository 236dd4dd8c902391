package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Nullable;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What the data is like, and what was done to it: the things that decide how a score must be read.
 *
 * @param density the share of all pairs of a user and an item that met, each counted once
 * @param order the order in which each user's interactions stand
 * @param times where the times come from
 * @param dropped what was read and is not in the data
 * @param lengths of the users' sequences
 * @param repeats interactions with an item that the user had met before
 * @param returns how often, and how far back, that happens in the training part
 * @param validation of the questions that choose a model
 * @param test of the questions that are asked at the end
 */
public record Audit(
        int users,
        int items,
        int interactions,
        double density,
        Lengths lengths,
        String order,
        Times times,
        long unknownTimes,
        int repeats,
        Repeats returns,
        Dropped dropped,
        ItemText text,
        String split,
        int trainInteractions,
        Questions validation,
        Questions test) {
    /** The shortest, the middle, the average and the longest sequence. */
    public record Lengths(int min, double median, double mean, int max) {}

    /**
     * Where the times come from.
     *
     * @param column its name in the file; null for none
     * @param first the earliest known time in the data, in seconds since 1970; null for none
     * @param last the latest
     * @param notes what is odd about the file, its times first of all
     */
    public record Times(
            @Nullable String column,
            @Nullable Long first,
            @Nullable Long last,
            List<String> notes) {}

    /**
     * What was left out, in this order.
     *
     * @param badLines lines that could not be read, with --skip-bad-lines
     * @param examples the first of them
     * @param belowRating interactions rated below --min-rating
     * @param duplicates interactions with the same user, item and time as one before
     * @param coreUsers users outside the k-core
     * @param coreItems items outside the k-core
     * @param coreInteractions interactions outside the k-core
     */
    public record Dropped(
            long badLines,
            List<String> examples,
            long belowRating,
            int duplicates,
            int coreUsers,
            int coreItems,
            int coreInteractions) {}

    /**
     * What is known about the items.
     *
     * @param columns the columns whose text is used
     * @param withoutTitle items whose id stands in for a title
     * @param withoutText items without any text
     * @param unusedRows rows of the items' file for items that are not in the data
     * @param repeatedRows further rows for an item; the first counts
     */
    public record ItemText(
            List<String> columns,
            int withoutTitle,
            int withoutText,
            long unusedRows,
            long repeatedRows) {}

    /**
     * What the questions of a split are like.
     *
     * @param cases how many
     * @param ties targets with the same time as the item before: their order is the file's. Null if no times are known
     * @param repeats targets that are in the history already; with seen items masked they cannot be found
     * @param unseen targets that no user has in the training part
     */
    public record Questions(int cases, @Nullable Integer ties, int repeats, int unseen) {}

    static Audit of(Dataset data, Cuts cuts, String order, Times times, Dropped dropped, ItemText text) {
        int users = data.users().size(), items = data.items().size();
        int[] lengths = Arrays.stream(data.sequences()).mapToInt(s -> s.length).sorted().toArray();
        double median = (lengths[(users - 1) / 2] + lengths[users / 2]) / 2.0;
        int n = data.interactions();

        boolean[] trained = new boolean[items];
        int train = 0, repeats = 0;
        for (int u = 0; u < users; u++) {
            int[] s = data.sequences()[u];
            for (boolean repeat : repeats(s)) if (repeat) repeats++;
            for (int i = 0; i < cuts.trainEnd()[u]; i++) trained[s[i]] = true;
            train += cuts.trainEnd()[u];
        }
        long unknown = data.times() == null
                ? n
                : Arrays.stream(data.times())
                        .flatMapToLong(Arrays::stream)
                        .filter(t -> t == Dataset.UNKNOWN_TIME)
                        .count();
        return new Audit(
                users,
                items,
                n,
                (double) (n - repeats) / users / items,
                new Lengths(lengths[0], median, (double) n / users, lengths[users - 1]),
                order,
                times,
                unknown,
                repeats,
                Repeats.of(trainParts(data, cuts)),
                dropped,
                text,
                cuts.rule(),
                train,
                questions(data, cuts, trained, false),
                questions(data, cuts, trained, true));
    }

    private static int[][] trainParts(Dataset data, Cuts cuts) {
        int[][] train = new int[data.sequences().length][];
        for (int u = 0; u < train.length; u++) train[u] = Arrays.copyOf(data.sequences()[u], cuts.trainEnd()[u]);
        return train;
    }

    private static Questions questions(Dataset data, Cuts cuts, boolean[] trained, boolean test) {
        int cases = 0, ties = 0, repeats = 0, unseen = 0;
        for (int u = 0; u < data.users().size(); u++) {
            int[] s = data.sequences()[u];
            boolean[] repeat = repeats(s);
            int from = test ? cuts.validationEnd()[u] : cuts.trainEnd()[u];
            int to = test ? s.length : cuts.validationEnd()[u];
            for (int i = Math.max(1, from); i < to; i++) {
                cases++;
                if (repeat[i]) repeats++;
                if (!trained[s[i]]) unseen++;
                if (data.times() == null) continue;
                long[] t = data.times()[u];
                if (t[i] == t[i - 1] && t[i] != Dataset.UNKNOWN_TIME) ties++;
            }
        }
        return new Questions(cases, data.times() == null ? null : ties, repeats, unseen);
    }

    /** Which items stand before in the sequence, too. */
    private static boolean[] repeats(int[] items) {
        var before = new IntOpenHashSet();
        boolean[] repeats = new boolean[items.length];
        for (int i = 0; i < items.length; i++) repeats[i] = !before.add(items[i]);
        return repeats;
    }

    /** The audit as text, one thing per line. */
    public String table() {
        StringBuilder s = new StringBuilder();
        line(s, "users", "%,d", users);
        line(s, "items", "%,d", items);
        line(s, "interactions", "%,d, %,d of them train; density %.3f %% (of all pairs of a user and an item)",
                interactions, trainInteractions, 100 * density);
        line(
                s,
                "sequence length",
                "min %d, median %.1f, mean %.2f, max %,d",
                lengths.min,
                lengths.median,
                lengths.mean,
                lengths.max);
        line(s, "order", "%s", order);
        if (times.column != null) {
            line(s, "times", times.first == null ? "column '%s', all empty" : "column '%s', %s to %s (UTC)",
                    times.column, words(times.first), words(times.last));
        }
        for (String note : times.notes) line(s, "  note", "%s", note);
        line(s, "repeats", "%,d interactions with an item that the user had met before", repeats);
        line(s, "repeat prior", "%s", returns.text());
        line(s, "validation", "%s", asked(validation));
        line(s, "test", "%s (split %s)", asked(test), split);
        line(
                s,
                "item text",
                "%s; %,d items without title, %,d without text",
                text.columns.isEmpty() ? "none" : "from " + String.join(", ", text.columns),
                text.withoutTitle,
                text.withoutText);
        if (text.unusedRows + text.repeatedRows > 0) {
            line(
                    s,
                    "items' file",
                    "%,d rows for items outside the data, %,d further rows for the same item (the first counts)",
                    text.unusedRows,
                    text.repeatedRows);
        }
        line(
                s,
                "dropped",
                "%,d bad lines, %,d below the rating, %,d duplicates; by the core %,d users, %,d items, %,d interactions",
                dropped.badLines,
                dropped.belowRating,
                dropped.duplicates,
                dropped.coreUsers,
                dropped.coreItems,
                dropped.coreInteractions);
        for (String example : dropped.examples) line(s, "  bad line", "%s", example);
        if (test.ties != null && 2 * test.ties > test.cases) {
            line(
                    s,
                    "advice",
                    "most test targets have the time of the item before (baskets, or days without a time of day), so a"
                            + " score tells how well the file's order within a basket is guessed; --split time asks"
                            + " what comes later");
        }
        return s.toString();
    }

    private static String words(Long seconds) {
        return seconds == null ? "" : dev.beamwright.recsys.data.Times.inWords(1000 * seconds);
    }

    private static String asked(Questions q) {
        return String.format(
                Locale.ROOT,
                "%,d questions; targets: %s in the same second as the item before, %,d in the history, %,d never in training",
                q.cases,
                q.ties == null ? "unknown how many" : String.format(Locale.ROOT, "%,d", q.ties),
                q.repeats,
                q.unseen);
    }

    private static void line(StringBuilder s, String what, String format, Object... values) {
        s.append(String.format(Locale.ROOT, "%-16s ", what)).append(String.format(Locale.ROOT, format, values));
        s.append('\n');
    }
}
