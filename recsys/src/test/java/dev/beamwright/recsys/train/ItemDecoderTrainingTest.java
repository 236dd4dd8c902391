package dev.beamwright.recsys.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.embedding.Projection;
import dev.beamwright.recsys.model.ItemDecoder;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.objective.Ugr;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.reinforce.StepMetrics;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of the item decoder: everything that can be done with a token decoder can be done with it. */
class ItemDecoderTrainingTest {
    @TempDir
    static Path folder;

    static final Backend BACKEND = Backends.best();
    static RunFolder whole;
    static Train.Summary expected;

    @BeforeAll
    static void trainWithoutInterruption() throws IOException {
        whole = prepared("whole");
        expected = Train.run(config("ce"), whole, BACKEND, false, Progress.silent());
    }

    /** Users who go round twenty items; every second one jumps at random now and then. */
    private static RunFolder prepared(String name) throws IOException {
        Path data = folder.resolve("interactions.tsv");
        if (!Files.exists(data)) {
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
        }
        RunFolder run = new RunFolder(folder.resolve(name));
        Prepare.run(PrepareConfig.of(data, null), run, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
        return run;
    }

    /** Three epochs of eight steps; a checkpoint after every step. */
    private static TrainConfig config(String objective) {
        return new TrainConfig(
                new ModelConfig("item", 16, 1, 0, 2, 8, 24, false, true, 1, 0, 20, new ModelConfig.Item(3, .5, 6)),
                TrainTest.objective(objective, .2), new DecodingConfig(Softmax.CHILDREN, 10), 3,
                new OptimizationConfig(8, 1e-2, .1, 0, 0, 5, .2), new ValidationConfig(0, 0),
                new ExecutionConfig(3, 40, 0), 1);
    }

    @Test
    void interruptedAnywhereAndResumedItEndsWithTheSameBits() throws IOException {
        assertThat(Train.verify(whole, BACKEND, Progress.silent())).isTrue();
        TrainTest.endsWithTheSameBits(config("ce"), prepared("interrupted"), expected);
    }

    @Test
    void everyObjectiveLearns() throws IOException {
        RunFolder run = prepared("objectives");
        for (Objective o : Objectives.ALL) {
            if (!(o instanceof TargetObjective)) continue;
            String name = o.name();
            Train.run(config(name), run, BACKEND, true, Progress.silent());
            double[] losses = losses(run);
            assertThat(losses[2]).as(name).isLessThan(losses[0]);
            assertThat(config(name).label()).isEqualTo("item-" + name);
        }
    }

    private static double[] losses(RunFolder run) throws IOException {
        return Files.readAllLines(run.file("model/metrics.jsonl")).stream()
                .mapToDouble(line -> Json.mapper().readTree(line).get("loss").asDouble())
                .toArray();
    }

    @Test
    void aProcessRewardModelLearnsBesideItAndBehindIt() throws IOException {
        var prm = new PrmConfig(1, false, 5, .4, PrmConfig.Hard.BEAM, 2, 1, 0, 0, PrmConfig.Paths.NODE);
        RunFolder beside = prepared("beside");
        Train.run(config("ce").withPrm(prm), beside, BACKEND, false, Progress.silent());
        List<EpochMetrics> epochs = Files.readAllLines(beside.file("model/metrics.jsonl")).stream()
                .map(line -> Json.mapper().readValue(line, EpochMetrics.class)).toList();
        assertThat(Arrays.stream(epochs.get(2).prmLossByLevel()).sum())
                .isLessThan(Arrays.stream(epochs.get(0).prmLossByLevel()).sum());
        RunFolder behind = prepared("behind");
        Train.run(config("ce"), behind, BACKEND, false, Progress.silent());
        Train.prm(config("ce").forPrm(prm, 3, 0, 1e-2, 0, 7), behind, BACKEND, false, Progress.silent());
        assertThat(Train.verify(behind, BACKEND, Progress.silent())).isTrue();
    }

    @Test
    void everyKindOfRolloutsLearnsAndConfidenceTellsRightFromWrong() {
        for (Objective o : Objectives.ALL) {
            if (!(o instanceof RolloutObjective rollouts)) continue;
            String name = o.name();
            RunFolder run = new RunFolder(folder.resolve(name));
            boolean ugr = o instanceof Ugr;
            var c = new ReinforceConfig(
                    ugr ? Objectives.with(rollouts, Map.of("confidence-rate", "0.01")) : rollouts,
                    whole.root().toString(), new ReinforceConfig.RolloutConfig(6, 1, 10, 8), ugr ? 80 : 8,
                    new OptimizationConfig(8, 3e-3, .1, 0, 0, 1, 0), new ValidationConfig(0, 0),
                    new ExecutionConfig(2, 128, 60), 3);
            Reinforce.Summary summary = Reinforce.run(c, run, BACKEND, false, Progress.silent());
            assertThat(summary.lastNdcg10()).as(name).isPositive();
            if (ugr) {
                StepMetrics last = Json.mapper()
                        .readValue(lastLine(run), StepMetrics.class);
                assertThat(last.sureCorrect()).isGreaterThan(last.sureWrong());
            }
        }
    }

    private static String lastLine(RunFolder run) {
        try {
            return Files.readAllLines(run.file("model/metrics.jsonl")).getLast();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** What an untrained item's vector gains by the start is the tokenizer's vector, projected; a loaded model needs none. */
    @Test
    void itStartsAtTheVectorsOfTheSemanticIdsAndIsLoadedWithoutThem() throws IOException {
        RunFolder run = prepared("start");
        try (Arena memory = Arena.ofShared()) {
            SemanticIds ids = SemanticIds.load(run, Prepared.load(run).data().items());
            TrainConfig config = config("ce");
            var before = (ItemDecoder) TrainedModel.create(config.model(), ids, Key.of(1), memory);
            var after = (ItemDecoder) TrainedModel.create(config.model(), ids, Key.of(1), memory);
            TrainedModel.start(after, run, BACKEND, Key.of(1));
            Tensor vectors = Npy.read(run.file("tokens/vectors.npy"), memory);
            float[][] projected = Projection.of(vectors, 16, BACKEND, Key.of(1).fold("vectors"));
            for (int item = 0; item < ids.codes().length; item++) {
                float[] gained = itemVector(after, item);
                float[] was = itemVector(before, item);
                for (int c = 0; c < 16; c++) {
                    assertThat(gained[c] - was[c]).isCloseTo(projected[item][c], within(1e-5f));
                }
            }
        }
        Train.run(config("ce"), run, BACKEND, false, Progress.silent());
        Files.delete(run.file("tokens/vectors.npy"));
        try (var recommender = Recommender.load(run, BACKEND)) {
            assertThat(recommender.recommend(List.of("i1", "i2"), 3, Recommender.Options.DEFAULT)).hasSize(3);
        }
        Train.run(config("ce"), run, BACKEND, true, Progress.silent()); // from random vectors
        assertThat(losses(run)[2]).isLessThan(losses(run)[0]);
    }

    private static float[] itemVector(ItemDecoder model, int item) {
        float[] sum = new float[16];
        int length = model.itemLists().shape().dim(1);
        for (int s = 0; s < length; s++) {
            int row = model.itemLists().getInt((long) item * length + s);
            for (int c = 0; c < 16; c++) sum[c] += model.tokens().value().get(row * 16L + c);
        }
        return sum;
    }

    /** As many columns: distances stay but for the lengths; fewer: the largest directions; more: nothing is lost. */
    @Test
    void aProjectionKeepsAngles() {
        try (Arena memory = Arena.ofShared()) {
            int n = 50;
            Tensor x = Tensor.zeros(memory, Shape.of(n, 6));
            for (int i = 0; i < n * 6; i++) x.set(i, (float) (Key.of(3).gaussian(i) * (i % 6 < 2 ? 5 : .01)));
            float[][] same = Projection.of(x, 6, BACKEND, Key.of(1)), more = Projection.of(x, 9, BACKEND, Key.of(1));
            float[][] fewer = Projection.of(x, 2, BACKEND, Key.of(1));
            for (int i = 0; i < n; i++) {
                assertThat(dot(same[i], same[i])).isCloseTo(1, within(1e-5));
                for (int j = 0; j < i; j++) {
                    assertThat(dot(more[i], more[j])).isCloseTo(dot(same[i], same[j]), within(1e-5));
                    assertThat(dot(fewer[i], fewer[j])).isCloseTo(dot(same[i], same[j]), within(.05));
                }
            }
        }
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += (double) a[i] * b[i];
        return sum;
    }

    /** Nodes of upper levels keep rows of their own, the others share what is left; it learns, resumes and says so. */
    @Test
    void nodesOfALargeCatalogueShareRows() throws IOException {
        TrainConfig c = config("ce");
        TrainConfig few = c.withModel(new ModelConfig(
                "item", 16, 1, 0, 2, 8, 24, false, true, 1, 0, 20, new ModelConfig.Item(3, .5, 0, 30)));
        RunFolder run = prepared("shared");
        var said = new ArrayList<String>();
        Train.Summary summary = Train.run(few, run, BACKEND, false, Progress.lines(said::add));
        assertThat(said).anyMatch(line -> line.contains("trie nodes share"));
        assertThat(losses(run)[2]).isLessThan(losses(run)[0]);
        assertThat(summary.parameters()).isLessThan(expected.parameters());
        try (Arena memory = Arena.ofShared()) {
            SemanticIds ids = SemanticIds.load(run, Prepared.load(run).data().items());
            var model = (ItemDecoder) TrainedModel.create(few.model(), ids, Key.of(1), memory);
            var trie = model.space().trie();
            int first = model.space().tokens(), owners = 0;
            assertThat(model.tokens().dim(0)).isEqualTo(first + 30);
            for (int depth = 1; trie.firstNode(depth + 1) - 1 <= 15; depth++) owners = trie.firstNode(depth + 1) - 1;
            assertThat(owners).isPositive();
            for (int node = 1; node < trie.nodes(); node++) {
                int row = model.edgeLists().getInt(2L * (node - 1) + 1);
                if (node <= owners) assertThat(row).isEqualTo(first + node - 1);
                else assertThat(row).isBetween(first + owners, first + 29);
            }
        }
        TrainTest.endsWithTheSameBits(few, prepared("shared-interrupted"), summary);
    }

    @Test
    void aSoftmaxOverTheLevelIsRefused() {
        TrainConfig c = config("ce");
        assertThatThrownBy(() -> new TrainConfig(
                c.model(), c.objective(), new DecodingConfig(Softmax.LEVEL, 10), 3,
                new OptimizationConfig(8, 1e-2, .1, 0, 0, 5, .2), new ValidationConfig(0, 0),
                new ExecutionConfig(3, 40, 0), 1))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("node's children");
    }
}
