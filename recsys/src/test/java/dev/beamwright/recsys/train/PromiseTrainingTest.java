package dev.beamwright.recsys.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.Grpo;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.prm.PathLoss;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.study.Diagnose;
import dev.beamwright.recsys.study.Diagnostics;
import dev.beamwright.recsys.study.Scale;
import dev.beamwright.recsys.study.Scaling;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import dev.beamwright.transformer.Noise;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process reward model in training: together with a model, and on one that stays as it is (statement P11). */
class PromiseTrainingTest {
    @TempDir
    static Path folder;

    static final Backend BACKEND = Backends.best();

    // ---- P11

    private static final ModelConfig SIZES = new ModelConfig("decoder", 16, 2, 2, 8, 24, false, 20);

    private static PrmConfig prm(double weight, boolean detached, double hardShare) {
        return new PrmConfig(weight, detached, 5, hardShare, PrmConfig.Hard.BEAM, 2, 1, 0, 0, PrmConfig.Paths.NODE);
    }

    /** The gradient of each parameter by its name in a checkpoint. */
    private static Map<String, float[]> gradients(PrmConfig prm) {
        int[][] codes = new int[12][];
        for (int i = 0; i < 12; i++) codes[i] = new int[] {3 * i % 5, (i * i + 1) % 4, i % 3};
        var objective = new CrossEntropy();
        try (
                Arena memory = Arena.ofShared();
                var workspace = new Workspace();
                Tape tape = Tape.training(BACKEND, workspace)) {
            GenerativeModel model =
                    TrainedModel.create(SIZES, new SemanticIds(new int[] {5, 4, 3}, codes), Key.of(1), memory);
            var guided = Guided.trained(
                    model, prm == null ? null : TrainedModel.createPrm(prm, SIZES, model, Key.of(1), memory));
            var loss = new ObjectiveLoss(
                    objective, objective.likelihood(Softmax.CHILDREN), 3,
                    prm == null ? null : new PathLoss(prm, objective.likelihood(Softmax.CHILDREN)),
                    prm == null ? 0 : prm.weight());
            var noise = new Noise(.2f, memory);
            noise.begin(Key.of(2));
            List<Sample> batch = List.of(new Sample(new int[] {0, 3, 5, 7}, 0), new Sample(new int[] {1, 2, 9}, 1));
            tape.backward(loss.of(tape, guided, batch, noise, 1f / 6, Key.of(3)).loss());
            Map<String, float[]> gradients = new LinkedHashMap<>();
            guided.parameters().forEach((name, v) -> gradients.put(name, v.grad().toArray()));
            return gradients;
        }
    }

    @Test
    void p11WithoutWeightOrDetachedTheBackbonesGradientIsItsOwn() {
        Map<String, float[]> alone = gradients(null);
        for (PrmConfig harmless : List.of(prm(0, false, 0), prm(1, true, 0), prm(1, true, .6))) {
            Map<String, float[]> beside = gradients(harmless);
            alone.forEach((name, g) -> assertThat(beside.get(name)).as(name).containsExactly(g));
            boolean learns = beside.get("prm.paths").length > 0
                    && Arrays.stream(toDoubles(beside.get("prm.paths"))).anyMatch(v -> v != 0);
            assertThat(learns).isEqualTo(harmless.weight() > 0);
        }
        Map<String, float[]> joint = gradients(prm(1, false, 0));
        assertThat(joint.get("model.tokens")).isNotEqualTo(alone.get("model.tokens"));
        // The loss of paths goes through the states, so it never meets the heads.
        assertThat(joint.get("model.heads.1.weight")).containsExactly(alone.get("model.heads.1.weight"));
    }

    private static double[] toDoubles(float[] values) {
        double[] all = new double[values.length];
        for (int i = 0; i < all.length; i++) all[i] = values[i];
        return all;
    }

    // ---- runs

