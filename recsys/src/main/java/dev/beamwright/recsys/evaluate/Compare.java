package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.baseline.TrainedSasRec;
import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.tensor.Key;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Puts the score cards of several runs into one table. Runs whose settings differ in nothing but seeds are one entry;
 * others are told apart by the settings in which they differ.
 */
public final class Compare {
    private Compare() {}

    /**
     * What to compare.
     *
     * @param split {@code test} or {@code validation}
     * @param level {@code item} or {@code sid}
     * @param seenItems what became of seen items
     * @param metric such as {@code ndcg@10}
     * @param reference the name of the entry that the others are tested against, or null for the best
     * @param resamples draws of the bootstrap
     * @param seed of these draws
     */
    public record Options(
            String split,
            String level,
            SeenItems seenItems,
            String metric,
            String reference,
            int resamples,
            long seed) {
        public Options {
            int at = metric.indexOf('@');
            if (at < 0 || RankMetric.named(metric.substring(0, at)).isEmpty()
                    || !metric.substring(at + 1).matches("[1-9]\\d{0,5}")) {
                throw new UserError("--metric " + metric + ": no such metric; use recall@K, ndcg@K or mrr@K");
            }
            if (resamples < 1) throw new UserError("--bootstrap " + resamples + ": must be at least 1");
        }
    }

    /**
     * A model in one run.
     *
     * @param seed of its last training, or null if it had none
     * @param seeds of all stages that it went through
     * @param settings of all stages, and how it was asked
     * @param parameters of all that it consists of, or null
     * @param seconds that all its trainings took, or null
     */
    private record Found(
            RunFolder run,
            ScoreCard.Row row,
            Long seed,
            List<Long> seeds,
            Map<String, String> settings,
            Answers answers,
            Double parameters,
            Double seconds) {
        String model() {
            return row.model();
        }
    }

    /**
     * Per-question values of the metric.
     *
     * @param questions user and target
     * @param users of the questions
     */
    private record Answers(List<String> questions, List<String> users, double[] values) {}

    /** Compares all models that stand in the score cards of these runs under the protocol asked for. */
    public static Comparison run(List<RunFolder> runs, Options options) {
        Map<Map<String, String>, List<Found>> groups = new LinkedHashMap<>();
        Set<String> notes = new LinkedHashSet<>();
        for (RunFolder run : runs) {
            ScoreCard card = Json.read(run.need(RunFolder.SCORECARD, "evaluate"), ScoreCard.class);
            for (String file : card.outdated(run)) {
                throw new UserError(run.root() + ": " + file + " was written anew since scorecard.json was;"
                        + " 'beamwright evaluate " + run.root() + "' measures the model that is there");
            }
            boolean any = false;
            for (ScoreCard.Row row : card.rows()) {
                if (!asked(row.protocol(), options)) continue;
                Found found = found(run, row, options);
                List<Found> group = groups.computeIfAbsent(found.settings(), _ -> new ArrayList<>());
                any = true;
                Found same = group.stream().filter(f -> f.seeds().equals(found.seeds())).findFirst().orElse(null);
                if (same == null) group.add(found);
                else if (!agree(same.row().metrics(), found.row().metrics())) {
                    notes.add(found.model() + " is the same in " + same.run().root() + " and " + run.root()
                            + ", settings and seeds, but not in its numbers; the first counts.");
                }
            }
            if (!any) {
                throw new UserError(run.file(RunFolder.SCORECARD) + ": has no row for " + options.split() + ", "
                        + options.level() + ", seen items " + options.seenItems().text()
                        + "; evaluate the run again, or compare under another protocol");
            }
        }
        List<List<Found>> entries = new ArrayList<>(groups.values());
        entries.sort(Comparator.comparingDouble(g -> -mean(g, options.metric())));
        List<String> names = names(entries);
        int reference = options.reference() == null ? 0 : names.indexOf(options.reference());
        if (reference < 0) {
            throw new UserError("--against '" + options.reference() + "': there is no such model; there are: "
                    + String.join("; ", names));
        }
        return comparison(entries, names, reference, options, notes);
    }

