package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.baseline.Baseline;
import dev.beamwright.recsys.baseline.ScorerRanker;
import dev.beamwright.recsys.baseline.TrainedSasRec;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.io.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The stage that measures: every model and baseline is asked the same questions, and all stand in one score card. The
 * usual baselines learn from the training part only, whichever split is asked.
 */
public final class Evaluate {
    private Evaluate() {}

    /** Throws {@link UserError} for a name that no baseline has. */
    public static void check(List<String> baselines) {
        for (String name : baselines) if (!TrainedSasRec.NAMES.contains(name)) Baseline.named(name);
    }

    /**
     * Measures models and baselines and writes {@code scorecard.json} and the predictions.
     *
     * @param models what is measured besides the baselines; their rows come first
     * @param files the {@link ScoreCard#hashes} of what the models were made of, before they were read
     * @param groups a number for each item, equal where semantic IDs are equal, for rows at the level of semantic IDs;
     *     null for none
     * @param backend on which baselines are trained that are networks
     */
    public static ScoreCard run(
            EvaluateConfig config,
            RunFolder run,
            List<? extends Ranker> models,
            Map<String, String> files,
            int[] groups,
            Backend backend,
            Progress progress) {
        check(config.baselines());
        Prepared prepared = Prepared.load(run);
        if (models.isEmpty() && config.baselines().isEmpty()) {
            throw new UserError("nothing to measure; name at least one baseline: "
                    + "--baselines popularity,markov,markov-decayed,item-knn,sasrec");
        }
        Split split = prepared.split();
        Repeats repeats = Repeats.of(split.train());
        List<ScoreCard.Row> rows = new ArrayList<>();
        Map<String, Double> milliseconds = new LinkedHashMap<>();
        Consumer<Ranker> measure =
                r -> forAllSeenItems(config, run, prepared, repeats, r, groups, progress, rows, milliseconds);
        models.forEach(measure);
        int items = prepared.data().items().size();
        for (String name : config.baselines()) {
            if (TrainedSasRec.NAMES.contains(name)) {
                try (var sasRec = TrainedSasRec.of(name, run, prepared, config.seed(), backend, progress)) {
                    measure.accept(sasRec);
                    if (!config.memory()) continue;
                    MemoryWeight weight = MemoryWeight.of(
                            RunFolder.baseline(name, "-memory.json"), List.of(RunFolder.baseline(name, ".safetensors")),
                            run,
                            prepared, prior -> sasRec.with(name, prior), progress);
                    weight.priors(name, prepared, config.split())
                            .forEach((called, prior) -> measure.accept(sasRec.with(called, prior)));
                }
            } else {
                measure.accept(new ScorerRanker(name, Baseline.named(name).fit(split.train(), items, progress), items,
                        repeats));
            }
        }
        ScoreCard card = new ScoreCard(List.copyOf(rows), repeats, files);
        run.saveConfig("evaluate", config);
        RunInfo.write(run, "evaluate", Map.of("seed", config.seed(), "millisecondsPerUser", milliseconds));
        Json.write(run.file(RunFolder.SCORECARD), card);
        return card;
    }

    /** Adds a model's rows, and how long it took for a user in the first of them. */
    private static void forAllSeenItems(
            EvaluateConfig config,
            RunFolder run,
            Prepared prepared,
            Repeats repeats,
            Ranker ranker,
            int[] groups,
            Progress progress,
            List<ScoreCard.Row> rows,
            Map<String, Double> milliseconds) {
        Map<SeenItems, Measured> done = new EnumMap<>(SeenItems.class);
        for (SeenItems seen : config.seenItems()) {
            // Where nobody repeats, the prior hides what was seen.
            SeenItems asked = seen == SeenItems.PRIOR && repeats.never() ? SeenItems.HIDDEN : seen;
            if (!ranker.supports(asked)) continue;
            Path predictions = config.predictions() == 0 || seen != config.seenItems().getFirst()
                    ? null
                    : run.file(RunFolder.predictions(ranker.name(), config.split()));
            Measured measured = done.get(asked);
            if (measured == null) {
                measured = measure(config, prepared, ranker, asked, groups, predictions, progress);
                done.put(asked, measured);
            }
            for (ScoreCard.Row row : measured.rows()) rows.add(row.with(row.protocol().with(seen)));
            milliseconds.putIfAbsent(ranker.name(), measured.millisecondsPerUser());
        }
    }

