package dev.beamwright.recsys.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.evaluate.Compare;
import dev.beamwright.recsys.evaluate.Comparison;
import dev.beamwright.recsys.evaluate.PairedTest;
import dev.beamwright.recsys.objective.Grpo;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.tensor.Key;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

class CompareTest {
    static final int USERS = 200;

    @TempDir
    Path folder;

    /** A run with a model that finds every target with the given chance at rank 1 (else not), and with popularity. */
    RunFolder run(String name, TrainConfig config, double chance, int questionsFrom) {
        return run(name, config, chance, questionsFrom, 20);
    }

    RunFolder run(String name, TrainConfig config, double chance, int questionsFrom, int beam) {
        RunFolder run = new RunFolder(folder.resolve(name));
        run.saveConfig("train", config);
        run.saveConfig("evaluate", EvaluateConfig.usual(List.of("popularity"), 1));
        RunInfo.write(run, "prepare", Map.of("dataHash", Map.of("x.csv", "abc")));
        RunInfo.write(run, "train", Map.of("parameters", 1000, "trainingSeconds", 10.0 * config.seed()));
        RunInfo.write(run, "evaluate", Map.of("millisecondsPerUser", Map.of(config.label(), 2.5)));
        List<ScoreCard.Row> rows = new ArrayList<>();
        for (String model : List.of(config.label(), "popularity")) {
            Key key = Key.of(config.seed()).fold(name);
            StringBuilder lines = new StringBuilder();
            double recall = 0;
            for (int u = 0; u < USERS; u++) {
                boolean hit = model.equals("popularity") ? u % 10 == 0 : key.uniform(u) < chance;
                recall += hit ? 1.0 / USERS : 0;
                lines.append("{\"user\":\"u" + (questionsFrom + u) + "\",\"target\":\"t\",\"rank\":" + (hit ? 1 : null)
                        + "}\n");
            }
            Json.writeAtomically(
                    run.file("predictions/" + model + "-test.jsonl"),
                    lines.toString().getBytes(StandardCharsets.UTF_8));
            var protocol = new ScoreCard.Protocol("test", "item", SeenItems.ALLOWED, List.of(10), USERS, "list", 0, 1);
            Map<String, Object> asked = model.equals("popularity") ? Map.of() : Map.of("beam", beam);
            rows.add(new ScoreCard.Row(
                    model, model, protocol, asked, Map.of("recall@10", recall, "ndcg@10", recall), Map.of()));
        }
        Json.write(run.file("scorecard.json"), new ScoreCard(rows));
        return run;
    }

    static Compare.Options options(String metric, String against) {
        return new Compare.Options("test", "item", SeenItems.ALLOWED, metric, against, 500, 1);
    }

    @Test
    void seedsAreOneEntryAndOtherSettingsAnother() {
        TrainConfig llama = TrainConfig.preset("llama", 1), defaults = TrainConfig.defaults(1);
        List<RunFolder> runs = List.of(
                run("a1", llama, 0.5, 0),
                run("a2", TrainConfig.preset("llama", 2), 0.5, 0),
                run("a3", TrainConfig.preset("llama", 3), 0.5, 0),
                run("b", defaults, 0.3, 0));
        Comparison c = Compare.run(runs, options("ndcg@10", null));

        assertThat(c.entries()).hasSize(3);
        Comparison.Entry best = c.entries().getFirst();
        assertThat(best.name()).startsWith(llama.label() + " (").contains("layers 8").doesNotContain("seed");
        assertThat(best.seeds()).containsExactly(1L, 2L, 3L);
        double[] values = {0, 0, 0};
        for (int i = 0; i < 3; i++) {
            values[i] = Json.read(runs.get(i).file("scorecard.json"), ScoreCard.class).rows().getFirst().metrics()
                    .get("ndcg@10");
        }
        double mean = (values[0] + values[1] + values[2]) / 3, squares = 0;
        for (double v : values) squares += (v - mean) * (v - mean);
        assertThat(best.metrics().get("ndcg@10").mean()).isCloseTo(mean, within(1e-12));
        assertThat(best.metrics().get("ndcg@10").deviation()).isCloseTo(Math.sqrt(squares / 2), within(1e-12));
        assertThat(best.cost()).isEqualTo(new Comparison.Cost(1000.0, 20.0, 2.5));
        assertThat(best.test()).isNull();

        Comparison.Entry popularity = c.entries().getLast();
        assertThat(popularity.name()).isEqualTo("popularity");
        assertThat(popularity.runs()).hasSize(1);
        assertThat(popularity.test().difference()).isCloseTo(0.1 - mean, within(1e-12));
        assertThat(popularity.test().tTest()).isLessThan(1e-6);
        assertThat(popularity.test().bootstrap()).isLessThan(0.005);
        assertThat(c.text()).contains("popularity", "±", "1,000");
        assertThat(c.markdown().lines().filter(l -> l.startsWith("|"))).hasSize(5);
    }

