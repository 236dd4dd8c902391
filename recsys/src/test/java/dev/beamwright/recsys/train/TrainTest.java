package dev.beamwright.recsys.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.evaluate.Compare;
import dev.beamwright.recsys.evaluate.Evaluate;
import dev.beamwright.recsys.evaluate.EvaluateConfig;
import dev.beamwright.recsys.evaluate.ScoreCard;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.ApaoPairwise;
import dev.beamwright.recsys.objective.ApaoPointwise;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.study.Diagnose;
import dev.beamwright.recsys.train.TrainingState.Score;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that is interrupted, repeated, or damaged. */
class TrainTest {
    @TempDir
    static Path folder;

    static final Backend BACKEND = Backends.best();
    static RunFolder whole;
    static Train.Summary expected;

    @BeforeAll
    static void trainWithoutInterruption() throws IOException {
        whole = prepared("whole");
        expected = Train.run(config(1), whole, BACKEND, false, Progress.silent());
    }

    @Test
    void warmUpIsAShareOrANumberOfSteps() {
        TrainConfig share = TrainConfig.preset("tiger", 1), number = TrainConfig.preset("paischer", 1);
        assertThat(share.optimization().warmup(5000)).isEqualTo(50);
        assertThat(number.optimization().warmup(200_000)).isEqualTo(10_000);
        assertThat(number.optimization().warmup(600)).isEqualTo(600);
    }

    @Test
    void interruptedAnywhereAndResumedItEndsWithTheSameBits() throws IOException {
        endsWithTheSameBits(config(1), prepared("interrupted"), expected);
    }

    /** An objective whose weights change from step to step, and which draws at random. */
    @Test
    void soItDoesWithPrefixWeightsAndNegatives() throws IOException {
        TrainConfig config = config(1, objective("apao-pairwise", .2));
        RunFolder uninterrupted = prepared("pairwise"), interrupted = prepared("pairwise-interrupted");
        Train.Summary summary = Train.run(config, uninterrupted, BACKEND, false, Progress.silent());
        assertThat(Train.verify(uninterrupted, BACKEND, Progress.silent())).isTrue();
        endsWithTheSameBits(config, interrupted, summary);
        double[][] weights = weights(uninterrupted);
        assertThat(weights(interrupted)).isDeepEqualTo(weights);
        assertThat(weights[0]).isNotEqualTo(weights[2]);
        for (double[] w : weights) assertThat(Arrays.stream(w).sum()).isCloseTo(1, within(1e-12));
    }

    private static double[][] weights(RunFolder run) throws IOException {
        return Files.readAllLines(run.file("model/metrics.jsonl")).stream()
                .map(line -> Json.mapper().readValue(line, EpochMetrics.class).prefixWeights())
                .toArray(double[][]::new);
    }

    /** T1 of APAO: parameters after three epochs, and so every ranking. */
    @Test
    void t1WithoutPrefixLossesApaoIsCrossEntropyToTheBit() throws IOException {
        for (String name : List.of("apao-pointwise", "apao-pairwise")) {
            Train.Summary summary =
                    Train.run(config(1, objective(name, 0)), prepared(name), BACKEND, false, Progress.silent());
            assertThat(summary).isEqualTo(expected);
        }
    }