    /**
     * Measures one model under one protocol, without writing anything: a row at the level of items and, with groups, one
     * at the level of semantic IDs.
     */
    public static List<ScoreCard.Row> measure(
            EvaluateConfig config, Prepared prepared, Ranker ranker, SeenItems seen, int[] groups,
            Progress progress) {
        return measure(config, prepared, ranker, seen, groups, null, progress).rows();
    }

    /** Rows, and the time that the ranker took for a question, with all threads. */
    private record Measured(List<ScoreCard.Row> rows, double millisecondsPerUser) {}

    private static Measured measure(
            EvaluateConfig config,
            Prepared prepared,
            Ranker ranker,
            SeenItems seen,
            int[] groups,
            Path predictions,
            Progress progress) {
        Split split = prepared.split();
        List<Case> cases = config.split().equals("test") ? split.test() : split.validation();
        if (cases.isEmpty()) {
            throw new UserError(
                    "there are no " + config.split() + " questions in this run; prepare it with other shares");
        }
        Tally tally = new Tally(config.k(), prepared.data().items().size(), cases.size(), groups != null);
        String what = ranker.name() + ", seen items: " + seen.text();
        int depth = config.depth();
        long nanoseconds = 0;
        try (
                Predictions file = new Predictions(predictions, prepared.data(), config.predictions());
                Progress.Bar bar = progress.start(what, cases.size())) {
            for (int from = 0; from < cases.size(); from += ranker.batch()) {
                List<Case> batch = cases.subList(from, Math.min(cases.size(), from + ranker.batch()));
                long began = System.nanoTime();
                List<Ranking> answers = ranker.rank(batch, seen, depth);
                nanoseconds += System.nanoTime() - began;
                int first = from;
                List<Outcome> outcomes = IntStream.range(0, batch.size())
                        .parallel()
                        .mapToObj(i -> outcome(
                                first + i, batch.get(i), answers.get(i).checked(ranker.name()), groups, depth))
                        .toList();
                for (Outcome outcome : outcomes) {
                    tally.add(outcome);
                    file.add(outcome);
                }
                bar.step(from + batch.size(), "");
            }
            file.finish();
        }
        Users users = Users.of(cases.stream().map(Case::user).toList());
        return new Measured(tally.rows(config, ranker, depth, seen, users), nanoseconds / 1e6 / cases.size());
    }

    /** What became of the n-th question. */
    private record Outcome(int n, Case question, double itemRank, double groupRank, boolean list, Ranking.Top top) {}

    private static Outcome outcome(int n, Case question, Ranking answer, int[] groups, int depth) {
        double itemRank = answer.rank(question.target(), null);
        double groupRank = groups == null ? itemRank : answer.rank(question.target(), groups);
        return new Outcome(n, question, itemRank, groupRank, answer instanceof Ranking.Top, answer.top(depth));
    }

    /** The ranks of one model's answers, and what its lists held. */
    private static final class Tally {
        private final double[] itemRanks;
        private final double[] groupRanks; // null without groups
        private final List<Integer> k;
        private final int[] bestPlace; // the highest place that each item has had in a list, from 0
        private final long[] places; // how many lists were so long, by place
        private final long[] invalid; // in how many of them the place named no item
        private final int[] certified; // of how many lists the first k items are certified, by place in the list of k
        private boolean proves = true; // whether all answers say what is proved of them
        private String ties = "mid-rank";

        Tally(List<Integer> k, int items, int cases, boolean grouped) {
            this.k = k;
            itemRanks = new double[cases];
            groupRanks = grouped ? new double[cases] : null;
            bestPlace = new int[items];
            Arrays.fill(bestPlace, Integer.MAX_VALUE);
            places = new long[k.getLast()];
            invalid = new long[k.getLast()];
            certified = new int[k.size()];
        }

        void add(Outcome outcome) {
            itemRanks[outcome.n] = outcome.itemRank;
            if (groupRanks != null) groupRanks[outcome.n] = outcome.groupRank;
            if (outcome.list) ties = "list";
            Integer proved = outcome.top.proved();
            proves &= proved != null;
            for (int i = 0; proves && i < certified.length; i++) if (proved >= k.get(i)) certified[i]++;
            int[] items = outcome.top.items();
            for (int place = 0; place < Math.min(items.length, k.getLast()); place++) {
                places[place]++;
                if (items[place] == Ranking.INVALID) invalid[place]++;
                else bestPlace[items[place]] = Math.min(bestPlace[items[place]], place);
            }
        }