    /** All second stages have the same seed; they begin from models of different ones. */
    @Test
    void aSecondStageIsAnEntryOfItsOwnAndHasTheSeedsOfTheFirst() throws IOException {
        List<RunFolder> runs = new ArrayList<>();
        for (long seed = 1; seed <= 3; seed++) {
            RunFolder run = run("s" + seed, TrainConfig.defaults(1).withFirst(TrainConfig.defaults(seed)), 0.5, 0);
            RunInfo.write(run, "train-before", Map.of("trainingSeconds", 100.0));
            runs.add(run);
        }
        runs.add(run("f1", TrainConfig.defaults(1), 0.4, 0));
        runs.add(run("f2", TrainConfig.defaults(2), 0.4, 0));
        Comparison c = Compare.run(runs, options("ndcg@10", null));

        assertThat(c.entries()).hasSize(3);
        assertThat(c.entries().getFirst().name()).isEqualTo("decoder-ce-ce");
        assertThat(c.entries().getFirst().runs()).hasSize(3);
        assertThat(c.entries().getFirst().cost()).isEqualTo(new Comparison.Cost(1000.0, 110.0, 2.5));
        assertThat(c.entries().get(1).name()).isEqualTo("decoder-ce");
        assertThat(c.entries().get(1).runs()).hasSize(2);
        assertThat(c.notes()).noneMatch(note -> note.contains("not in its numbers"));
    }

    @Test
    void aSeedCountsOnce() throws IOException {
        TrainConfig one = TrainConfig.defaults(1);
        RunFolder first = run("a1", one, 0.5, 0), other = run("a2", TrainConfig.defaults(2), 0.5, 0);
        Comparison twice = Compare.run(List.of(first, first, other), options("ndcg@10", null));
        assertThat(twice.entries().getFirst().seeds()).containsExactly(1L, 2L);
        assertThat(twice.notes()).noneMatch(n -> n.contains("the first counts"));

        RunFolder fewer = run("a3", one, 0.5, 0); // asked for fewer depths, which is no difference
        Json.write(fewer.file("scorecard.json"), new ScoreCard(
                Json.read(first.file("scorecard.json"), ScoreCard.class).rows().stream()
                        .map(r -> new ScoreCard.Row(r.model(), r.label(), r.protocol(), r.asked(),
                                Map.of("recall@10", r.metrics().get("recall@10"), "ndcg@10",
                                        r.metrics().get("ndcg@10")),
                                r.intervals()))
                        .toList()));
        for (String model : List.of(one.label(), "popularity")) {
            String file = "predictions/" + model + "-test.jsonl";
            Files.writeString(fewer.file(file), Files.readString(first.file(file)));
        }
        assertThat(Compare.run(List.of(first, fewer), options("ndcg@10", null)).notes())
                .noneMatch(n -> n.contains("the first counts"));

        Comparison differing = Compare.run(List.of(first, run("b1", one, 0.4, 0)), options("ndcg@10", null));
        assertThat(differing.entries()).hasSize(2); // the model, and popularity
        assertThat(differing.entries().getFirst().runs()).containsExactly(first.root().toString());
        assertThat(differing.notes()).anyMatch(n -> n.contains("the first counts"));
    }

    @Test
    void anotherBeamIsAnotherEntry() {
        RunFolder narrow = run("a1", TrainConfig.defaults(1), 0.5, 0, 20);
        RunFolder wide = run("a2", TrainConfig.defaults(2), 0.5, 0, 50);
        Comparison c = Compare.run(List.of(narrow, wide), options("ndcg@10", null));
        assertThat(c.entries()).hasSize(3);
        assertThat(c.entries().stream().map(Comparison.Entry::name))
                .contains("decoder-ce (beam 20)", "decoder-ce (beam 50)");
    }

