package dev.beamwright.recsys.data;

import dev.beamwright.recsys.data.InteractionReader.Interactions;
import dev.beamwright.recsys.data.ItemReader.Item;
import dev.beamwright.recsys.data.ItemReader.Items;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * The first stage: from the user's files to the data of a run. In this order: read, drop low ratings, put each user's
 * rows in order, drop duplicates (same user, item and known time; the first stays), take the k-core, read the items,
 * split, audit.
 *
 * <p>Users and items are numbered in the order in which they first appear in the file.
 */
public final class Prepare {
    private static final String BUNDLED = "/dev/beamwright/recsys/movietweetings-100k/";

    private Prepare() {}

    /** Prepares a run and writes its files. Returns the audit. */
    public static Audit run(PrepareConfig config, RunFolder run, Progress progress) {
        Source data = config.data() == null
                ? Source.bundled(BUNDLED + "ratings.dat.gz")
                : Source.of(config.data());
        Source items = config.data() == null
                ? Source.bundled(BUNDLED + "movies.dat.gz")
                : config.items() == null ? null
                : Source.of(config.items());
        Map<String, String> hashes = new LinkedHashMap<>();
        hashes.put("data", data.sha256());
        if (items != null) hashes.put("items", items.sha256());
        keepToTheData(config, run, hashes);

        BadLines bad = new BadLines(config.skipBadLines());
        Format format = config.format() != null ? config.format() : Format.of(data, "--format");
        progress.say("reading " + data + " as " + format);
        boolean timed = config.order() != Order.FILE || config.split().equals("time");
        Interactions read;
        try {
            read = InteractionReader.read(data, format, config.columns(), timed, config.minRating(), bad);
        } catch (OutOfMemoryError e) {
            throw tooLarge(data, e);
        }
        read.notes().forEach(note -> progress.say("warning: " + data + ": " + note));
        if (read.time() == null && config.order() == Order.AUTO && !read.unread().isEmpty()) {
            progress.say("warning: no column is known to hold times, so the file's order counts; if one of "
                    + Source.cut(String.join(", ", read.unread())) + " does, name it with --time-column");
        }
        int[][] rows = byUser(read);
        if (config.skipBadLines() && !config.order().stands(rows, read.time())) dropWithoutTime(rows, read, data, bad);
        String order = config.order().apply(rows, read.time(), read.line(), data);
        int duplicates = dropDuplicates(rows, read);
        int[][] core = core(rows, read.item(), read.items().size(), config.core());

        List<String> users = new ArrayList<>();
        int[][] kept = Arrays.stream(core).filter(r -> r.length > 0).toArray(int[][]::new);
        for (int u = 0; u < core.length; u++) if (core[u].length > 0) users.add(read.users().get(u));
        if (users.isEmpty()) {
            throw new UserError(data + ": no user and item is left in the " + config.core()
                    + "-core; take a smaller one with --core, or --core 0 for all");
        }
        int[] numbers = numbers(kept, read.item(), read.items().size());
        List<String> ids = ids(numbers, read.items());
        if (ids.size() < 2) {
            throw new UserError(data + ": only one item is left ('" + Source.cut(ids.getFirst())
                    + "'), so there is nothing to choose between; give data with more items");
        }

        Items told = new Items(Map.of(), List.of(), 0, 0, List.of());
        if (items != null) {
            Format itemsFormat =
                    config.itemsFormat() != null ? config.itemsFormat() : Format.of(items, "--items-format");
            progress.say("reading " + items + " as " + itemsFormat);
            Set<String> wanted = new HashSet<>(ids);
            try {
                told = ItemReader.read(items, itemsFormat, config.columns(), read.itemColumn(), wanted, bad);
            } catch (OutOfMemoryError e) {
                throw tooLarge(items, e);
            }
            told.notes().forEach(note -> progress.say("warning: " + items + ": " + note));
            if (told.items().isEmpty()) {
                throw new UserError(items + ": none of its items is among those of " + data + " (such as '"
                        + Source.cut(ids.getFirst()) + "'); give the file that belongs to it, or leave --items out");
            }
        }
        Dataset dataset = dataset(users, ids, told, kept, numbers, read);
        Cuts cuts = config.split().equals("time")
                ? Cuts.byTime(dataset.times(), config.validationShare(), config.testShare())
                : Cuts.leaveOneOut(dataset.sequences());

        int before = Arrays.stream(rows).mapToInt(r -> r.length).sum();
        Audit audit = Audit.of(
                dataset,
                cuts,
                order,
                times(read, dataset, told),
                new Audit.Dropped(
                        bad.count(),
                        bad.examples(),
                        read.belowRating(),
                        duplicates,
                        read.users().size() - users.size(),
                        read.items().size() - ids.size(),
                        before - dataset.interactions()),
                itemText(dataset, told));
        run.saveConfig("prepare", config);
        Prepared.write(run, dataset, cuts, audit);
        RunInfo.write(run, "prepare", Map.of("dataHash", hashes));
        return audit;
    }

