package dev.beamwright.recsys;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.baseline.SasRecConfig;
import dev.beamwright.recsys.baseline.TrainedSasRec;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.Stopped;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.train.DecodingConfig;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.OptimizationConfig;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainingFiles;
import dev.beamwright.recsys.train.ValidationConfig;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kind of training, killed or stopped anywhere, and resumed; and what {@code verify} finds of it. */
class ResumedTrainingTest {
    @TempDir
    static Path folder;

    static final Backend BACKEND = Backends.best();
    static RunFolder trained;

    /** The kinds of training, each with its files; a checkpoint is written at validations, or when it is stopped. */
    enum Kind {
        MODEL(Train.MODEL) {
            @Override
            void train(RunFolder run, Progress progress) throws IOException {
                if (!run.has("data/items.tsv")) prepare(run);
                Train.run(config(5e-3, null), run, BACKEND, false, progress);
            }
        },
        SECOND_STAGE(Train.MODEL) {
            @Override
            void train(RunFolder run, Progress progress) {
                Train.from(config(5e-3, config(5e-3, null)), trained, run, BACKEND, false, progress);
            }
        },
        PROCESS_REWARD_MODEL(Train.PRM) {
            @Override
            void train(RunFolder run, Progress progress) throws IOException {
                if (!run.has("data/items.tsv")) MODEL.train(run, Progress.silent());
                var prm = new PrmConfig(1, true, 5, 0, PrmConfig.Hard.BEAM, 2, 1, 0, 0, PrmConfig.Paths.NODE);
                Train.prm(config(5e-3, null).forPrm(prm, 3, 0, 5e-3, 0, 7), run, BACKEND, false, progress);
            }
        },
        ROLLOUTS(Reinforce.FILES) {
            @Override
            void train(RunFolder run, Progress progress) {
                Reinforce.run(rollouts("ugr", 3e-3), run, BACKEND, false, progress);
            }
        },
        SASREC(TrainingFiles.of("evaluate", "", "baselines/sasrec.safetensors", "baselines/sasrec-")) {
            @Override
            void train(RunFolder run, Progress progress) throws IOException {
                if (!run.has("data/items.tsv")) prepare(run);
                run.saveConfig("sasrec", new SasRecConfig(
                        SasRecConfig.Loss.SAMPLED, SasRecConfig.Start.RANDOM, new SasRecConfig.Model(16, 1, 2, 16, 6),
                        4, 4,
                        new SasRecConfig.Optimization(8, 1e-2, true, 0, 0.1), new ValidationConfig(0, 4),
                        new ExecutionConfig(2, 64, 60), 3));
                TrainedSasRec.of("sasrec", run, Prepared.load(run), 3, BACKEND, progress).close();
            }
        };

        final TrainingFiles files;

        Kind(TrainingFiles files) {
            this.files = files;
        }

        abstract void train(RunFolder run, Progress progress) throws IOException;

        boolean verify(RunFolder run, Progress progress) {
            return switch (this) {
                case ROLLOUTS -> Reinforce.verify(run, BACKEND, progress);
                case SASREC -> TrainedSasRec.verify("sasrec", run, BACKEND, progress);
                case PROCESS_REWARD_MODEL -> Train.verifyPrm(run, BACKEND, progress);
                default -> Train.verify(run, BACKEND, progress);
            };
        }
    }

    @BeforeAll
    static void trainTheFirstStage() throws IOException {
        trained = new RunFolder(folder.resolve("trained"));
        Kind.MODEL.train(trained, Progress.silent());
    }

    @ParameterizedTest
    @EnumSource
    void stoppedOrKilledAndResumedItEndsWithTheSameBits(Kind kind) throws IOException {
        RunFolder whole = new RunFolder(folder.resolve(kind + "-whole"));
        kind.train(whole, Progress.silent());
        assertThat(kind.verify(whole, Progress.silent())).isTrue();

        RunFolder stopped = new RunFolder(folder.resolve(kind + "-stopped"));
        // It loses nothing, so some progress in each life is enough; one of the first stops lies within a validation.
        assertThat(lives(kind, stopped, ResumedTrainingTest::stoppingAfter)).isGreaterThan(3);
        assertSameBits(kind, stopped, whole);

        RunFolder killed = new RunFolder(folder.resolve(kind + "-killed"));
        assertThat(lives(kind, killed, n -> dyingAfter(8 * n))).isGreaterThan(1);
        assertSameBits(kind, killed, whole);
    }