    @Test
    void aGuidedBeamCostsWhatBothTrainingsCost() {
        RunFolder run = run("a", TrainConfig.defaults(1), 0.5, 0);
        ScoreCard card = Json.read(run.file("scorecard.json"), ScoreCard.class);
        ScoreCard.Row plain = card.rows().getFirst();
        var guided = new ScoreCard.Row(
                plain.model() + "-prm", plain.label(), plain.protocol(),
                Map.of("beam", 20, "widening", Map.of("widen", List.of(40))),
                plain.metrics(), plain.intervals());
        Json.write(run.file("scorecard.json"), new ScoreCard(List.of(plain, guided)));
        run.saveConfig("train-prm", TrainConfig.defaults(1).forPrm(null, 3, 0, 1e-3, 0, 3));
        RunInfo.write(run, "train-prm", Map.of("parameters", 400, "trainingSeconds", 5.0));

        Map<String, Comparison.Entry> entries = new TreeMap<>();
        Compare.run(List.of(run), options("ndcg@10", null)).entries().forEach(e -> entries.put(e.name(), e));
        assertThat(entries.get(plain.model()).cost()).isEqualTo(new Comparison.Cost(1000.0, 10.0, 2.5));
        Comparison.Entry both = entries.get(guided.model());
        assertThat(both.seeds()).containsExactly(3L);
        assertThat(both.cost()).isEqualTo(new Comparison.Cost(1400.0, 15.0, null));
    }

    /** Rollouts after rollouts: both are what an entry is told by, and so is a process reward model beside them. */
    @Test
    void rolloutsCountWithWhatCameBeforeAndWhatGuidesThem() {
        List<RunFolder> runs = new ArrayList<>();
        for (String before : List.of("sft", "ugr")) {
            RunFolder run = run(before, TrainConfig.defaults(1), 0.5, 0);
            run.saveConfig("reinforce", ReinforceConfig.of(new Grpo(), "elsewhere", 2));
            run.saveConfig("reinforce-before", ReinforceConfig.of(Objectives.rollouts(before), "elsewhere", 3));
            run.saveConfig("train-prm", TrainConfig.defaults(1).forPrm(null, 3, 0, 1e-3, 0, 4));
            RunInfo.write(run, "reinforce", Map.of("parameters", 1100, "trainingSeconds", 20.0));
            RunInfo.write(run, "reinforce-before", Map.of("trainingSeconds", 30.0));
            RunInfo.write(run, "train-prm", Map.of("parameters", 400, "trainingSeconds", 5.0));
            ScoreCard.Row row = Json.read(run.file("scorecard.json"), ScoreCard.class).rows().getFirst();
            Json.write(run.file("scorecard.json"), new ScoreCard(List.of(
                    new ScoreCard.Row("decoder-grpo", "decoder-grpo", row.protocol(), Map.of("beam", 20), row.metrics(),
                            row.intervals()),
                    new ScoreCard.Row("decoder-grpo-prm", "decoder-grpo", row.protocol(),
                            Map.of("beam", 20, "widening", Map.of("widen", List.of(40))), row.metrics(),
                            row.intervals()))));
            runs.add(run);
        }
        List<Comparison.Entry> entries = Compare.run(runs, options("ndcg@10", null)).entries();
        assertThat(entries).hasSize(4);
        for (Comparison.Entry e : entries) {
            boolean guided = e.name().startsWith("decoder-grpo-prm");
            assertThat(e.runs()).hasSize(1);
            assertThat(e.seeds()).containsExactly(guided ? 4L : 2L);
            assertThat(e.cost().parameters()).isEqualTo(guided ? 1500.0 : 1100.0);
            assertThat(e.cost().trainingSeconds()).isEqualTo(guided ? 65.0 : 60.0);
        }
    }