    private static UserError tooLarge(Source source, OutOfMemoryError e) {
        return new UserError(source + ": what it holds"
                + (source.path().endsWith(".gz") ? " when it is unpacked" : "")
                + " does not fit into a heap of " + (Runtime.getRuntime().maxMemory() >> 20)
                + " MB; check the file, or give Java more by -Xmx in BEAMWRIGHT_JAVA_OPTS", e);
    }

    /** Which column the times come from, from when to when they reach, and what is odd. */
    private static Audit.Times times(Interactions read, Dataset data, Items told) {
        List<String> notes = new ArrayList<>(read.notes());
        notes.addAll(told.notes());
        long[] known = data.times() == null
                ? new long[0]
                : Arrays.stream(data.times()).flatMapToLong(Arrays::stream)
                        .filter(t -> t != Dataset.UNKNOWN_TIME).sorted().toArray();
        return new Audit.Times(
                read.timeColumn(),
                known.length == 0 ? null : (Long) known[0],
                known.length == 0 ? null : (Long) known[known.length - 1],
                notes);
    }

    /**
     * Later stages depend on the data: a run that has semantic IDs or a model may be prepared again only in the same way.
     * A score card of other data is dropped: it is made again in a moment.
     */
    private static void keepToTheData(PrepareConfig config, RunFolder run, Map<String, String> hashes) {
        if (!run.has(RunFolder.config("prepare"))) return;
        JsonNode before = Json.mapper().valueToTree(run.config("prepare", PrepareConfig.class));
        JsonNode now = Json.mapper().valueToTree(config);
        String differ = now.propertyStream()
                .filter(e -> !List.of("data", "items").contains(e.getKey())) // where the files lie is no matter
                .filter(e -> !e.getValue().equals(before.get(e.getKey())))
                .map(Map.Entry::getKey)
                .collect(Collectors.joining(", "));
        boolean sameData = RunInfo.read(run, "prepare").path("dataHash").equals(Json.mapper().valueToTree(hashes));
        if (sameData && differ.isEmpty()) return;
        if (run.has(RunFolder.SEMANTIC_IDS) || run.hasModel()) {
            throw new UserError(run.root() + ": this run already has semantic IDs or a model made from other "
                    + (sameData ? "settings (" + differ + ")" : "data") + "; give another --out, or delete the folder"
                    + " first");
        }
        run.delete(RunFolder.SCORECARD);
    }

    /** The rows of each user, in the file's order. */
    private static int[][] byUser(Interactions read) {
        int[] count = new int[read.users().size()];
        for (int u : read.user()) count[u]++;
        int[][] rows = new int[count.length][];
        for (int u = 0; u < rows.length; u++) rows[u] = new int[count[u]];
        Arrays.fill(count, 0);
        for (int r = 0; r < read.user().length; r++) rows[read.user()[r]][count[read.user()[r]]++] = r;
        return rows;
    }