        List<ScoreCard.Row> rows(EvaluateConfig config, Ranker ranker, int wanted, SeenItems seen, Users users) {
            List<ScoreCard.Row> rows = new ArrayList<>();
            Map<String, double[]> levels = new LinkedHashMap<>();
            levels.put("item", itemRanks);
            if (groupRanks != null) levels.put("sid", groupRanks);
            levels.forEach((level, ranks) -> {
                Metrics metrics = new Metrics(k, ranks);
                Map<String, Double> values = new LinkedHashMap<>(metrics.values());
                for (int depth : k) values.put("coverage@" + depth, coverage(depth));
                for (int depth : k) values.put("invalid@" + depth, invalid(depth));
                for (int i = 0; proves && i < certified.length; i++) {
                    values.put("certified@" + k.get(i), (double) certified[i] / ranks.length);
                }
                Map<String, double[]> intervals = config.bootstrap() == 0
                        ? new TreeMap<>()
                        : metrics.intervals(
                                config.bootstrap(), Key.of(config.seed()).fold("bootstrap"), users);
                rows.add(new ScoreCard.Row(
                        ranker.name(),
                        ranker.label(),
                        new ScoreCard.Protocol(
                                config.split(),
                                level,
                                seen,
                                k,
                                ranks.length,
                                ties,
                                config.bootstrap(),
                                config.seed()),
                        ranker.settings(wanted),
                        values,
                        intervals));
            });
            return rows;
        }

        private double coverage(int depth) {
            int covered = 0;
            for (int place : bestPlace) if (place < depth) covered++;
            return (double) covered / bestPlace.length;
        }

        private double invalid(int depth) {
            long all = 0, none = 0;
            for (int place = 0; place < depth; place++) {
                all += places[place];
                none += invalid[place];
            }
            return all == 0 ? 0 : (double) none / all;
        }
    }

    /** A line of JSON per question: user, target, the target's rank (null if it has none), the best items, their scores. */
    private static final class Predictions implements AutoCloseable {
        private final Path file;
        private final Dataset data;
        private final int depth;
        private final AtomicFile replaced; // null if nothing is to be written
        private final BufferedWriter out;

        Predictions(Path file, Dataset data, int depth) {
            this.file = file;
            this.data = data;
            this.depth = depth;
            try {
                replaced = file == null ? null : AtomicFile.open(file);
                out = file == null
                        ? null
                        : new BufferedWriter(Channels.newWriter(replaced.channel(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UserError(file + ": cannot be written: " + e, e);
            }
        }

        void add(Outcome outcome) {
            if (out == null) return;
            Ranking.Top top = outcome.top.top(depth);
            double rank = outcome.itemRank;
            List<String> ids = new ArrayList<>();
            for (int i : top.items()) ids.add(i == Ranking.INVALID ? null : data.items().get(i));
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("user", data.users().get(outcome.question.user()));
            line.put("target", data.items().get(outcome.question.target()));
            line.put("rank", rank == Double.POSITIVE_INFINITY ? null : rank);
            line.put("items", ids);
            float[] scores = new float[top.scores().length]; // as many digits as are worth reading
            for (int i = 0; i < scores.length; i++) scores[i] = (float) top.scores()[i];
            line.put("scores", scores);
            try {
                out.write(Json.line(line));
                out.newLine();
            } catch (IOException e) {
                throw new UserError(file + ": cannot be written: " + e, e);
            }
        }

        /** All is written: it takes the place of what was there before. */
        void finish() {
            if (out == null) return;
            try {
                out.flush();
                replaced.commit();
            } catch (IOException e) {
                throw new UserError(file + ": cannot be written: " + e, e);
            }
        }

        /** Leaves nothing behind of what was not finished. */
        @Override
        public void close() {
            if (out == null) return;
            try {
                replaced.close();
            } catch (IOException e) {
                throw new UserError(file + ": cannot be written: " + e, e);
            }
        }
    }
}