    private static boolean asked(ScoreCard.Protocol p, Options o) {
        return p.split().equals(o.split()) && p.level().equals(o.level()) && p.seenItems() == o.seenItems();
    }

    private static Comparison comparison(
            List<List<Found>> groups, List<String> names, int reference, Options options, Set<String> notes) {
        Answers base = answers(groups.get(reference));
        List<Comparison.Entry> entries = new ArrayList<>();
        for (int g = 0; g < groups.size(); g++) {
            List<Found> group = groups.get(g);
            Map<String, Comparison.Spread> metrics = new LinkedHashMap<>();
            for (String metric : group.getFirst().row().metrics().keySet()) metrics.put(metric, spread(group, metric));
            PairedTest test = null;
            Answers own = answers(group);
            if (g != reference) {
                if (base == null || own == null) {
                    notes.add("Without a test: predictions of these questions were not written by 'evaluate' ("
                            + names.get(base == null ? reference : g) + ").");
                } else if (!own.questions().equals(base.questions())) {
                    notes.add(names.get(g) + " was asked other questions than " + names.get(reference)
                            + ": the numbers do not compare.");
                } else if (own.users().stream().distinct().limit(2).count() < 2) {
                    notes.add("Without a test: all questions are about one user.");
                } else {
                    test = PairedTest.of(
                            own.values(), base.values(), Users.of(own.users()),
                            options.resamples(), Key.of(options.seed()).fold("paired"));
                }
            }
            entries.add(new Comparison.Entry(
                    names.get(g),
                    group.stream().map(f -> f.run().root().toString()).toList(),
                    group.stream().map(Found::seed).filter(Objects::nonNull).toList(),
                    metrics,
                    test,
                    cost(group)));
        }
        // Against the best of these very questions it might as well have been any pair of all.
        boolean chosen = options.reference() == null;
        int comparisons = chosen ? entries.size() * (entries.size() - 1) / 2 : entries.size() - 1;
        if (comparisons > 1) {
            notes.add("p values are of single comparisons; with " + comparisons
                    + (chosen ? " pairs, of which these are those with the best," : " of them") + " one below "
                    + String.format(java.util.Locale.ROOT, "%.4f", 0.05 / comparisons)
                    + " is needed for 5 % in all (Bonferroni)" + (chosen ? "; --against names another." : "."));
        }
        return new Comparison(
                options.split(),
                options.level(),
                options.seenItems(),
                options.metric(),
                names.get(reference),
                entries,
                List.copyOf(notes));
    }

    // ---- one run

    private static Found found(RunFolder run, ScoreCard.Row row, Options options) {
        String model = row.model();
        Map<String, String> settings = new TreeMap<>();
        settings.put("model", model);
        add(settings, run, "prepare", List.of("data", "items"));
        JsonNode hash = RunInfo.read(run, "prepare").path("dataHash");
        settings.put("prepare.dataHash", hash.properties().stream().map(e -> e.getValue().asString()).sorted()
                .collect(Collectors.joining(" ")));
        JsonNode asked = Json.mapper().valueToTree(row.asked());
        flatten("evaluate", asked, settings);

        List<String> trainings = new ArrayList<>(), timed = new ArrayList<>();
        if (TrainedSasRec.NAMES.contains(model)) trainings.add(model);
        else if (run.has(RunFolder.config("train"))) {
            TrainConfig train = run.config("train", TrainConfig.class);
            boolean first = row.label().equals(train.label());
            boolean second = !first && row.label().equals(rolloutsLabel(run, train));
            if (first || second) trainings.add("train");
            if ((first || second) && train.first() != null) timed.add(Start.BEFORE);
            if (second) {
                trainings.add(Start.ROLLOUTS);
                String before = Start.ROLLOUTS + Start.EARLIER;
                for (; run.has(RunFolder.config(before)); before += Start.EARLIER) trainings.add(1, before);
            }
            if ((first || second) && asked.has("widening") && run.has(RunFolder.config("train-prm")))
                trainings.add("train-prm");
        }
        timed.addAll(trainings);
        List<String> adding = new ArrayList<>(trainings); // rollouts train the model itself on, others add to it
        if (trainings.contains(Start.ROLLOUTS)) {
            adding.removeIf(t -> t.equals("train") || t.startsWith(Start.ROLLOUTS + Start.EARLIER));
        }
        List<Long> seeds = new ArrayList<>();
        if (trainings.contains("train")) seeds.addAll(add(settings, run, "tokenize", List.of()));
        for (String stage : trainings) seeds.addAll(add(settings, run, stage, List.of("from")));
        return new Found(
                run,
                row,
                trainings.isEmpty() ? null : seeds.getLast(),
                seeds,
                settings,
                predictions(run, row, options),
                sum(run, adding, "parameters"),
                sum(run, timed, "trainingSeconds"));
    }