    @Test
    void trainedTogetherInterruptedAnywhereAndResumedItEndsWithTheSameBits() throws IOException {
        TrainConfig config = config(1).withPrm(prm(1, false, .4));
        RunFolder whole = prepared("whole"), interrupted = prepared("interrupted");
        Train.Summary expected = Train.run(config, whole, BACKEND, false, Progress.silent());
        assertThat(expected.parameters()).isGreaterThan(withoutPrm().parameters());
        assertThat(Train.verify(whole, BACKEND, Progress.silent())).isTrue();
        assertThat(endsAfterKills(p -> Train.run(config, interrupted, BACKEND, false, p))).isEqualTo(expected);
        List<String> epochs = Files.readAllLines(interrupted.file("model/metrics.jsonl"));
        double[] first = Json.mapper().readValue(epochs.getFirst(), EpochMetrics.class).prmLossByLevel();
        double[] last = Json.mapper().readValue(epochs.getLast(), EpochMetrics.class).prmLossByLevel();
        assertThat(last).hasSameSizeAs(first);
        assertThat(Arrays.stream(last).sum()).isLessThan(Arrays.stream(first).sum());
        try (var recommender = Recommender.load(whole, BACKEND)) {
            assertThat(recommender.prm().size()).isEqualTo(expected.parameters() - recommender.model().size());
        }
    }

    private static Train.Summary withoutPrm() throws IOException {
        return Train.run(config(1), prepared("plain"), BACKEND, false, Progress.silent());
    }

