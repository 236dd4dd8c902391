package dev.beamwright.recsys.baseline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.ValidationConfig;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Noise;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SasRecTest {
    static final Backend BACKEND = Backends.best();
    static final int ITEMS = 12;

    static SasRecConfig config(SasRecConfig.Loss loss, int epochs) {
        return new SasRecConfig(
                loss, SasRecConfig.Start.RANDOM, new SasRecConfig.Model(16, 1, 2, 16, 6), 4, epochs,
                new SasRecConfig.Optimization(16, 1e-2, false, 0, 0.1), new ValidationConfig(0, epochs),
                new ExecutionConfig(2, 64, 60), 3);
    }

    /** Each item is followed by one of two others, by the first nine times out of ten. */
    static int successor(int item, Key key, int n) {
        return (item * 5 + (key.uniform(n) < 0.9 ? 1 : 4)) % ITEMS;
    }

    static Split chain(int users) {
        int[][] train = new int[users][];
        List<Case> cases = new ArrayList<>();
        for (int u = 0; u < users; u++) {
            Key key = Key.of(17).fold(u);
            int[] sequence = new int[5 + u % 5];
            sequence[0] = key.below(100, ITEMS);
            for (int i = 1; i < sequence.length; i++) sequence[i] = successor(sequence[i - 1], key, i);
            int last = sequence.length - 1;
            train[u] = Arrays.copyOf(sequence, last);
            cases.add(Case.of(u, train[u], sequence[last]));
        }
        return new Split(train, cases, List.of());
    }

    /** Sequences of an item, drawn at random, another such, and its successor. */
    static Split pairs(int users) {
        int[][] train = new int[users][];
        for (int u = 0; u < users; u++) {
            Key key = Key.of(19).fold(u);
            int item = key.below(1, ITEMS);
            train[u] = new int[] {key.below(0, ITEMS), item, successor(item, key, 2)};
        }
        List<Case> cases = IntStream.range(0, users)
                .mapToObj(u -> Case.of(u, Arrays.copyOf(train[u], 2), train[u][2]))
                .toList();
        return new Split(train, cases, List.of());
    }

    @ParameterizedTest
    @EnumSource
    void learnsAPlantedMarkovChain(SasRecConfig.Loss loss, @TempDir Path folder) {
        // To BCE no item of a sequence is ever wrong: where they go on, it cannot tell the next from the one behind it.
        Split split = loss == SasRecConfig.Loss.BCE ? pairs(240) : chain(60);
        try (var sasRec = new TrainedSasRec("sasrec", config(loss, 25), ITEMS, null, Repeats.NEVER, BACKEND)) {
            sasRec.train(new RunFolder(folder), split, Progress.silent());
            List<Case> questions = new ArrayList<>();
            for (int item = 0; item < ITEMS; item++) {
                questions.add(Case.of(0, new int[] {3, item}, (item * 5 + 1) % ITEMS));
            }
            List<Ranking> answers = sasRec.rank(questions, SeenItems.ALLOWED, 10);
            long first = questions.stream()
                    .filter(q -> answers.get(questions.indexOf(q)).rank(q.target(), null) == 1)
                    .count();
            assertThat(first).isGreaterThanOrEqualTo(ITEMS - 2);
        }
    }

    @Test
    void theSameSeedGivesTheSameBits(@TempDir Path folder) {
        Split split = chain(20);
        List<String> checksums = new ArrayList<>();
        for (int run = 0; run < 2; run++) {
            SasRecConfig config = config(SasRecConfig.Loss.SAMPLED, 2);
            try (var sasRec = new TrainedSasRec("sasrec", config, ITEMS, null, Repeats.NEVER, BACKEND)) {
                sasRec.train(new RunFolder(folder.resolve("run" + run)), split, Progress.silent());
                checksums.add(sasRec.checksum());
            }
        }
        assertThat(checksums.get(0)).isEqualTo(checksums.get(1));
    }

    @Test
    void isTrainedOnceForASeed(@TempDir Path folder) throws IOException {
        RunFolder run = new RunFolder(folder);
        run.saveConfig("sasrec", config(SasRecConfig.Loss.CE, 1));
        Split split = chain(20);
        List<String> ids = IntStream.range(0, ITEMS).mapToObj(i -> "i" + i).toList();
        List<String> users = IntStream.range(0, 20).mapToObj(u -> "u" + u).toList();
        Dataset data = new Dataset(users, ids, ids, ids, split.train(), null);
        List<String> checksums = new ArrayList<>();
        List<Instant> written = new ArrayList<>();
        for (long seed : new long[] {1, 1, 2}) {
            try (
                    var sasRec = TrainedSasRec.of(
                            "sasrec", run, new Prepared(data, split), seed, BACKEND, Progress.silent())) {
                checksums.add(sasRec.checksum());
                written.add(Files.getLastModifiedTime(run.file("baselines/sasrec.safetensors")).toInstant());
                SasRecConfig stored = run.config("sasrec", SasRecConfig.class);
                assertThat(stored.seed()).isEqualTo(seed);
                assertThat(stored.model().dModel()).isEqualTo(16); // other settings stay as they are
            }
        }
        assertThat(checksums.get(1)).isEqualTo(checksums.get(0)).isNotEqualTo(checksums.get(2));
        assertThat(written.get(1)).isEqualTo(written.get(0)).isNotEqualTo(written.get(2));
    }

    @Test
    void negativesAreNoneOfTheSequence() {
        int[] sequence = {0, 3, 4, 11};
        Set<Integer> drawn = new TreeSet<>();
        for (int n = 0; n < 500; n++) drawn.add(SasRec.other(Key.of(1), n, 12, sequence));
        assertThat(drawn).containsExactly(1, 2, 5, 6, 7, 8, 9, 10);
        int[] all = IntStream.range(0, 12).toArray();
        assertThat(SasRec.other(Key.of(1), 0, 12, all)).isBetween(0, 11);
    }

    @ParameterizedTest
    @EnumSource
    void gradientsEqualCentralDifferences(SasRecConfig.Loss loss) {
        try (Arena memory = Arena.ofShared()) {
            SasRecConfig config = config(loss, 1);
            SasRec model = SasRec.of(config.model(), ITEMS, null, Key.of(1), memory);
            model.parameters().forEach((name, v) -> {
                Key key = Key.of(8).fold(name);
                for (int i = 0; i < v.size(); i++) v.value().set(i, (float) (1 + key.gaussian(i)) / 2);
            });
            List<Sample> samples = List.of(new Sample(new int[] {1, 4, 2}, 1), new Sample(new int[] {9, 9, 0, 11}, 2));
            double error = GradCheck.relativeError(
                    Backends.named("scalar"),
                    tape -> model.loss(tape, samples, config, Noise.none(), 0.25f, Key.of(5)).loss(),
                    List.copyOf(model.parameters().values()),
                    2e-3,
                    Key.of(2));
            assertThat(error).isLessThan(2e-2);
        }
    }

    @Test
    void sampledOverAllItemsIsTheFullCrossEntropy() {
        try (
                Arena memory = Arena.ofShared();
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            SasRec model = SasRec.of(config(SasRecConfig.Loss.CE, 1).model(), ITEMS, null, Key.of(1), memory);
            List<Sample> samples = List.of(new Sample(new int[] {1, 4, 2}, 1), new Sample(new int[] {9, 9, 0, 11}, 2));
            double full = model.loss(tape, samples, config(SasRecConfig.Loss.CE, 1), Noise.none(), 1, Key.of(5))
                    .nll()[0];
            var all = new SasRecConfig(
                    SasRecConfig.Loss.SAMPLED, SasRecConfig.Start.RANDOM, new SasRecConfig.Model(16, 1, 2, 16, 6),
                    100 * ITEMS, 1,
                    new SasRecConfig.Optimization(16, 1e-2, false, 0, 0), new ValidationConfig(0, 1),
                    new ExecutionConfig(2, 64, 60), 3);
            double sampled = model.loss(tape, samples, all, Noise.none(), 1, Key.of(5)).nll()[0];
            assertThat(sampled).isCloseTo(full, org.assertj.core.api.Assertions.within(1e-4));
        }
    }

    @Test
    void whoHasNoHistoryIsToldNothing() {
        try (
                var sasRec = new TrainedSasRec("sasrec", config(SasRecConfig.Loss.CE, 1), ITEMS, null, Repeats.NEVER,
                        BACKEND)) {
            List<Case> cases = List.of(Case.of(0, new int[0], 1), Case.of(1, new int[] {2}, 1));
            List<Ranking> answers = sasRec.rank(cases, SeenItems.HIDDEN, 5);
            assertThat(answers.get(0).rank(1, null)).isEqualTo((ITEMS + 1) / 2.0);
            assertThat(answers.get(1).top(ITEMS).items()).doesNotContain(2).hasSize(ITEMS - 1);
        }
    }
}