    /** Whether two rows have the same numbers, where both have one: one may have been asked for more depths. */
    private static boolean agree(Map<String, Double> a, Map<String, Double> b) {
        return a.entrySet().stream().allMatch(e -> e.getValue().equals(b.getOrDefault(e.getKey(), e.getValue())));
    }

    /** The label of a model that was trained by rollouts; null if it was not. */
    private static String rolloutsLabel(RunFolder run, TrainConfig train) {
        String settings = RunFolder.config(Start.ROLLOUTS);
        if (!run.has(settings)) return null;
        return train.model().backbone() + "-"
                + Json.readTree(run.file(settings)).path("objective").path("name").asString();
    }

    /** Adds the settings of a stage, flattened, without its seeds, which it returns: those of stages before, then its own. */
    private static List<Long> add(Map<String, String> settings, RunFolder run, String stage, List<String> without) {
        List<Long> seeds = new ArrayList<>();
        if (!run.has(RunFolder.config(stage))) return seeds;
        if (!(Json.readTree(run.file(RunFolder.config(stage))) instanceof ObjectNode config)) return seeds;
        config.remove(without);
        for (ObjectNode of = config; of != null; of = of.path("first") instanceof ObjectNode first ? first : null) {
            seeds.addFirst(of.path("seed").asLong());
            of.remove("seed");
        }
        flatten(stage, config, settings);
        return seeds;
    }

    private static void flatten(String path, JsonNode node, Map<String, String> settings) {
        if (node.isObject()) node.properties().forEach(e -> flatten(path + "." + e.getKey(), e.getValue(), settings));
        else settings.put(path, node.isValueNode() ? node.asString() : node.toString());
    }

    /** The values of each question, or null if the run has no predictions under this protocol. */
    private static Answers predictions(RunFolder run, ScoreCard.Row row, Options options) {
        Path file = run.file(RunFolder.predictions(row.model(), options.split()));
        if (!options.level().equals("item") || !run.has(RunFolder.config("evaluate")) || !Files.exists(file))
            return null;
        EvaluateConfig written = run.config("evaluate", EvaluateConfig.class); // other predictions are of earlier times
        if (written.predictions() == 0 || written.seenItems().getFirst() != options.seenItems()) return null;
        int at = options.metric().indexOf('@'), k = Integer.parseInt(options.metric().substring(at + 1));
        RankMetric metric = RankMetric.named(options.metric().substring(0, at)).orElseThrow();
        List<String> questions = new ArrayList<>(), users = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        try (var lines = Files.lines(file)) {
            lines.forEach(line -> {
                JsonNode answer = Json.parse(line, ObjectNode.class, file);
                users.add(answer.path("user").asString());
                questions.add(users.getLast() + " " + answer.path("target").asString());
                JsonNode rank = answer.path("rank");
                values.add(rank.isNumber() ? metric.at(k, rank.asDouble()) : 0);
            });
        } catch (IOException | java.io.UncheckedIOException | tools.jackson.core.JacksonException e) {
            throw new UserError(file + ": cannot be read as predictions (" + e.getMessage() + "); evaluate again", e);
        }
        double mean = values.stream().mapToDouble(v -> v).average().orElse(0);
        double told = row.metrics().getOrDefault(options.metric(), mean);
        if (values.size() != row.protocol().cases() || Math.abs(mean - told) > 1e-9) { // an evaluation broken off
            throw new UserError(file + ": " + options.metric() + " is " + mean + " here, but " + told
                    + " in scorecard.json; 'beamwright evaluate " + run.root() + "' writes both anew");
        }
        return new Answers(questions, users, values.stream().mapToDouble(v -> v).toArray());
    }