    @Test
    void trainedOnAModelThatStaysAsItIsAndResumedItEndsWithTheSameBits() throws IOException {
        RunFolder run = prepared("frozen"), interrupted = prepared("frozen-interrupted");
        Train.run(config(1), run, BACKEND, false, Progress.silent());
        Train.run(config(1), interrupted, BACKEND, false, Progress.silent());
        byte[] model = Files.readAllBytes(run.file("model/best.safetensors"));
        TrainConfig alone = config(1).forPrm(prm(1, true, 0), 3, 0, 5e-3, 0, 7);
        Train.Summary expected = Train.prm(alone, run, BACKEND, false, Progress.silent());
        assertThat(Files.readAllBytes(run.file("model/best.safetensors"))).isEqualTo(model);
        assertThat(Train.verify(run, BACKEND, Progress.silent())).isTrue();
        assertThat(endsAfterKills(p -> Train.prm(alone, interrupted, BACKEND, false, p))).isEqualTo(expected);

        // Another model under the same process reward model is refused.
        Train.run(config(2), run, BACKEND, true, Progress.silent());
        try (var recommender = Recommender.load(run, BACKEND)) {
            assertThatThrownBy(recommender::prm)
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("beamwright train-prm");
        }
        assertThatThrownBy(() -> Train.prm(alone, run, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--restart");
        assertThatThrownBy(() -> Train.verify(run, BACKEND, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("was trained on another model");
    }

    /** 40 users of seven items each, five of them to be trained on. */
    @ParameterizedTest
    @ValueSource(strings = {"decoder", "encoder-decoder"})
    void whatIsHeldOutIsLeftToTheSecondStage(String backbone) throws IOException {
        RunFolder run = prepared("held-" + backbone), all = prepared("all-" + backbone);
        Train.run(held(backbone, 0), all, BACKEND, false, Progress.silent());
        TrainConfig config = held(backbone, 2);
        List<String> said = new ArrayList<>();
        Train.run(config, run, BACKEND, false, Progress.lines(said::add));
        int[][] sequences = Prepared.load(run).split().train();
        int prompts = Samples.heldOut(sequences, 2, 20).size(), targets = Samples.prefixes(sequences, 20).size();
        assertThat(prompts).isPositive().isLessThan(targets);
        int samples = backbone.equals("decoder")
                ? Samples.windows(sequences, 20).size()
                : targets - prompts;
        assertThat(said.getFirst()).contains(samples + " samples");
        assertThat(Files.readAllBytes(run.file("model/last.safetensors")))
                .isNotEqualTo(Files.readAllBytes(all.file("model/last.safetensors")));

        said.clear();
        TrainConfig alone = config.forPrm(prm(1, true, 0), 1, 0, 5e-3, 0, 7);
        Train.prm(alone, run, BACKEND, false, Progress.lines(said::add));
        assertThat(said.getFirst()).contains(prompts + " samples");
        assertThat(said).noneMatch(line -> line.contains("--hold-out"));
        assertThat(Train.verify(run, BACKEND, Progress.silent())).isTrue();
        assertThatThrownBy(() -> Train.run(held(backbone, 1), run, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class);

        said.clear();
        ReinforceConfig d = ReinforceConfig.of(new Grpo(), run.root().toString(), 1);
        var rollouts = new ReinforceConfig(
                d.objective(), d.from(), new ReinforceConfig.RolloutConfig(4, 1, 10, 2), 2,
                new OptimizationConfig(8, 1e-3, .1, 0, 0, 1, 0), new ValidationConfig(0, 0),
                new ExecutionConfig(2, 128, 60), 3);
        RunFolder second = new RunFolder(folder.resolve("second-" + backbone));
        Reinforce.run(rollouts, second, BACKEND, false, Progress.lines(said::add));
        assertThat(said.getFirst()).contains(prompts + " prompts");
        assertThat(said).noneMatch(line -> line.contains("remembers"));

        said.clear();
        Train.prm(alone, second, BACKEND, false, Progress.lines(said::add));
        assertThat(said).anyMatch(line -> line.contains("learnt by rollouts since"));
        said.clear();
        Train.prm(held(backbone, 0).forPrm(prm(1, true, 0), 1, 0, 5e-3, 0, 7), all, BACKEND, false,
                Progress.lines(said::add));
        assertThat(said).anyMatch(line -> line.contains("--hold-out 1"));
    }

    @Test
    void settingsThatLackAFieldAreRefused() {
        String json = Json.line(config(1)).replace("\"holdOut\":0,", "");
        assertThat(json).doesNotContain("holdOut");
        assertThatThrownBy(() -> Json.parse(json, TrainConfig.class, Path.of("train.json")))
                .isInstanceOf(UserError.class)
                .hasMessageContainingAll("train.json", "holdOut");
    }

    private static TrainConfig held(String backbone, int holdOut) {
        TrainConfig c = config(1);
        ModelConfig m = backbone.equals("decoder")
                ? SIZES
                : new ModelConfig("encoder-decoder", 16, 1, 1, 2, 8, 24, false, true, 1, 0, 20);
        return c.withModel(m)
                .withEpochs(1)
                .withExecution(c.execution().withCheckpointSeconds(60))
                .withHoldOut(holdOut);
    }

    @Test
    void withoutAProcessRewardModelAWidenedBeamIsRefused() throws IOException {
        withoutPrm();
        try (var recommender = Recommender.load(new RunFolder(folder.resolve("plain")), BACKEND)) {
            assertThatThrownBy(() -> recommender.search(10, Widening.of(20)))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("train-prm");
        }
    }

    /** A model and the process reward model beside it are of the same epoch. */
    @Test
    void theLastModelHasTheLastProcessRewardModel() throws IOException {
        RunFolder run = prepared("which");
        Train.run(config(1).withPrm(prm(1, false, 0)), run, BACKEND, false, Progress.silent());
        try (Arena memory = Arena.ofConfined()) {
            for (var which : Recommender.Which.values()) {
                String file = "model/" + which.name().toLowerCase(Locale.ROOT) + ".safetensors";
                Map<String, Tensor> stored = SafeTensors.read(run.file(file), memory).tensors();
                try (var recommender = Recommender.load(run, BACKEND, which)) {
                    Checkpoint.parameters(recommender.prm()).forEach((name, tensor) -> assertThat(tensor.toArray())
                            .containsExactly(stored.get("prm." + name).toArray()));
                }
            }
        }
        // Rollouts train the model alone, so there is none behind them.
        ReinforceConfig d = ReinforceConfig.of(new Grpo(), run.root().toString(), 1);
        RunFolder second = new RunFolder(folder.resolve("which-rollouts"));
        Reinforce.run(
                new ReinforceConfig(
                        d.objective(), d.from(), new ReinforceConfig.RolloutConfig(4, 1, 10, 2), 2,
                        new OptimizationConfig(8, 1e-3, .1, 0, 0, 1, 0), new ValidationConfig(0, 0),
                        new ExecutionConfig(2, 128, 60), 3),
                second, BACKEND, false, Progress.silent());
        Scaling plain = Scale.run(
                new Scale.Config("test", 0, 3, 3, List.of(3), List.of(Widening.of(6)), List.of(), 1, 7, 1), second,
                BACKEND,
                Progress.silent());
        assertThat(plain.points()).hasSize(1);
        assertThat(plain.model()).isEqualTo("decoder-grpo");
        for (RunFolder any : List.of(run, second)) { // and all can be looked into
            Diagnostics found = Diagnose.run(new Diagnose.Config("test", 0, 100, 1), any, BACKEND, Progress.silent());
            assertThat(found.users()).isEqualTo(40);
            assertThat(found.exactTop()).isEqualTo(1);
            assertThat(found.prefixWeights()).isEmpty();
            assertThat(any.has("plots/survival.svg")).isTrue();
            assertThat(any.has("plots/prefix-weights.svg")).isFalse();
        }
        // One that was trained by itself goes with the best model.
        RunFolder alone = prepared("which-alone");
        Train.run(config(1), alone, BACKEND, false, Progress.silent());
        Train.prm(config(1).forPrm(prm(1, true, 0), 1, 0, 5e-3, 0, 7), alone, BACKEND, false, Progress.silent());
        Files.write(alone.file("model/last.safetensors"), Files.readAllBytes(run.file("model/last.safetensors")));
        try (var last = Recommender.load(alone, BACKEND, Recommender.Which.LAST)) {
            assertThatThrownBy(last::prm).isInstanceOf(UserError.class).hasMessageContaining("goes with model/best");
        }
    }

    /** P6 and P1 on a trained run, and the files of the scaling curve. */
    @Test
    void p6TheScalingCurveOfATrainedRun() throws IOException {
        RunFolder run = prepared("scale");
        Train.run(config(1).withPrm(prm(1, false, 0)), run, BACKEND, false, Progress.silent());
        var config = new Scale.Config(
                "test", 0, 3, 3, List.of(1, 3, 6, 12), List.of(Widening.of(3), Widening.of(6), Widening.of(12)),
                List.of(), 1, 7,
                1);
        Scaling found = Scale.run(config, run, BACKEND, Progress.silent());
        assertThat(found.users()).isEqualTo(found.questions()).isEqualTo(40);
        for (Scaling.Point p : found.points()) {
            for (int l = 1; l < p.kept().length; l++) assertThat(p.kept()[l]).isLessThanOrEqualTo(p.kept()[l - 1]);
            assertThat(p.milliseconds()).isPositive();
        }
        for (int i = 1; i < 4; i++) { // plain beams
            Scaling.Point narrow = found.points().get(i - 1), wide = found.points().get(i);
            for (int l = 0; l < wide.kept().length; l++) {
                assertThat(wide.kept()[l]).isGreaterThanOrEqualTo(narrow.kept()[l]);
            }
            assertThat(wide.flops()).isGreaterThan(narrow.flops());
        }
        Scaling.Point plain = found.points().get(1), same = found.points().get(4);
        assertThat(same.kept()).containsExactly(plain.kept());
        assertThat(same.decoderRows()).isEqualTo(plain.decoderRows());
        assertThat(same.paths()).isPositive();
        assertThat(found.points().get(6).paths()).isGreaterThan(same.paths());
        // No two items share a leaf here, so the share in the last beam is the recall of so many items.
        assertThat(plain.recall()).isCloseTo(plain.kept()[plain.kept().length - 1], within(1e-12));
        assertThat(Json.read(run.file("scaling.json"), Scaling.class).points()).hasSize(7);
        assertThat(found.table()).contains("K 3, K+ 12").contains("plain 6");
        assertThat(Scale.charts(List.of(found, found))).hasSize(5).allSatisfy(
                (name, chart) -> assertThat(chart.svg()).contains("<svg"));
    }

    private static Train.Summary endsAfterKills(Function<Progress, Train.Summary> life) {
        for (int n = 0; n < 50; n++) {
            try {
                Train.Summary summary = life.apply(dyingAfter(3 + n));
                assertThat(n).isGreaterThan(2);
                return summary;
            } catch (Killed e) {
                // and again
            }
        }
        throw new AssertionError("never came to an end");
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
        return new TrainConfig(
                SIZES, new CrossEntropy(), new DecodingConfig(Softmax.CHILDREN, 10), 3,
                new OptimizationConfig(4, 5e-3, .1, 0, .05, 1, .2), new ValidationConfig(0, 0),
                new ExecutionConfig(3, 64, 0), seed);
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Throws after so many steps of work of any kind. */
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
}
