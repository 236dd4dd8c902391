package dev.beamwright.recsys.prm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Guide;
import dev.beamwright.recsys.decode.PathScorer;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.TableModel;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.prm.PrmConfig.Paths;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.statistics.inference.ChiSquareTest;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The process reward model and its loss (Promise, statements P8 to P10 and P15). */
class ProcessRewardModelTest {
    static final Backend BACKEND = Backends.best();
    static final int ITEMS = 30;
    static final Likelihood LIKELIHOOD = new Likelihood(Softmax.CHILDREN, 1);

    @AutoClose
    Arena memory = Arena.ofShared();

    static Stream<Arguments> backbonesAndForms() {
        return Stream.of(
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, false, 100, 0, 5),
                new ModelConfig("item", 12, 1, 0, 3, 4, 10, false, true, 1, 0, 5, new ModelConfig.Item(3, .4, 0)),
                new ModelConfig("encoder-decoder", 12, 2, 1, 2, 4, 10, true, true, 1, 0, 5)) // smooth, so that differences tell slopes
                .flatMap(m -> Stream.of(form(1, 0, 0, Paths.NODE), form(2, 3, 7, Paths.SUM))
                        .map(p -> Arguments.of(m, p)));
    }

    static PrmConfig form(int blocks, int heads, int table, Paths paths) {
        return new PrmConfig(1, false, 6, 0, PrmConfig.Hard.BEAM, 2, blocks, heads, table, paths);
    }

    private static SemanticIds ids() {
        int[] order = Key.of(2).permutation(4 * 5 * 3);
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) codes[i] = new int[] {order[i] / 15, order[i] / 3 % 5, order[i] % 3};
        return new SemanticIds(new int[] {4, 5, 3}, codes);
    }

    private GenerativeModel model(ModelConfig config) {
        return TrainedModel.create(config, ids(), Key.of(4), memory);
    }

    private static float[] search(GenerativeModel model, ProcessRewardModel prm, int[] history, int[] nodes) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            // Another user stands before the one who is asked about, with paths of an own.
            var decoding = model.read(tape, List.of(new int[] {11, 2, 9}, history));
            decoding.next(0, new int[] {0}, new int[] {1}, new int[][] {{0}});
            int[] both = IntStream.concat(IntStream.of(1, 2, 3), Arrays.stream(nodes)).toArray();
            float[] y = prm.begin(tape, decoding.prompts()).score(both, new int[] {0, 3, both.length});
            return Arrays.copyOfRange(y, 3, y.length);
        }
    }

    @ParameterizedTest
    @MethodSource("backbonesAndForms")
    void p8AScoreDoesNotDependOnTheOtherPathsOrTheirOrder(ModelConfig config, PrmConfig form) {
        GenerativeModel model = model(config);
        var prm = ProcessRewardModel.of(form, config, model.space(), Key.of(5), memory);
        int[] nodes = IntStream.range(1, model.space().trie().nodes()).toArray(), history = {3, 7, 20};
        float[] all = search(model, prm, history, nodes);
        assertThat(IntStream.range(0, all.length).mapToDouble(i -> all[i]).distinct().count()).isGreaterThan(5);
        int[] order = Key.of(6).permutation(nodes.length);
        float[] shuffled = search(model, prm, history, Arrays.stream(order).map(i -> nodes[i]).toArray());
        for (int i = 0; i < order.length; i++) assertThat(shuffled[i]).isEqualTo(all[order[i]]);
        for (int i = 0; i < nodes.length; i += 5) {
            // A row that is alone goes through another kernel, which may round the last bit otherwise.
            assertThat(search(model, prm, history, new int[] {nodes[i]})[0]).isCloseTo(all[i], within(1e-6f));
        }
    }

    /** Also: the prefixes of a target see the states of its own history, and of nothing behind it. */
    @ParameterizedTest
    @MethodSource("backbonesAndForms")
    void p8AScoreIsTheSameInTrainingAndInSearch(ModelConfig config, PrmConfig form) {
        GenerativeModel model = model(config);
        var prm = ProcessRewardModel.of(form, config, model.space(), Key.of(5), memory);
        int[] items = {3, 7, 20, 7, 1};
        int[] nodes = IntStream.range(1, model.space().trie().nodes()).toArray();
        List<Sample> samples = model.sharesHistory()
                ? List.of(new Sample(new int[] {9, 8}, 0), new Sample(items, 2))
                : List.of(
                        new Sample(new int[] {9, 8}, 1), new Sample(new int[] {4, 8}, 1),
                        new Sample(Arrays.copyOf(items, 3), 2), new Sample(Arrays.copyOf(items, 4), 3),
                        new Sample(items, 4));
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            var forward = model.forward(tape, samples, Noise.none());
            for (int target = 2; target < 5; target++) {
                Encoded prompts = forward.prompts(new int[] {0, target});
                int[] both = IntStream.concat(IntStream.of(4), Arrays.stream(nodes)).toArray();
                float[] y = prm.score(
                        tape, prm.histories(tape, prompts), both, new int[] {0, 1, both.length}, Noise.none())
                        .value()
                        .toArray();
                float[] expected = search(model, prm, Arrays.copyOf(items, target), nodes);
                assertThat(Arrays.copyOfRange(y, 1, y.length)).containsExactly(expected, within(2e-6f));
            }
        }
    }

    @Test
    void p9InfoNceIsWhatItIsByHand() {
        assertThat(infoNce(0, 0, 0, 0)).isCloseTo(1.386294, within(1e-6));
        assertThat(infoNce(2, 1, 0, -1)).isCloseTo(.440190, within(1e-6));
        assertThat(infoNce(102, 101, 100, 99)).isCloseTo(infoNce(2, 1, 0, -1), within(1e-5));
        assertThat(infoNce(60, 1, 0, -1)).isBetween(0., 1e-9);
        assertThat(infoNce(-3, 1, 0, -1)).isPositive();
        assertThat(infoNce(5)).isZero();
    }

    private double infoNce(double... y) {
        Variable scores = Variable.parameter(memory, y.length);
        for (int i = 0; i < y.length; i++) scores.value().set(i, (float) y[i]);
        double[] losses = new double[1];
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            Variable loss = PathLoss.infoNce(tape, scores, new int[] {0, y.length}, new double[] {2}, losses);
            assertThat((double) loss.value().get(0)).isCloseTo(2 * losses[0], within(1e-5));
            return losses[0];
        }
    }

    @Test
    void p9ItsGradientIsThatOfDifferences() {
        Variable y = Variable.parameter(memory, 9);
        for (int i = 0; i < 9; i++) y.value().set(i, (float) Key.of(1).gaussian(i));
        double error = GradCheck.relativeError(
                BACKEND,
                tape -> PathLoss.infoNce(tape, y, new int[] {0, 4, 5, 9}, new double[] {.5, 1, 2}, new double[3]),
                List.of(y), 1e-2, Key.of(3));
        assertThat(error).isLessThan(1e-3);
    }

    private static Tensor tokens(GenerativeModel model) {
        return model.parameters().get("tokens").value();
    }

    @ParameterizedTest
    @MethodSource("backbonesAndForms")
    void theGradientOfTheLossIsThatOfDifferences(ModelConfig config, PrmConfig form) {
        GenerativeModel model = model(config);
        // Vectors that are small before a norm would turn by a step of differences.
        if (config.item() != null) BACKEND.accumulate(tokens(model), 30, tokens(model));
        var prm = ProcessRewardModel.of(form, config, model.space(), Key.of(5), memory);
        List<Sample> samples = model.sharesHistory()
                ? List.of(new Sample(new int[] {3, 7, 20, 5}, 1), new Sample(new int[] {1, 4}, 0))
                : List.of(new Sample(new int[] {3, 7, 20}, 2), new Sample(new int[] {1, 4}, 1));
        var loss = new PathLoss(form, LIKELIHOOD);
        String read = switch (config.backbone()) {
            case "item" -> "blocks.0.attention.keyValue.weight";
            case "decoder" -> "decoder.blocks.1.attention.keyValue.weight";
            default -> "network.encoder.blocks.1.attention.keyValue.weight";
        };
        List<Variable> inputs =
                new ArrayList<>(List.of(model.parameters().get("tokens"), model.parameters().get(read)));
        inputs.addAll(prm.parameters().values());
        double error = GradCheck.relativeError(
                BACKEND,
                tape -> loss.of(
                        tape, model, prm, samples, model.forward(tape, samples, Noise.none()), Noise.none(), 1, 1.5,
                        Key.of(8))
                        .loss(),
                inputs, 5e-3, Key.of(9));
        assertThat(error).isLessThan(2e-2);
    }

    @Test
    void p10NegativesAreDistinctValidAndNeverThePositive() {
        ItemTrie trie = model(new ModelConfig("decoder", 12, 1, 3, 4, 10, false, 5)).space().trie();
        for (int depth = 1; depth <= 3; depth++) {
            int first = trie.firstNode(depth), n = trie.nodesAt(depth);
            for (int wanted : new int[] {1, 3, n - 2, n - 1, 500}) {
                for (int trial = 0; trial < 50; trial++) {
                    Key key = Key.of(trial);
                    int positive = first + key.below(0, n), other = first + key.below(1, n);
                    int[] hard = trial % 2 == 0 ? new int[0] : new int[] {other, positive, other, first};
                    int[] drawn = PathLoss.negatives(trie, depth, positive, hard, wanted, key);
                    assertThat(drawn).hasSize(Math.min(wanted, n - 1)).doesNotContain(positive).doesNotHaveDuplicates();
                    assertThat(Arrays.stream(drawn)).allMatch(node -> node >= first && node < first + n);
                    if (hard.length > 0 && other != positive) assertThat(drawn[0]).isEqualTo(other);
                }
            }
        }
    }

    @Test
    void p10NegativesAreUniform() {
        ItemTrie trie = model(new ModelConfig("decoder", 12, 1, 3, 4, 10, false, 5)).space().trie();
        int first = trie.firstNode(3), n = trie.nodesAt(3), positive = first + 4, hard = first + 9;
        for (boolean withHard : new boolean[] {false, true}) {
            long[] count = new long[n];
            for (int trial = 0; trial < 20_000; trial++) {
                for (int node : PathLoss.negatives(
                        trie, 3, positive, withHard ? new int[] {hard} : new int[0], 5, Key.of(trial))) {
                    count[node - first]++;
                }
            }
            assertThat(count[4]).isZero();
            if (withHard) assertThat(count[9]).isEqualTo(20_000);
            long[] others = IntStream.range(0, n)
                    .filter(i -> i != 4 && (i != 9 || !withHard))
                    .mapToLong(i -> count[i])
                    .toArray();
            assertThat(ChiSquareTest.withDefaults().test(others).getPValue()).isGreaterThan(.001);
        }
    }

    /** Five of seven negatives from a beam of six: its best paths that are not the target's come first. */
    @Test
    void hardNegativesAreTheBeamsOwn() {
        var config = new ModelConfig("decoder", 12, 2, 3, 4, 10, false, 5);
        GenerativeModel model = model(config);
        ItemTrie trie = model.space().trie();
        var form = new PrmConfig(1, false, 7, .7, PrmConfig.Hard.BEAM, 1, 1, 0, 0, Paths.NODE);
        List<int[]> scored = new ArrayList<>();
        var sample = new Sample(new int[] {3, 7, 20}, 2);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            var prm = ProcessRewardModel.of(form, config, model.space(), Key.of(5), memory);
            var forward = model.forward(tape, List.of(sample), Noise.none());
            var result = new PathLoss(form, LIKELIHOOD)
                    .of(tape, model, prm, List.of(sample), forward, Noise.none(), 1, 1, Key.of(1));
            new BeamSearch(model, SearchConfig.beam(6, LIKELIHOOD))
                    .search(tape.inference(), Query.of(List.of(new int[] {3, 7})),
                            (u, d, l) -> scored.add(l.nodes()));
            double[] expected = new double[3];
            for (int depth = 1; depth <= 3; depth++) {
                int positive = trie.node(20, depth);
                int[] hard = Arrays.stream(scored.get(depth - 1)).filter(n -> n != positive).limit(5).toArray();
                int[] negatives = PathLoss.negatives(
                        trie, depth, positive, hard, 7, Key.of(1).fold("negatives").fold(0).fold(depth));
                assertThat(Arrays.copyOf(negatives, Math.min(hard.length, negatives.length)))
                        .containsExactly(Arrays.copyOf(hard, Math.min(hard.length, negatives.length)));
                int[] all = IntStream.concat(IntStream.of(positive), Arrays.stream(negatives)).toArray();
                float[] y = search(model, prm, new int[] {3, 7}, all);
                double sum = 0;
                for (float v : y) sum += Math.exp(v);
                expected[depth - 1] = Math.log(sum) - y[0];
            }
            for (int l = 0; l < 3; l++) assertThat(result.byLevel()[l]).isCloseTo(expected[l], within(1e-5));
        }
    }

    /** Siblings share all but the last code, and every one of them is drawn equally often. */
    @Test
    void hardNegativesAreSiblings() {
        ItemTrie trie = model(new ModelConfig("decoder", 12, 2, 3, 4, 10, false, 5)).space().trie();
        int item = 20, parent = trie.node(item, 1), positive = trie.node(item, 2);
        var all = new java.util.TreeSet<Integer>();
        for (int e = 0; e < trie.children(parent); e++) all.add(trie.child(trie.firstEdge(parent) + e));
        all.remove(positive);
        assertThat(all).hasSizeGreaterThan(1);
        var firsts = new java.util.TreeMap<Integer, Integer>();
        for (int trial = 0; trial < 2000; trial++) {
            int[] drawn = PathLoss.siblings(trie, parent, positive, 100, Key.of(trial));
            assertThat(drawn).hasSize(all.size());
            assertThat(Arrays.stream(drawn).boxed()).containsExactlyInAnyOrderElementsOf(all);
            firsts.merge(drawn[0], 1, Integer::sum);
        }
        assertThat(firsts.keySet()).isEqualTo(all);
        double expected = 2000.0 / all.size();
        assertThat(firsts.values())
                .allSatisfy(n -> assertThat((double) n).isCloseTo(expected, within(6 * Math.sqrt(expected))));
        assertThat(PathLoss.siblings(trie, parent, positive, 1, Key.of(3))).hasSize(1);
        assertThat(PathLoss.siblings(trie, parent, positive, 0, Key.of(3))).isEmpty();
    }

    /**
     * Users of four kinds whose first code is their kind, before a backbone that does not tell the kinds apart at the
     * first level; the states of a user's history do.
     */
    @Test
    void p15TrainedOnAnAmbiguityItFindsMoreWithMoreCandidates() {
        int kinds = 4, users = 80;
        int[][] codes = new int[kinds * 9][];
        for (int i = 0; i < codes.length; i++) codes[i] = new int[] {i / 9, i / 3 % 3, i % 3};
        var space = new CodeSpace(new int[] {kinds, 3, 3}, codes, memory);
        float[][][] logits = new float[users][][];
        for (int u = 0; u < users; u++) {
            logits[u] = new float[space.trie().firstNode(3)][];
            for (int node = 0; node < logits[u].length; node++) {
                logits[u][node] = node == 0 ? new float[] {1, .7f, .4f, .1f} : new float[] {2, 0, 0};
            }
        }
        var model = new TableModel(space, logits);
        var config = new ModelConfig("decoder", 16, 1, 4, 4, 16, false, 5);
        var form = new PrmConfig(1, true, 8, 0, PrmConfig.Hard.BEAM, 1, 1, 0, 0, Paths.NODE);
        var prm = ProcessRewardModel.of(form, config, space, Key.of(1), memory);
        var optimizer = new AdamW(
                List.copyOf(prm.parameters().values()), new AdamW.Config(1e-2f, .9f, .98f, 1e-8f, 0, 1),
                Schedule.cosine(5, 60, .1), memory);
        int[] targets = IntStream.range(0, users).map(u -> u % kinds * 9 + (u / kinds % 5 == 0 ? 4 : 0)).toArray();
        List<Sample> samples =
                IntStream.range(0, users).mapToObj(u -> new Sample(u, new int[] {targets[u]}, 0)).toList();
        var loss = new PathLoss(form, LIKELIHOOD);
        double first = 0, last = 0;
        try (var workspace = new Workspace()) {
            for (int step = 0; step < 60; step++) {
                try (Tape tape = Tape.training(BACKEND, workspace)) {
                    var result = loss.of(
                            tape, model, prm, samples, forward(tape, kinds), Noise.none(), 1f / users, 1,
                            Key.of(step));
                    tape.backward(result.loss());
                    optimizer.step(BACKEND);
                    last = Arrays.stream(result.byLevel()).sum() / users;
                    if (step == 0) first = last;
                }
            }
        }
        assertThat(last).isLessThan(.5 * first);
        double narrow = recall(model, prm, targets, kinds, 1), wide = recall(model, prm, targets, kinds, 4);
        assertThat(narrow).isLessThan(.3);
        assertThat(wide).isGreaterThan(.7);
    }

    /** What an encoder would make of each user's history: two states, of which the second tells the kind. */
    private static Encoded states(Tape tape, int[] users, int kinds) {
        float[] all = new float[users.length * 2 * 16];
        int[] offsets = new int[users.length + 1];
        for (int u = 0; u < users.length; u++) {
            all[u * 32] = 1;
            all[u * 32 + 16 + 1 + users[u] % kinds] = 2;
            offsets[u + 1] = 2 * (u + 1);
        }
        return new Encoded(
                Variable.constant(tape.floats(all).reshape(2 * users.length, 16)), tape.ints(offsets));
    }

    private static GenerativeModel.Forward forward(Tape tape, int kinds) {
        return new GenerativeModel.Forward() {
            @Override
            public List<Variable> states() {
                throw new UnsupportedOperationException();
            }

            @Override
            public List<Variable> candidates(int[] targets, int[][] items, Variable ask) {
                throw new UnsupportedOperationException();
            }

            @Override
            public Encoded prompts(int[] targets) {
                return ProcessRewardModelTest.states(tape, targets, kinds);
            }
        };
    }

    /** HRecall@3@1. */
    private static double recall(
            GenerativeModel model, ProcessRewardModel prm, int[] targets, int kinds, int widen) {
        int[] users = IntStream.range(0, targets.length).toArray();
        PathScorer scorer = (tape, none) -> prm.begin(tape, states(tape, users, kinds));
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            var found = new BeamSearch(model,
                    SearchConfig.beam(1, LIKELIHOOD).withGuide(new Guide(Widening.of(widen), scorer)))
                    .search(tape, Query.of(Collections.nCopies(users.length, new int[0]), users), null);
            return (double) Arrays.stream(users).filter(u -> found.get(u).items()[0] == targets[u]).count()
                    / users.length;
        }
    }

    @Test
    void aBoundedTableIsSharedAndAPathIsTheSumOfItsPrefixes() {
        var config = new ModelConfig("decoder", 12, 1, 3, 4, 10, false, 5);
        ItemTrie trie = model(config).space().trie();
        var own = ProcessRewardModel.of(form(1, 0, 0, Paths.NODE), config, model(config).space(), Key.of(1), memory);
        var sum = ProcessRewardModel.of(form(1, 0, 0, Paths.SUM), config, model(config).space(), Key.of(1), memory);
        var few = ProcessRewardModel.of(form(1, 0, 7, Paths.NODE), config, model(config).space(), Key.of(1), memory);
        assertThat(own.paths().dim(0)).isEqualTo(trie.nodes());
        assertThat(few.paths().dim(0)).isEqualTo(7);
        Set<Integer> used = new HashSet<>();
        for (int item = 0; item < ITEMS; item++) {
            int leaf = trie.node(item, 3);
            assertThat(own.rows()[leaf]).containsExactly(leaf);
            assertThat(sum.rows()[leaf]).containsExactly(trie.node(item, 1), trie.node(item, 2), leaf);
            used.add(few.rows()[leaf][0]);
        }
        assertThat(used).allMatch(r -> r >= 0 && r < 7).hasSizeGreaterThan(4);
    }
}