    // ---- one entry

    private static Comparison.Spread spread(List<Found> group, String metric) {
        double[] values = group.stream()
                .map(f -> f.row().metrics().get(metric))
                .filter(Objects::nonNull)
                .mapToDouble(v -> v)
                .toArray();
        int n = values.length;
        double mean = Arrays.stream(values).average().orElse(0);
        double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
        return new Comparison.Spread(mean, n < 2 ? null : (Double) Math.sqrt(squares / (n - 1)), n);
    }

    private static double mean(List<Found> group, String metric) {
        Double first = group.getFirst().row().metrics().get(metric);
        if (first == null) {
            throw new UserError(group.getFirst().run().file(RunFolder.SCORECARD) + ": has no " + metric
                    + "; evaluate with --k, or compare by another --metric");
        }
        return spread(group, metric).mean();
    }

    /** The mean of each question over the runs of an entry, or null if one of them has none, or others. */
    private static Answers answers(List<Found> group) {
        Answers first = group.getFirst().answers();
        if (first == null) return null;
        double[] mean = new double[first.values().length];
        for (Found f : group) {
            if (f.answers() == null || !f.answers().questions().equals(first.questions())) return null;
            for (int i = 0; i < mean.length; i++) mean[i] += f.answers().values()[i] / group.size();
        }
        return new Answers(first.questions(), first.users(), mean);
    }

    private static Comparison.Cost cost(List<Found> group) {
        return new Comparison.Cost(
                mean(group, Found::parameters),
                mean(group, Found::seconds),
                mean(group, f -> number(
                        RunInfo.read(f.run(), "evaluate").path("millisecondsPerUser").path(f.model()))));
    }

    /** What some stages noted, added up; null if there are none, or one of them noted nothing. */
    private static Double sum(RunFolder run, List<String> stages, String fact) {
        List<JsonNode> each = stages.stream().map(stage -> RunInfo.read(run, stage).path(fact)).toList();
        if (each.isEmpty() || !each.stream().allMatch(JsonNode::isNumber)) return null;
        return each.stream().mapToDouble(JsonNode::asDouble).sum();
    }

    private static Double number(JsonNode node) {
        return node.isNumber() ? node.asDouble() : null;
    }

    /** The mean over the runs of an entry, or null if one of them has no such number. */
    private static Double mean(List<Found> group, Function<Found, Double> number) {
        List<Double> numbers = group.stream().map(number).toList();
        if (numbers.stream().anyMatch(Objects::isNull)) return null;
        return numbers.stream().mapToDouble(n -> n).average().orElse(0);
    }

    /** The model's name, and where several entries have the same the settings in which they differ. */
    private static List<String> names(List<List<Found>> groups) {
        List<String> names = new ArrayList<>();
        for (List<Found> group : groups) {
            String model = group.getFirst().model();
            List<Map<String, String>> alike = groups.stream()
                    .filter(g -> g.getFirst().model().equals(model))
                    .map(g -> g.getFirst().settings())
                    .toList();
            Map<String, String> own = group.getFirst().settings();
            String different = own.entrySet().stream()
                    .filter(e -> alike.stream().anyMatch(o -> !Objects.equals(o.get(e.getKey()), e.getValue())))
                    .map(e -> e.getKey().substring(e.getKey().indexOf('.') + 1) + " " + shortened(e.getValue()))
                    .collect(Collectors.joining(", "));
            String name = different.isEmpty() ? model : model + " (" + different + ")";
            names.add(names.contains(name) ? name + " of " + group.getFirst().run().root() : name);
        }
        return names;
    }

    /** A long value, such as a path, is told by its end. */
    private static String shortened(String value) {
        return value.length() <= 24 ? value : "…" + value.substring(value.length() - 23);
    }
}