    @Test
    void predictionsOfAnEarlierEvaluationAreNotTested() {
        RunFolder a = run("a", TrainConfig.defaults(1), 0.5, 0), b = run("b", TrainConfig.preset("llama", 1), 0.3, 0);
        var later = new EvaluateConfig(List.of("popularity"), List.of(10), "test", List.of(SeenItems.ALLOWED), false, 0,
                1, 0);
        b.saveConfig("evaluate", later);
        Comparison c = Compare.run(List.of(a, b), options("ndcg@10", null));
        assertThat(c.entries()).filteredOn(e -> e.runs().getFirst().endsWith("b")).allMatch(e -> e.test() == null);
        assertThat(c.notes()).anyMatch(n -> n.startsWith("Without a test"));
    }

    /** As an evaluation leaves it that was broken off after its first model. */
    @Test
    void predictionsThatDoNotGoWithTheScoreCardAreRefused() throws IOException {
        RunFolder a = run("a", TrainConfig.defaults(1), 0.5, 0), b = run("b", TrainConfig.preset("llama", 1), 0.3, 0);
        Path file = a.file("predictions/decoder-ce-test.jsonl");
        Files.writeString(file, Files.readString(file).replaceFirst("null", "2"));
        assertThatThrownBy(() -> Compare.run(List.of(a, b), options("recall@10", null)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining("in scorecard.json; 'beamwright evaluate " + a.root() + "' writes both anew");
    }

    @Test
    void otherQuestionsAreNotTested() {
        List<RunFolder> runs =
                List.of(run("a", TrainConfig.defaults(1), 0.5, 0), run("b", TrainConfig.preset("llama", 1), 0.3, 7));
        Comparison c = Compare.run(runs, options("recall@10", "popularity"));
        assertThat(c.reference()).isEqualTo("popularity");
        assertThat(c.entries()).filteredOn(e -> e.runs().getFirst().endsWith("b")).allMatch(e -> e.test() == null);
        assertThat(c.entries()).filteredOn(e -> e.test() != null).hasSize(1);
        assertThat(c.notes()).anyMatch(n -> n.contains("other questions"));
    }

    @Test
    void thePlotIsWellFormed() throws Exception {
        Comparison c = Compare.run(List.of(run("a&b", TrainConfig.defaults(1), 0.5, 0)), options("ndcg@10", null));
        var document = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(c.svg())));
        assertThat(document.getElementsByTagName("rect").getLength()).isEqualTo(1 + c.entries().size());
    }

    @Test
    void mistakesAreTold() throws IOException {
        RunFolder run = run("a", TrainConfig.defaults(1), 0.5, 0);
        assertThatThrownBy(() -> options("precision@10", null)).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> Compare.run(List.of(run), options("ndcg@7", null)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("has no ndcg@7");
        assertThatThrownBy(() -> Compare.run(List.of(run), options("ndcg@10", "gru")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there is no such model");
        var hidden = new Compare.Options("test", "item", SeenItems.HIDDEN, "ndcg@10", null, 10, 1);
        assertThatThrownBy(() -> Compare.run(List.of(run), hidden))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("seen items hidden");
    }

    /** Differences 1, 2, 3, 4 have the mean 2.5 and t = 2.5 / (1.290994 / 2) = 3.872983 with 3 degrees of freedom. */
    @Test
    void aPairedTTestByHand() {
        PairedTest t = PairedTest.of(new double[] {1, 2, 3, 4}, new double[4], Users.each(4), 1000, Key.of(1));
        assertThat(t.difference()).isEqualTo(2.5);
        assertThat(t.tTest()).isCloseTo(0.030466, within(1e-5));
        assertThat(t.low()).isBetween(1.0, 2.0);
        assertThat(t.high()).isBetween(3.0, 4.0);
        // The same of two users with two questions each: differences 3 and 7 of sums.
        PairedTest two = PairedTest.of(
                new double[] {1, 2, 3, 4}, new double[4], Users.of(List.of("u", "u", "v", "v")), 1000, Key.of(1));
        assertThat(two.difference()).isEqualTo(2.5);
        assertThat(two.tTest()).isCloseTo(0.242238, within(1e-5)); // t = 5 / 2 with 1 degree of freedom
        assertThat(two.low()).isEqualTo(1.5);
        assertThat(two.high()).isEqualTo(3.5);
        PairedTest same = PairedTest.of(new double[] {1, 0, 1}, new double[] {1, 0, 1}, Users.each(3), 100, Key.of(1));
        assertThat(same).isEqualTo(new PairedTest(0, 0, 0, 1, 1, 3));
    }
}