    @Test
    void aSecondStageBeginsFromTheBestModelAndResumesToTheSameBits() throws IOException {
        TrainConfig config = second(config(2, objective("apao-pointwise", .2)), config(1), 5e-3);
        RunFolder uninterrupted = new RunFolder(folder.resolve("second"));
        Train.Summary summary = Train.from(config, whole, uninterrupted, BACKEND, false, Progress.silent());
        assertThat(Train.verify(uninterrupted, BACKEND, Progress.silent())).isTrue();
        assertThat(config.label()).isEqualTo("decoder-ce-apao-pointwise");

        RunFolder interrupted = new RunFolder(folder.resolve("second-interrupted"));
        Path noData = Files.createDirectories(folder.resolve("no-data/model")).getParent();
        Files.copy(whole.file("model/best.safetensors"), noData.resolve("model/best.safetensors"));
        RunFolder broken = new RunFolder(noData);
        Files.createDirectories(broken.file("config"));
        Files.copy(whole.file("config/train.json"), broken.file("config/train.json"));
        assertThatThrownBy(() -> Train.from(config, broken, interrupted, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("cannot be copied");
        assertThatThrownBy(() -> Start.isComplete(interrupted)).hasMessageContaining("give --from");
        assertThatThrownBy(() -> Train.from(config, whole, interrupted, BACKEND, false, dyingAfter(14)))
                .isInstanceOf(Killed.class);
        assertThat(Train.from(config, whole, interrupted, BACKEND, false, Progress.silent())).isEqualTo(summary);

        // Other settings are refused, and those of the model stay.
        TrainConfig changed = second(config(2, objective("msl", .2)), config(1), 5e-3);
        assertThatThrownBy(() -> Train.from(changed, whole, interrupted, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("was trained with other settings");
        assertThat(interrupted.config("train", TrainConfig.class)).isEqualTo(config);

        RunFolder other = prepared("other-model");
        Train.run(config(7), other, BACKEND, false, Progress.silent());
        assertThatThrownBy(() -> Train.from(config, other, uninterrupted, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("was begun from another model");

        // A rate near to nothing leaves the model as it was.
        RunFolder still = new RunFolder(folder.resolve("still"));
        Train.from(second(config(2), config(1), 1e-30), whole, still, BACKEND, false, Progress.silent());
        assertThat(parameters(still)).isEqualTo(parameters(whole)).isNotEqualTo(parameters(uninterrupted));

        assertThatThrownBy(() -> Train.from(config, uninterrupted, whole, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("is a run already");
        assertThatThrownBy(() -> Train.from(config, whole, whole, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("is the run to start from");
        Path own = Files.createDirectories(folder.resolve("own/model")).resolve("mine.txt");
        Files.writeString(own, "not a run");
        RunFolder others = new RunFolder(folder.resolve("own"));
        assertThatThrownBy(() -> Train.from(config, whole, others, BACKEND, true, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("holds other files");
        assertThat(own).hasContent("not a run");
        double before = RunInfo.read(whole, "train").path("trainingSeconds").asDouble();
        assertThat(RunInfo.read(uninterrupted, Start.BEFORE).path("trainingSeconds").asDouble()).isEqualTo(before);
    }

    private static TrainConfig second(TrainConfig c, TrainConfig first, double rate) {
        return changed(c, rate, c.validation().best(), first);
    }

    private static TrainConfig changed(TrainConfig c, double rate, ValidationConfig.Best best, TrainConfig first) {
        return c.withOptimization(c.optimization().withLearningRate(rate).withWeightDecay(0))
                .withValidation(c.validation().withBest(best))
                .withFirst(first);
    }

    private static String parameters(RunFolder run) {
        try (var recommender = Recommender.load(run, BACKEND)) {
            return Checkpoint.checksum(Checkpoint.parameters(recommender.model()).values());
        }
    }

    @Test
    void theBestEpochByLossIsTheOneOfTheLeastValidationLoss() throws IOException {
        for (String name : List.of("ce", "apao-pointwise", "apao-pairwise")) {
            RunFolder run = prepared("by-loss-" + name), interrupted = prepared("by-loss-interrupted-" + name);
            TrainConfig config = changed(config(1, objective(name, .2)), .05, ValidationConfig.Best.LOSS, null);
            Train.Summary summary = Train.run(config, run, BACKEND, false, Progress.silent());
            List<EpochMetrics> epochs = Files.readAllLines(run.file("model/metrics.jsonl")).stream()
                    .map(line -> Json.mapper().readValue(line, EpochMetrics.class)).toList();
            double least = epochs.stream().mapToDouble(EpochMetrics::validationLoss).min().orElseThrow();
            EpochMetrics best = epochs.get(summary.bestEpoch() - 1);
            assertThat(best.validationLoss()).isEqualTo(least);
            assertThat(summary.bestNdcg10()).isEqualTo(best.validationNdcg10());
            assertThat(RunInfo.read(run, "train").path("validationLoss").asDouble()).isEqualTo(least);

            // Cross-entropy is what the diagnosis of the kept model finds by decoding; prefix losses come on top.
            var diagnosis = Diagnose.run(
                    new Diagnose.Config("validation", 0, 10, 1), run, BACKEND, Progress.silent());
            double nll = diagnosis.levels().stream().mapToDouble(l -> l.meanNll()).average().orElseThrow();
            if (name.equals("ce")) assertThat(least).isCloseTo(nll, within(1e-5));
            else assertThat(least).isGreaterThan(nll + .01);
            endsWithTheSameBits(config, interrupted, summary);
        }
    }

    @Test
    void whichEpochIsBetter() {
        TrainingState start = TrainingState.BEGIN;
        assertThat(start.improvedBy(new Score(0, null))).isTrue();
        assertThat(start.improvedBy(new Score(0, Double.NaN))).isTrue(); // something is kept
        TrainingState one = best(.2, 3.);
        assertThat(one.improvedBy(new Score(.3, null))).isTrue();
        assertThat(one.improvedBy(new Score(.2, null))).isFalse();
        assertThat(one.improvedBy(new Score(.1, 2.9))).isTrue();
        assertThat(one.improvedBy(new Score(.3, 3.))).isFalse();
        assertThat(one.improvedBy(new Score(.3, Double.NaN))).isFalse();
        assertThat(best(.2, Double.NaN).improvedBy(new Score(.1, 9.))).isTrue();
        assertThat(best(0, null).improvedBy(new Score(0, null))).isTrue(); // of those without a hit the last
        TrainingState stored = Json.mapper().readValue(Json.line(best(.2, null)), TrainingState.class);
        assertThat(stored.improvedBy(new Score(.3, null))).isTrue();
        assertThat(stored).usingRecursiveComparison().isEqualTo(best(.2, null));
    }

    private static TrainingState best(double ndcg, Double loss) {
        return TrainingState.BEGIN.validated(new Score(ndcg, loss), 1, 2.5);
    }

    @Test
    void everyObjectiveLearns() throws IOException {
        RunFolder run = prepared("objectives");
        for (Objective o : Objectives.ALL) {
            if (!(o instanceof TargetObjective)) continue;
            String name = o.name();
            Train.run(config(1, objective(name, .2)), run, BACKEND, true, Progress.silent());
            List<Double> losses = new ArrayList<>();
            for (String line : Files.readAllLines(run.file("model/metrics.jsonl"))) {
                losses.add(Json.mapper().readTree(line).get("loss").asDouble());
            }
            assertThat(losses.getLast()).as(name).isLessThan(losses.getFirst());
        }
    }

    /** Few negatives, so that it is fast. */
    static TargetObjective objective(String name, double beta) {
        return switch (name) {
            case "apao-pointwise" -> new ApaoPointwise(beta, 1e-4);
            case "apao-pairwise" -> new ApaoPairwise(beta, 1e-4, 5, 2);
            default -> Objectives.target(name);
        };
    }

    static void endsWithTheSameBits(TrainConfig config, RunFolder run, Train.Summary expected)
            throws IOException {
        for (int life = 0; life < 50; life++) {
            try {
                Train.Summary summary = Train.run(config, run, BACKEND, false, dyingAfter(3 + life));
                assertThat(life).isGreaterThan(2);
                assertThat(summary).isEqualTo(expected);
                List<String> epochs = Files.readAllLines(run.file("model/metrics.jsonl"));
                assertThat(epochs).hasSize(3);
                assertThat(Train.verify(run, BACKEND, Progress.silent())).isTrue();
                return;
            } catch (Killed e) {
                // and again
            }
        }
        throw new AssertionError("never came to an end");
    }

    @Test
    void anotherSeedGivesOtherBits() throws IOException {
        RunFolder run = prepared("seed");
        assertThat(Train.run(config(2), run, BACKEND, false, Progress.silent()).checksum())
                .isNotEqualTo(expected.checksum());
    }

    @Test
    void theFirstStepsOfARunCanBeVerified() {
        assertThat(Train.verify(whole, BACKEND, Progress.silent())).isTrue();
    }

    @Test
    void otherSettingsAreRefusedUnlessItBeginsAnew() throws IOException {
        RunFolder run = prepared("settings");
        Train.run(config(3), run, BACKEND, false, Progress.silent());
        assertThatThrownBy(() -> Train.run(config(4), run, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--restart");
        Train.run(config(1), run, BACKEND, true, Progress.silent());
        assertThat(Train.verify(run, BACKEND, Progress.silent())).isTrue();
    }

    @Test
    void whatWasFoundOfAnEarlierModelIsNotShownAsThisOnes() throws IOException {
        RunFolder run = prepared("findings");
        assertThatThrownBy(() -> Train.run(config(1), run, BACKEND, false, dyingAfter(20)))
                .isInstanceOf(Killed.class); // in the first epochs
        ScoreCard early = measured(run);
        assertThat(early.outdated(run)).isEmpty();
        assertThat(Train.run(config(1), run, BACKEND, false, Progress.silent())).isEqualTo(expected);
        assertThat(early.outdated(run)).containsExactly("model/best.safetensors");
        var options = new Compare.Options("test", "item", SeenItems.ALLOWED, "ndcg@10", null, 10, 1);
        assertThatThrownBy(() -> Compare.run(List.of(run), options))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("best.safetensors was written anew")
                .hasMessageContaining("beamwright evaluate");

        ScoreCard late = measured(run);
        assertThat(Compare.run(List.of(run), options).entries()).isNotEmpty();
        assertThatThrownBy(() -> Train.run(config(2), run, BACKEND, true, dyingAfter(5))).isInstanceOf(Killed.class);
        assertThat(run.file("model/best.safetensors")).doesNotExist();
        assertThat(late.outdated(run)).containsExactly("config/train.json"); // its settings are another's now
        assertThat(Train.run(config(1), run, BACKEND, true, Progress.silent())).isEqualTo(expected);
        assertThat(late.outdated(run)).isEmpty(); // the same bits
        Files.delete(run.file("model/best.safetensors")); // to make room; what was measured stays true
        assertThat(late.outdated(run)).isEmpty();
    }

    private static ScoreCard measured(RunFolder run) {
        var files = ScoreCard.hashes(run, Recommender.files(Recommender.Which.BEST, false));
        try (var recommender = Recommender.load(run, BACKEND)) {
            return Evaluate.run(
                    EvaluateConfig.usual(List.of(), 1), run, List.of(recommender.ranker(10)), files, null, BACKEND,
                    Progress.silent());
        }
    }

    @Test
    void withoutItsLastCheckpointTrainingBeginsAnewAndNothingOfTheEarlierOneIsLeft() throws IOException {
        RunFolder run = prepared("no-last");
        Train.run(config(1, objective("apao-pointwise", .2)), run, BACKEND, false, Progress.silent());
        Files.delete(run.file("model/last.safetensors"));
        assertThatThrownBy(() -> Train.run(config(1), run, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("was trained with other settings");
        assertThatThrownBy(() -> Train.run(
                config(1, objective("apao-pointwise", .2)), run, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class).hasMessageContaining("has a model, but not model/last.safetensors");
        assertThat(run.file("model/best.safetensors")).exists();
        Files.delete(run.file("model/best.safetensors"));
        assertThatThrownBy(() -> Train.run(config(1), run, BACKEND, false, dyingAfter(25))) // of another objective
                .isInstanceOf(Killed.class);
        String first = Files.readAllLines(run.file("model/metrics.jsonl")).getFirst();
        Files.delete(run.file("model/last.safetensors")); // as if it was killed before that was written
        Files.writeString(run.file("model/metrics.jsonl"), first + "\n");
        assertThat(Train.run(config(1), run, BACKEND, false, Progress.silent())).isEqualTo(expected);
        assertThat(Files.readAllLines(run.file("model/metrics.jsonl"))).hasSize(3);
        assertThat(weights(run)).isDeepEqualTo(new double[3][0]);
        assertThat(Train.verify(run, BACKEND, Progress.silent())).isTrue();
    }

    @Test
    void whoGoesOnOrVerifiesOnAnotherBackendIsToldBoth() throws IOException {
        RunFolder run = prepared("other-backend");
        assertThatThrownBy(() -> Train.run(config(1), run, BACKEND, false, dyingAfter(25))).isInstanceOf(Killed.class);
        Path last = run.file("model/last.safetensors"), steps = run.file("model/first-steps.json");
        try (Arena memory = Arena.ofShared()) {
            SafeTensors stored = SafeTensors.read(last, memory);
            assertThat(stored.metadata()).containsEntry("backend", BACKEND.name());
            var metadata = new LinkedHashMap<>(stored.metadata());
            metadata.put("backend", "vector-4096");
            SafeTensors.write(last, stored.tensors(), metadata);
        }
        var said = new ArrayList<String>();
        Train.run(config(1), run, BACKEND, false, Progress.lines(said::add));
        assertThat(said).anyMatch(line -> line.contains("'vector-4096'") && line.contains("'" + BACKEND.name() + "'"));
        Files.writeString(steps, Files.readString(steps).replace(BACKEND.name(), "vector-4096"));
        assertThatThrownBy(() -> Train.verify(run, BACKEND, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("'vector-4096'")
                .hasMessageContaining("'" + BACKEND.name() + "'");
    }

    private static byte[] flipped(byte[] good, int at, int bit) {
        byte[] bad = good.clone();
        bad[at] ^= (byte) bit;
        return bad;
    }

    /** What a training that diverged would have written. */
    private byte[] withNaN(Path file) throws IOException {
        Path copy = folder.resolve("nan.safetensors");
        try (Arena memory = Arena.ofShared()) {
            SafeTensors stored = SafeTensors.read(file, memory);
            stored.tensors().values().iterator().next().set(1, Float.NaN);
            Checkpoint.save(copy, stored.tensors(), stored.metadata());
        }
        return Files.readAllBytes(copy);
    }

    @Test
    void aDamagedCheckpointIsAnErrorThatNamesTheFile() throws IOException {
        Path best = whole.file("model/best.safetensors");
        byte[] good = Files.readAllBytes(best);
        try {
            for (byte[] bad : List.of(
                    new byte[0],
                    "not a checkpoint at all".getBytes(),
                    Arrays.copyOf(good, good.length / 2),
                    Arrays.copyOf(good, 40),
                    ByteBuffer.wrap(good.clone()).putLong(0, -1).array(),
                    flipped(good, good.length - 1, 1), // the last weight: its sign and exponent
                    flipped(good, good.length - 4, 1), // a bit that nobody would see
                    withNaN(best))) {
                Files.write(best, bad);
                assertThatThrownBy(() -> Recommender.load(whole, BACKEND))
                        .isInstanceOf(UserError.class)
                        .hasMessageContaining("best.safetensors")
                        .hasMessageContaining("beamwright train");
            }
        } finally {
            Files.write(best, good);
        }
    }

    @Test
    void aCheckpointOfAnotherModelIsAnErrorThatNamesTheTensor() throws IOException {
        RunFolder run = prepared("other");
        Train.run(config(1), run, BACKEND, false, Progress.silent());
        Path config = run.file("config/train.json");
        Files.writeString(config, Files.readString(config).replace("\"ffnDim\" : 24", "\"ffnDim\" : 32"));
        assertThatThrownBy(() -> Recommender.load(run, BACKEND))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("feedForward");
    }

    /** 40 users who go round 12 items, each from an item of their own. */
    private static RunFolder prepared(String name) throws IOException {
        Path data = folder.resolve("interactions.tsv");
        if (!Files.exists(data)) {
            var s = new StringBuilder("user_id\titem_id\ttimestamp\n");
            for (int u = 0; u < 40; u++) {
                for (int i = 0; i < 6 + u % 5; i++) s.append("u" + u + "\ti" + (u + i) % 12 + "\t" + (100 + i) + "\n");
            }
            Files.writeString(data, s);
        }
        RunFolder run = new RunFolder(folder.resolve(name));
        Prepare.run(PrepareConfig.of(data, null), run, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
        return run;
    }

    /** Three epochs of ten steps; a checkpoint after every step. */
    private static TrainConfig config(long seed) {
        return config(seed, new CrossEntropy());
    }

    private static TrainConfig config(long seed, TargetObjective objective) {
        return new TrainConfig(
                new ModelConfig("decoder", 16, 2, 2, 8, 24, false, 20), objective,
                new DecodingConfig(Softmax.CHILDREN, 10), 3,
                new OptimizationConfig(4, 5e-3, .1, 0, .05, 1, .2), new ValidationConfig(0, 0),
                new ExecutionConfig(3, 64, 0), seed);
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Throws in the middle of an epoch, after so many steps of work of any kind. */
    private static Progress dyingAfter(int steps) {
        int[] left = {steps};
        return new Progress() {
            @Override
            public void say(String line) {}

            @Override
            public Bar start(String what, long total) {
                return new Bar() {
                    @Override
                    public void step(long done, String note) {
                        if (--left[0] < 0) throw new Killed();
                    }

                    @Override
                    public void close() {}
                };
            }
        };
    }

    @Test
    void theKeyOfARunDecidesItsOrder() {
        assertThat(Samples.order(50, Key.of(1))).isEqualTo(Samples.order(50, Key.of(1)));
        assertThat(Samples.order(50, Key.of(1))).isNotEqualTo(Samples.order(50, Key.of(2)));
    }
}