    /** Where the file's order cannot stand in for the times that are missing, these rows are bad ones. */
    private static void dropWithoutTime(int[][] rows, Interactions read, Source data, BadLines bad) {
        long[] time = read.time();
        if (Arrays.stream(time).allMatch(t -> t == Times.UNKNOWN)) return;
        for (int u = 0; u < rows.length; u++) {
            int[] timed = Arrays.stream(rows[u]).filter(r -> time[r] != Times.UNKNOWN).toArray();
            for (int r : rows[u]) {
                if (time[r] == Times.UNKNOWN) bad.add(data, read.line()[r], "this row has no time", "fill it in");
            }
            rows[u] = timed;
        }
    }

    /** Drops rows with the user, item and time of a row before; rows without time are never duplicates. */
    private static int dropDuplicates(int[][] rows, Interactions read) {
        if (read.time() == null) return 0;
        record Event(int item, long time) {}
        int dropped = 0;
        for (int u = 0; u < rows.length; u++) {
            Set<Event> events = new HashSet<>();
            int all = rows[u].length;
            rows[u] = Arrays.stream(rows[u])
                    .filter(r -> read.time()[r] == Times.UNKNOWN
                            || events.add(new Event(read.item()[r], read.time()[r])))
                    .toArray();
            dropped += all - rows[u].length;
        }
        return dropped;
    }

    /** Drops users and items with fewer than k rows until all that are left have k. */
    static int[][] core(int[][] rows, int[] item, int items, int k) {
        int[][] kept = rows.clone();
        for (boolean changed = k > 1; changed;) {
            changed = false;
            int[] count = new int[items];
            for (int[] user : kept) for (int r : user) count[item[r]]++;
            for (int u = 0; u < kept.length; u++) {
                int[] user = Arrays.stream(kept[u]).filter(r -> count[item[r]] >= k).toArray();
                if (user.length < k) user = new int[0];
                changed |= user.length < kept[u].length;
                kept[u] = user;
            }
        }
        return kept;
    }

    /** New numbers for the items that are left, in the order in which they appear in the file; -1 for the others. */
    private static int[] numbers(int[][] rows, int[] item, int items) {
        int[] numbers = new int[items];
        Arrays.fill(numbers, -1);
        for (int[] user : rows) for (int r : user) numbers[item[r]] = 0;
        int next = 0;
        for (int i = 0; i < items; i++) if (numbers[i] == 0) numbers[i] = next++; // they were numbered as they appeared
        return numbers;
    }

    private static List<String> ids(int[] numbers, List<String> all) {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < numbers.length; i++) if (numbers[i] >= 0) ids.add(all.get(i));
        return ids;
    }

    private static Dataset dataset(
            List<String> users, List<String> ids, Items told, int[][] rows, int[] numbers, Interactions read) {
        List<String> titles = new ArrayList<>(), texts = new ArrayList<>();
        for (String id : ids) {
            Item item = told.items().getOrDefault(id, new Item("", ""));
            titles.add(item.title().isEmpty() ? id : item.title());
            texts.add(item.text());
        }
        int[][] sequences = new int[rows.length][];
        long[][] times = new long[rows.length][];
        boolean anyTime = false;
        for (int u = 0; u < rows.length; u++) {
            sequences[u] = Arrays.stream(rows[u]).map(r -> numbers[read.item()[r]]).toArray();
            times[u] = new long[rows[u].length];
            for (int i = 0; i < times[u].length; i++) {
                long t = read.time() == null ? Times.UNKNOWN : read.time()[rows[u][i]];
                times[u][i] = t == Times.UNKNOWN ? Dataset.UNKNOWN_TIME : Math.floorDiv(t, 1000);
                anyTime |= t != Times.UNKNOWN;
            }
        }
        return new Dataset(
                List.copyOf(users),
                List.copyOf(ids),
                List.copyOf(titles),
                List.copyOf(texts),
                sequences,
                anyTime ? times : null);
    }

    private static Audit.ItemText itemText(Dataset data, Items told) {
        int withoutTitle = 0, withoutText = 0;
        for (int i = 0; i < data.items().size(); i++) {
            Item item = told.items().get(data.items().get(i));
            if (item == null || item.title().isEmpty()) withoutTitle++;
            if (data.texts().get(i).isEmpty()) withoutText++;
        }
        return new Audit.ItemText(told.textColumns(), withoutTitle, withoutText, told.unused(), told.repeated());
    }
}
