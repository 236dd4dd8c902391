package dev.beamwright.recsys.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.cli.Main;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class EvaluateTest {
    private static final double INF = Double.POSITIVE_INFINITY;

    @Test
    void equalScoresShareTheMiddlePlace() {
        Ranking r = new Ranking.Scores(new double[] {5, 7, 5, 5, -INF, Double.NaN});
        assertThat(r.rank(1, null)).isEqualTo(1);
        assertThat(r.rank(0, null)).isEqualTo(3); // places 2, 3, 4
        assertThat(r.rank(4, null)).isEqualTo(INF);
        assertThat(r.rank(5, null)).isEqualTo(INF);
        assertThat(r.top(3).items()).containsExactly(1, 0, 2);
        assertThat(r.top(9).items()).containsExactly(1, 0, 2, 3);
        assertThat(new Ranking.Scores(new double[] {1, 1}).rank(1, null)).isEqualTo(1.5);
    }

    @Test
    void aGroupStandsWhereItsBestItemStands() {
        int[] groups = {0, 1, 0, 2, 1};
        Ranking scores = new Ranking.Scores(new double[] {1, 4, 3, 2, 9});
        assertThat(scores.rank(0, groups)).isEqualTo(2); // group 1 has 9, group 0 has 3, group 2 has 2
        assertThat(scores.rank(1, groups)).isEqualTo(1);
        Ranking list = new Ranking.Top(new int[] {4, 1, Ranking.INVALID, 2, 3}, new double[5]);
        assertThat(list.rank(1, groups)).isEqualTo(1);
        assertThat(list.rank(0, groups)).isEqualTo(3); // after group 1, once, and the invalid one
        assertThat(list.rank(3, groups)).isEqualTo(4);
        assertThat(list.rank(3, null)).isEqualTo(5);
        assertThat(list.rank(0, null)).isEqualTo(INF);
    }

    @Test
    void metricsByHand() {
        Metrics metrics = new Metrics(List.of(1, 5), new double[] {1, 3, 5.5, 6, INF});
        Map<String, Double> v = metrics.values();
        assertThat(v.get("recall@1")).isEqualTo(0.2);
        assertThat(v.get("recall@5")).isCloseTo(0.6, within(1e-12)); // 1, 3 and 5.5
        assertThat(v.get("ndcg@5")).isCloseTo((1 + 0.5 + 1 / (Math.log(6.5) / Math.log(2))) / 5, within(1e-12));
        assertThat(v.get("mrr@5")).isCloseTo((1 + 1 / 3.0 + 1 / 5.5) / 5, within(1e-12));
    }

    /** For a share p of n questions the interval is about p ± 1.96 sqrt(p (1 - p) / n). */
    @Test
    void intervalsAreThoseOfABinomialShareAndTheSameEveryTime() {
        double[] ranks = new double[1000];
        for (int i = 0; i < ranks.length; i++) ranks[i] = i % 10 < 3 ? 1 : INF;
        Metrics metrics = new Metrics(List.of(10), ranks);
        double[] interval = metrics.intervals(2000, Key.of(1), Users.each(1000)).get("recall@10");
        double half = 1.96 * Math.sqrt(0.3 * 0.7 / 1000);
        assertThat(interval[0]).isCloseTo(0.3 - half, within(0.004));
        assertThat(interval[1]).isCloseTo(0.3 + half, within(0.004));
        assertThat(metrics.intervals(2000, Key.of(1), Users.each(1000)).get("recall@10")).containsExactly(interval);
        assertThat(metrics.intervals(2000, Key.of(2), Users.each(1000)).get("recall@10")).isNotEqualTo(interval);
    }

    /** A thousand questions about fifty users who each get all right or all wrong tell as much as fifty. */
    @Test
    void questionsOfOneUserAreDrawnTogether() {
        double[] ranks = new double[1000];
        List<Integer> users = new ArrayList<>();
        for (int i = 0; i < ranks.length; i++) {
            users.add(i % 50);
            ranks[i] = i % 50 < 15 ? 1 : INF;
        }
        double[] interval =
                new Metrics(List.of(10), ranks).intervals(2000, Key.of(1), Users.of(users)).get("recall@10");
        double half = 1.96 * Math.sqrt(0.3 * 0.7 / 50);
        assertThat(interval[0]).isCloseTo(0.3 - half, within(0.025));
        assertThat(interval[1]).isCloseTo(0.3 + half, within(0.025));
    }

    @Test
    void listsCountInvalidPlacesAndCoverage() {
        Prepared p = new Prepared(
                new Dataset(
                        List.of("u", "v"),
                        List.of("a", "b", "c", "d"),
                        List.of("a", "b", "c", "d"),
                        List.of("", "", "", ""),
                        new int[][] {{0, 1, 2}, {1, 0, 3}},
                        null),
                new Split(
                        new int[][] {{0}, {1}},
                        List.of(),
                        List.of(Case.of(0, new int[] {0, 1}, 2), Case.of(1, new int[] {1, 0}, 3))));
        Ranker ranker = new Ranker() {
            @Override
            public String name() {
                return "lists";
            }

            @Override
            public int batch() {
                return 1;
            }

            @Override
            public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
                assertThat(cases).hasSize(1);
                assertThat(depth).isEqualTo(2);
                return List.of(new Ranking.Top(new int[] {Ranking.INVALID, 2}, new double[] {2, 1}));
            }
        };
        EvaluateConfig config =
                new EvaluateConfig(List.of(), List.of(2, 1), "test", List.of(SeenItems.ALLOWED), false, 0, 1, 0);
        List<ScoreCard.Row> rows =
                Evaluate.measure(config, p, ranker, SeenItems.ALLOWED, new int[] {0, 1, 2, 2}, Progress.silent());
        assertThat(rows).hasSize(2);
        Map<String, Double> item = rows.getFirst().metrics(), sid = rows.getLast().metrics();
        assertThat(rows.getFirst().protocol().ties()).isEqualTo("list");
        assertThat(item).containsEntry("recall@1", 0.0).containsEntry("recall@2", 0.5);
        assertThat(item).containsEntry("invalid@1", 1.0).containsEntry("invalid@2", 0.5);
        assertThat(item).containsEntry("coverage@1", 0.0).containsEntry("coverage@2", 0.25);
        assertThat(rows.getLast().protocol().level()).isEqualTo("sid");
        assertThat(sid).containsEntry("recall@2", 1.0);
    }

    /** The two commands as a user types them, on the bundled data. */
    @Test
    void prepareThenEvaluateWritesAScoreCard(@TempDir Path folder) throws IOException {
        Path run = folder.resolve("run");
        assertThat(quietly("prepare", "--out", run.toString())).contains("2,059", "44,613");
        String table = quietly(
                "evaluate", run.toString(), "--baselines", "popularity,markov,markov-decayed,item-knn", "--bootstrap",
                "50");
        assertThat(table).contains("markov-decayed  test   item   allowed");
        JsonNode rows = Json.readTree(run.resolve("scorecard.json")).path("rows");
        assertThat(rows).hasSize(12);
        for (JsonNode row : rows) {
            double recall = row.path("metrics").path("recall@10").asDouble();
            double ndcg = row.path("metrics").path("ndcg@10").asDouble();
            JsonNode interval = row.path("intervals").path("recall@10");
            assertThat(recall).isBetween(interval.path(0).asDouble(), interval.path(1).asDouble());
            assertThat(ndcg).isBetween(0.01, recall);
            assertThat(row.path("protocol").path("cases").asInt()).isEqualTo(2059);
        }
        assertThat(rows.path(6).path("metrics").path("ndcg@10").asDouble()) // markov-decayed beats popularity by far
                .isGreaterThan(1.5 * rows.path(0).path("metrics").path("ndcg@10").asDouble());

        List<String> predictions = Files.readAllLines(run.resolve("predictions/markov-test.jsonl"));
        assertThat(predictions).hasSize(2059);
        JsonNode first = Json.mapper().readTree(predictions.getFirst());
        assertThat(first.path("items")).hasSize(10);
        assertThat(first.path("scores")).hasSize(10);
        long hits = predictions.stream()
                .map(line -> Json.mapper().readTree(line).path("rank"))
                .filter(rank -> !rank.isNull() && rank.asDouble() < 11)
                .count();
        assertThat(hits / 2059.0).isCloseTo(rows.path(3).path("metrics").path("recall@10").asDouble(), within(1e-9));

        String card = Files.readString(run.resolve("scorecard.json"));
        quietly("evaluate", run.toString(), "--bootstrap", "50", "--json");
        assertThat(Files.readString(run.resolve("scorecard.json"))).isEqualTo(card); // the same to the last digit
    }

    /** Every other time users come back to what they took the time before last. */
    @Test
    void wherePeopleRepeatThePriorIsAheadOfBothExtremes(@TempDir Path folder) throws IOException {
        StringBuilder csv = new StringBuilder("user_id,item_id,timestamp\n");
        for (int u = 0; u < 300; u++) {
            Key key = Key.of(3).fold(u);
            int[] s = new int[12];
            for (int i = 0; i < s.length; i++) {
                s[i] = i > 1 && key.uniform(i) < .5 ? s[i - 2] : key.below(100 + i, 60);
                csv.append("u").append(u).append(",i").append(s[i]).append(',').append(1000 * u + i).append('\n');
            }
        }
        Path file = folder.resolve("data.csv"), run = folder.resolve("run");
        Files.writeString(file, csv);
        String audit = quietly("prepare", "--data", file.toString(), "--out", run.toString());
        assertThat(audit).containsPattern("[45]\\d\\.\\d\\d % of 2,700 training targets lie in their own history");
        String table =
                quietly("evaluate", run.toString(), "--baselines", "popularity,markov-decayed", "--bootstrap", "0");
        assertThat(table).contains("repeat prior: 47.37 % of 2,700");
        JsonNode rows = Json.readTree(run.resolve("scorecard.json")).path("rows");
        for (int model = 0; model < 2; model++) {
            double[] ndcg = new double[3];
            for (int i = 0; i < 3; i++) {
                ndcg[i] = rows.path(3 * model + i).path("metrics").path("ndcg@10").asDouble();
            }
            assertThat(rows.path(3 * model + 2).path("protocol").path("seenItems").asString()).isEqualTo("PRIOR");
            assertThat(ndcg[2]).isGreaterThan(1.2 * Math.max(ndcg[0], ndcg[1]));
        }
    }

    @Test
    void predictionsStayWhereAnEvaluationFails(@TempDir Path folder) throws IOException {
        RunFolder run = new RunFolder(folder.resolve("run"));
        quietly("prepare", "--out", run.root().toString());
        int items = Prepared.load(run).data().items().size();
        AtomicInteger batches = new AtomicInteger(-1000);
        Ranker first = new Ranker() {
            @Override
            public String name() {
                return "first";
            }

            @Override
            public int batch() {
                return 1000;
            }

            @Override
            public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
                if (batches.incrementAndGet() == 2) throw new IllegalStateException("out of order");
                return cases.stream().<Ranking>map(c -> new Ranking.Scores(new double[items])).toList();
            }
        };
        EvaluateConfig config = EvaluateConfig.usual(List.of(), 1);
        Evaluate.run(config, run, List.of(first), Map.of(), null, Backends.best(), Progress.silent());
        byte[] before = Files.readAllBytes(run.file("predictions/first-test.jsonl"));
        batches.set(0);
        assertThatThrownBy(
                () -> Evaluate.run(config, run, List.of(first), Map.of(), null, Backends.best(), Progress.silent()))
                .hasMessage("out of order");
        try (var files = Files.list(run.file("predictions"))) {
            assertThat(files).containsExactly(run.file("predictions/first-test.jsonl"));
        }
        assertThat(Files.readAllBytes(run.file("predictions/first-test.jsonl"))).isEqualTo(before);
    }

    @Test
    void aRunWithoutDataIsTold(@TempDir Path folder) {
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
        try {
            assertThat(Main.run("evaluate", folder.toString())).isEqualTo(2);
        } finally {
            System.setErr(before);
        }
        assertThat(errors.toString(StandardCharsets.UTF_8)).contains("beamwright prepare").hasLineCount(1);
        assertThat(new RunFolder(folder).has("scorecard.json")).isFalse();
    }

    /** What a command prints. */
    private static String quietly(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrintStream before = System.out, errorsBefore = System.err;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(OutputStream.nullOutputStream()));
        try {
            assertThat(Main.run(args)).isZero();
        } finally {
            System.setOut(before);
            System.setErr(errorsBefore);
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