    /** How often a training had to be called until it was finished. */
    private static int lives(Kind kind, RunFolder run, IntFunction<Progress> progress) throws IOException {
        for (int life = 1; life < 100; life++) {
            try {
                kind.train(run, progress.apply(life));
                return life;
            } catch (Stopped e) {
                assertThat(e).hasMessageContaining("stopped after step");
            } catch (Killed e) {
                // and again
            }
        }
        throw new AssertionError("never came to an end");
    }

    private static void assertSameBits(Kind kind, RunFolder run, RunFolder whole) throws IOException {
        assertThat(Files.readAllBytes(run.file(kind.files.best())))
                .isEqualTo(Files.readAllBytes(whole.file(kind.files.best())));
        assertThat(checksum(run, kind.files.last())).isEqualTo(checksum(whole, kind.files.last()));
        assertThat(metrics(run, kind)).isEqualTo(metrics(whole, kind));
        assertThat(Files.readString(run.file(kind.files.firstSteps())))
                .isEqualTo(Files.readString(whole.file(kind.files.firstSteps())));
    }

    private static String checksum(RunFolder run, String file) throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            Map<String, Tensor> sorted = new TreeMap<>(SafeTensors.read(run.file(file), memory).tensors());
            return Checkpoint.checksum(sorted.values());
        }
    }

    private static List<String> metrics(RunFolder run, Kind kind) throws IOException {
        return Files.readAllLines(run.file(kind.files.metrics())).stream()
                .map(line -> line.replaceAll("\"seconds\":[^,}]+", ""))
                .toList();
    }

    @ParameterizedTest
    @EnumSource
    void verifyFindsAPlantedDifference(Kind kind) throws IOException {
        RunFolder run = new RunFolder(folder.resolve(kind + "-planted"));
        kind.train(run, Progress.silent());
        Path file = run.file(kind.files.firstSteps());
        String good = Files.readString(file);
        int third = good.indexOf("\"checksum\" : \"", good.indexOf("\"step\" : 3,")) + 14;
        char other = good.charAt(third) == '0' ? '1' : '0';
        Files.writeString(file, good.substring(0, third) + other + good.substring(third + 1));
        List<String> said = new ArrayList<>();
        assertThat(kind.verify(run, Progress.lines(said::add))).isFalse();
        assertThat(said.getLast()).startsWith("step 3: checksum");
    }

    // ---- a second stage that never becomes better than the model it begins from

    @Test
    void aSecondStageThatIsNeverBetterKeepsTheModelItBeganFrom() throws IOException {
        RunFolder run = new RunFolder(folder.resolve("idle"));
        Train.Summary summary = Train.from(
                config(1e-30, config(5e-3, null)), trained, run, BACKEND, false, Progress.silent());
        assertThat(summary.bestEpoch()).isZero();
        assertThat(summary.verdict())
                .startsWith("no validation was better than that of the model it began from (NDCG@10 0.")
                .endsWith("model/best.safetensors is that model");
        assertThat(checksum(run, RunFolder.BEST)).isEqualTo(checksum(trained, RunFolder.BEST));
        assertThat(Train.run(config(1e-30, config(5e-3, null)), run, BACKEND, false, Progress.silent()))
                .isEqualTo(summary); // finished already: it says so again

        RunFolder better = new RunFolder(folder.resolve("better")); // from a model that was hardly trained
        RunFolder poor = new RunFolder(folder.resolve("poor"));
        prepare(poor);
        Train.run(config(1e-9, null), poor, BACKEND, false, Progress.silent());
        summary = Train.from(config(5e-3, config(1e-9, null)), poor, better, BACKEND, false, Progress.silent());
        assertThat(summary.bestEpoch()).isPositive();
        assertThat(summary.verdict()).isNull();
    }

    @Test
    void rolloutsThatAreNeverBetterKeepItUnlessAConfidenceIsNew() throws IOException {
        RunFolder grpo = new RunFolder(folder.resolve("idle-grpo")), ugr = new RunFolder(folder.resolve("idle-ugr"));
        Reinforce.Summary without =
                Reinforce.run(rollouts("grpo", 1e-30), grpo, BACKEND, false, Progress.silent());
        assertThat(without.bestStep()).isZero();
        assertThat(without.bestNdcg10()).isEqualTo(without.startNdcg10()).isPositive();
        assertThat(without.verdict()).endsWith("model/best.safetensors is that model");
        assertThat(checksum(grpo, RunFolder.BEST)).isEqualTo(checksum(trained, RunFolder.BEST));

        Reinforce.Summary with = Reinforce.run(rollouts("ugr", 1e-30), ugr, BACKEND, false, Progress.silent());
        assertThat(with.bestStep()).isEqualTo(4);
        assertThat(with.verdict()).contains("is of step 4 all the same");
    }

    // ---- settings and data

    /** Three epochs of ten steps. */
    private static TrainConfig config(double rate, TrainConfig first) {
        return new TrainConfig(
                new ModelConfig("decoder", 16, 2, 2, 8, 24, false, 20), new CrossEntropy(),
                new DecodingConfig(Softmax.CHILDREN, 10), 3,
                new OptimizationConfig(4, rate, .1, 0, 0, 1, .2), new ValidationConfig(0, 0),
                new ExecutionConfig(3, 64, 60), 1).withFirst(first);
    }

    /** Ten steps of eight prompts, two for each group of items; a validation after every fourth. */
    private static ReinforceConfig rollouts(String name, double rate) {
        RolloutObjective objective = Objectives.rollouts(name);
        if (name.equals("ugr")) objective = Objectives.with(objective, Map.of("confidence-rate", "1e-2"));
        return new ReinforceConfig(
                objective, trained.root().toString(), new ReinforceConfig.RolloutConfig(6, 2, 10, 4), 10,
                new OptimizationConfig(8, rate, .1, 0, 0, 1, 0), new ValidationConfig(0, 0),
                new ExecutionConfig(2, 128, 60), 3);
    }

    /** 40 users who go round 12 items, each from an item of their own. */
    private static void prepare(RunFolder run) throws IOException {
        Path data = folder.resolve("interactions.tsv");
        if (!Files.exists(data)) {
            var s = new StringBuilder("user_id\titem_id\ttimestamp\n");
            for (int u = 0; u < 40; u++) {
                for (int i = 0; i < 6 + u % 5; i++) s.append("u" + u + "\ti" + (u + i) % 12 + "\t" + (100 + i) + "\n");
            }
            Files.writeString(data, s);
        }
        Prepare.run(PrepareConfig.of(data, null), run, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
    }

    // ---- ways to end

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** The user asks for the end when training has looked so often whether it should. */
    private static Progress stoppingAfter(int looks) {
        return new Ending(looks, Integer.MAX_VALUE);
    }

    /** The process dies after so many steps of work of any kind. */
    private static Progress dyingAfter(int steps) {
        return new Ending(Integer.MAX_VALUE, steps);
    }

    private static final class Ending implements Progress {
        private int looks, steps;

        Ending(int looks, int steps) {
            this.looks = looks;
            this.steps = steps;
        }

        @Override
        public void say(String line) {}

        @Override
        public Bar start(String what, long total) {
            return new Bar() {
                @Override
                public void step(long done, String note) {
                    if (--steps < 0) throw new Killed();
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public Interruptible interruptible() {
            return new Interruptible() {
                @Override
                public boolean stopRequested() {
                    return --looks < 0;
                }

                @Override
                public void close() {}
            };
        }
    }
}
