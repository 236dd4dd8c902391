package dev.beamwright.recsys.reinforce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.study.ConfidenceReport;
import dev.beamwright.recsys.train.DecodingConfig;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.OptimizationConfig;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.ValidationConfig;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that begin from a trained one. */
class ReinforceTest {
    @TempDir
    static Path folder;

    static final Backend BACKEND = Backends.best();
    static RunFolder trained;

    /** Users who go round twenty items; every second one jumps at random now and then, so that nobody can be sure. */
    @BeforeAll
    static void trainTheFirstStage() throws IOException {
        Path data = folder.resolve("interactions.tsv");
        var s = new StringBuilder("user_id\titem_id\ttimestamp\n");
        for (int u = 0; u < 60; u++) {
            Key key = Key.of(5).fold(u);
            int at = u % 20;
            for (int i = 0; i < 9; i++) {
                s.append("u" + u + "\ti" + at + "\t" + (100 + i) + "\n");
                at = u % 2 == 0 || key.uniform(i) < .5 ? (at + 1) % 20 : key.fold("jump").below(i, 20);
            }
        }
        Files.writeString(data, s);
        trained = new RunFolder(folder.resolve("first"));
        Prepare.run(PrepareConfig.of(data, null), trained, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), trained, Progress.silent());
        var config = new TrainConfig(
                new ModelConfig("decoder", 16, 2, 2, 8, 24, false, 20), new CrossEntropy(),
                new DecodingConfig(Softmax.CHILDREN, 10), 12,
                new OptimizationConfig(8, 1e-2, .1, 0, .05, 1, .1), new ValidationConfig(0, 0),
                new ExecutionConfig(2, 128, 60), 1);
        Train.run(config, trained, BACKEND, false, Progress.silent());
    }

    static ReinforceConfig config(String name, double kl, int iterations, int steps, double rate, int checkpoint) {
        RolloutObjective objective = Objectives.rollouts(name);
        if (name.equals("ugr"))
            objective = Objectives.with(objective, Map.of("kl", "" + kl, "confidence-rate", "1e-2"));
        return new ReinforceConfig(
                objective, trained.root().toString(), new ReinforceConfig.RolloutConfig(6, iterations, 10, 8), steps,
                new OptimizationConfig(8, rate, .1, 0, 0, 1, 0), new ValidationConfig(0, 0),
                new ExecutionConfig(2, 128, checkpoint), 3);
    }

    static RunFolder run(String name) {
        return new RunFolder(folder.resolve(name));
    }

    static List<StepMetrics> metrics(RunFolder run) throws IOException {
        return Files.readAllLines(run.file("model/metrics.jsonl")).stream()
                .map(l -> Json.mapper().readValue(l, StepMetrics.class))
                .toList();
    }

    static Map<String, String> files(RunFolder run) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (var all = Files.walk(run.root())) {
            for (Path f : all.filter(Files::isRegularFile).toList()) {
                files.put(f.toString(), Arrays.hashCode(Files.readAllBytes(f)) + " " + Files.getLastModifiedTime(f));
            }
        }
        return files;
    }

    @Test
    void interruptedAnywhereAndResumedItEndsWithTheSameBitsAndTheFirstRunIsLeftAsItIs() throws IOException {
        Map<String, String> before = files(trained);
        ReinforceConfig config = config("ugr", .1, 2, 20, 3e-3, 0);
        Reinforce.Summary expected = Reinforce.run(config, run("whole"), BACKEND, false, Progress.silent());
        RunFolder interrupted = run("interrupted");
        for (int life = 0;; life++) {
            try {
                Reinforce.Summary summary =
                        Reinforce.run(config, interrupted, BACKEND, false, dyingAfter(3 + life));
                assertThat(life).isGreaterThan(1);
                assertThat(summary).isEqualTo(expected);
                break;
            } catch (Killed e) {
                // and again
            }
        }
        assertThat(metrics(interrupted)).usingRecursiveComparison().ignoringFields("seconds")
                .isEqualTo(metrics(run("whole")));
        assertThat(files(trained)).isEqualTo(before);
        assertThatThrownBy(
                () -> Reinforce.run(config("ugr", 0, 2, 20, 3e-3, 0), interrupted, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--restart");
        assertThatThrownBy(() -> Reinforce.run(config, trained, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("new run");
        Files.delete(interrupted.file("model/last.safetensors"));
        assertThatThrownBy(() -> Reinforce.run(config, interrupted, BACKEND, false, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("has a model, but not model/last.safetensors");
        assertThat(metrics(interrupted)).isNotEmpty();
    }

    @Test
    void rolloutsAfterRolloutsKeepWhatCameBefore() throws IOException {
        RunFolder once = run("once"), twice = run("twice"), again = run("again");
        Reinforce.run(config("sft", 0, 1, 2, 3e-3, 0), once, BACKEND, false, Progress.silent());
        Reinforce.run(config("ugr", 0, 1, 2, 3e-3, 0).withFrom(once.root().toString()), twice, BACKEND, false,
                Progress.silent());
        Reinforce.run(config("grpo", 0, 1, 2, 3e-3, 0).withFrom(twice.root().toString()), again, BACKEND, false,
                Progress.silent());
        assertThat(again.config("reinforce", ReinforceConfig.class).name()).isEqualTo("grpo");
        assertThat(again.config("reinforce-before", ReinforceConfig.class).name()).isEqualTo("ugr");
        assertThat(again.config("reinforce-before-before", ReinforceConfig.class).name()).isEqualTo("sft");
        assertThat(RunInfo.read(again, "reinforce-before").path("trainingSeconds").asDouble()).isPositive();
        // Begun anew from the first run, it has nothing of them.
        Reinforce.run(config("grpo", 0, 1, 2, 3e-3, 0), again, BACKEND, true, Progress.silent());
        assertThat(again.has("config/reinforce-before.json")).isFalse();
        assertThat(again.has("config/reinforce-before-before.json")).isFalse();
    }

    @Test
    void u18ConfidenceLearnsWhatIsRightAndTheSurestErrorLosesMass() throws IOException {
        RunFolder ugr = run("ugr-18"), grpo = run("grpo-18");
        Reinforce.run(config("ugr", 0, 1, 80, 3e-3, 60), ugr, BACKEND, false, Progress.silent());
        Reinforce.run(config("grpo", 0, 1, 80, 3e-3, 60), grpo, BACKEND, false, Progress.silent());
        StepMetrics last = metrics(ugr).getLast();
        assertThat(last.sureCorrect()).isGreaterThan(last.sureWrong());
        assertThat(last.topWrong()).isLessThan(metrics(grpo).getLast().topWrong());
        try (var model = Recommender.load(ugr, BACKEND, Recommender.Which.LAST)) {
            var cases = Prepared.load(ugr).split().validation();
            ConfidenceReport report = ConfidenceReport.run(
                    ugr, model.ranker(10), model.confidence(), cases, "validation", model.model().space().levels(), 10,
                    Progress.silent());
            assertThat(report.signals().get("confidence").auroc()).isGreaterThan(.5);
            assertThat(report.signals()).containsOnlyKeys("confidence", "likelihood", "probability", "softmax");
            assertThat(model.recommend(List.of("i1", "i2"), 3, Recommender.Options.DEFAULT))
                    .allSatisfy(r -> assertThat(r.confidence()).isBetween(0.0, 1.0));
        }
        assertThat(ugr.file("plots/rejection-decoder-ugr-last.svg")).exists();
        try (var model = Recommender.load(grpo, BACKEND)) {
            assertThat(model.confidence()).isNull();
            assertThat(model.recommend(List.of("i1", "i2"), 3, Recommender.Options.DEFAULT))
                    .allSatisfy(r -> assertThat(r.confidence()).isNull());
        }
    }

    @Test
    void u19EveryObjectiveStartsFromTheSameModelAndLogsValidationAndEntropy() throws IOException {
        StepMetrics start = null;
        for (Objective o : Objectives.ALL) {
            if (!(o instanceof RolloutObjective)) continue;
            String name = o.name();
            RunFolder run = run(name + "-19");
            Reinforce.Summary summary =
                    Reinforce.run(config(name, 0, 1, 20, 1e-3, 60), run, BACKEND, false, Progress.silent());
            List<StepMetrics> all = metrics(run);
            assertThat(all).extracting(StepMetrics::step).containsExactly(0, 8, 16, 20);
            if (start == null) start = all.getFirst();
            assertThat(all.getFirst().validationNdcg10()).isEqualTo(start.validationNdcg10());
            assertThat(all.getFirst().entropy()).isEqualTo(start.entropy()).isPositive();
            for (StepMetrics m : all.subList(1, 4)) {
                assertThat(m.entropy()).isPositive().isNotEqualTo(start.entropy());
                assertThat(m.hit()).isBetween(0.0, 1.0);
                assertThat(m.validationNdcg10()).isBetween(0.0, m.validationHr10());
            }
            double best = all.subList(1, 4).stream().mapToDouble(StepMetrics::validationNdcg10).max().orElse(0);
            // The start model is kept until it is surpassed, except where it knows nothing of confidence.
            if (!name.equals("ugr")) best = Math.max(best, start.validationNdcg10());
            assertThat(summary.bestNdcg10()).isEqualTo(best);
            assertThat(summary.lastNdcg10()).isEqualTo(all.getLast().validationNdcg10());
            assertThat(summary.startNdcg10()).isEqualTo(start.validationNdcg10());
            try (
                    var b = Recommender.load(run, BACKEND);
                    var l = Recommender.load(run, BACKEND, Recommender.Which.LAST)) {
                assertThat(b.name()).isEqualTo("decoder-" + name);
                assertThat(l.name()).isEqualTo("decoder-" + name + "-last");
            }
        }
    }

    @Test
    void patienceEndsTheTraining() throws IOException {
        ReinforceConfig c = config("grpo", 0, 1, 400, 1e-9, 60); // so slow that nothing can become better
        var impatient = new ReinforceConfig(
                c.objective(), c.from(), new ReinforceConfig.RolloutConfig(6, 1, 10, 2), 400,
                new OptimizationConfig(2, c.optimization().learningRate(), .1, 0, 0, 1, 0), new ValidationConfig(0, 2),
                new ExecutionConfig(2, 128, 60), 3);
        assertThat(Reinforce.run(impatient, run("patience"), BACKEND, false, Progress.silent()).steps()).isEqualTo(6);
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

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
