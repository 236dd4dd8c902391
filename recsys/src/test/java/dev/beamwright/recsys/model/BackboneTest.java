package dev.beamwright.recsys.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.objective.ApaoPairwise;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.PrefixWeights;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What must hold of every backbone. */
class BackboneTest {
    static final Backend BACKEND = Backends.best();
    static final int ITEMS = 30;
    static final int[][] HISTORIES = {{3, 7, 7, 20}, {}, {29}, {1, 2, 3, 4, 5}};
    static final int[] USERS = {0, 1, 2, 3};

    @AutoClose
    Arena memory = Arena.ofShared();

    static Stream<ModelConfig> backbones() {
        return Stream.of(
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, false, 100, 0, 5),
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, true, 10_000, 0, 5),
                new ModelConfig("encoder-decoder", 12, 2, 3, 2, 4, 10, false, true, 1, 0, 5),
                new ModelConfig("encoder-decoder", 12, 1, 1, 2, 4, 10, true, false, 1, 0, 5),
                item(2, new ModelConfig.Item(3, .4, 0)),
                item(1, new ModelConfig.Item(0, 0, 7)));
    }

    static ModelConfig item(int layers, ModelConfig.Item settings) {
        return new ModelConfig("item", 12, layers, 0, 3, 4, 10, false, true, 1, 0, 5, settings);
    }

    /** Items with random codes of which no two are the same. */
    static SemanticIds ids() {
        int[] order = Key.of(2).permutation(4 * 5 * 3);
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) codes[i] = new int[] {order[i] / 15, order[i] / 3 % 5, order[i] % 3};
        return new SemanticIds(new int[] {4, 5, 3}, codes);
    }

    GenerativeModel model(ModelConfig config) {
        GenerativeModel model = TrainedModel.create(config, ids(), Key.of(4), memory);
        // Untrained networks are near to linear; larger parameters let every part speak.
        model.parameters().forEach((name, v) -> {
            Key key = Key.of(6).fold(name);
            for (int i = 0; i < v.size(); i++) {
                float mean = v.shape().rank() == 1 ? 1 : 0;
                v.value().set(i, mean + (float) (0.5 * key.gaussian(i)));
            }
        });
        return model;
    }

    /** Log-probabilities of all codes at each level, by teacher forcing: by sample, level and code. */
    static double[][][] teacherForced(GenerativeModel model, List<Sample> samples) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            List<Variable> states = model.forward(tape, samples, Noise.none()).states();
            Targets all = Targets.of(tape, model.space(), samples);
            int targets = samples.stream().mapToInt(Sample::targets).sum();
            double[][][] result = new double[targets][model.space().levels()][];
            for (int level = 0; level < model.space().levels(); level++) {
                float[] logits = model.logits(tape, level, states.get(level), all.nodes(level)).value().toArray();
                int width = model.space().width(level);
                for (int t = 0; t < targets; t++) {
                    result[t][level] = logSoftmax(Arrays.copyOfRange(logits, t * width, (t + 1) * width));
                }
            }
            return result;
        }
    }

    static double[] logSoftmax(float[] logits) {
        double sum = 0;
        for (float v : logits) sum += Math.exp(v);
        double lse = Math.log(sum);
        return IntStream.range(0, logits.length).mapToDouble(i -> logits[i] - lse).toArray();
    }

    static Sample sample(int[] history, int target) {
        int[] items = Arrays.copyOf(history, history.length + 1);
        items[history.length] = target;
        return new Sample(items, history.length);
    }

    static void assertClose(double[] actual, double[] expected, double error) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) assertThat(actual[i]).isCloseTo(expected[i], within(error));
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void outputsEqualThoseOfPlainLoopsInDoublePrecision(ModelConfig config) {
        GenerativeModel model = model(config);
        var plain = new PlainForward(model, config);
        List<Sample> samples = IntStream.range(0, HISTORIES.length)
                .mapToObj(u -> sample(HISTORIES[u], 10 + u))
                .toList();
        double[][][] actual = teacherForced(model, samples);
        for (int u = 0; u < HISTORIES.length; u++) {
            double[][] expected = plain.logProbabilities(model.space(), HISTORIES[u], 10 + u);
            for (int level = 0; level < 3; level++) assertClose(actual[u][level], expected[level], 2e-4);
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void severalTargetsOfASampleEqualSamplesOfOneTarget(ModelConfig config) {
        GenerativeModel model = model(config);
        int[] items = {4, 9, 9, 13};
        double[][][] together = teacherForced(model, List.of(new Sample(items, 1)));
        for (int t = 1; t < items.length; t++) {
            double[][] alone = teacherForced(model, List.of(sample(Arrays.copyOf(items, t), items[t])))[0];
            for (int level = 0; level < 3; level++) assertClose(together[t - 1][level], alone[level], 1e-4);
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void batchOrderDoesNotMatter(ModelConfig config) {
        GenerativeModel model = model(config);
        List<Sample> samples = IntStream.range(0, HISTORIES.length)
                .mapToObj(u -> sample(HISTORIES[u], 5 * u))
                .toList();
        double[][][] forth = teacherForced(model, samples), back = teacherForced(model, samples.reversed());
        for (int u = 0; u < HISTORIES.length; u++) {
            for (int level = 0; level < 3; level++) {
                assertClose(forth[u][level], back[HISTORIES.length - 1 - u][level], 1e-5);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void stepByStepEqualsTeacherForcing(ModelConfig config) {
        GenerativeModel model = model(config);
        CodeSpace space = model.space();
        // Two paths of each user, so that rows have to find their own ancestors.
        int[] items = {11, 22, 5, 17, 28, 8, 0, 29}, users = {0, 0, 1, 1, 2, 2, 3, 3};
        List<Sample> samples = IntStream.range(0, items.length)
                .mapToObj(r -> sample(HISTORIES[users[r]], items[r]))
                .toList();
        double[][][] expected = teacherForced(model, samples);
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            var decoding = model.read(tape, List.of(HISTORIES));
            float[] first = model.logits(tape, 0, decoding.first(), tape.ints(0, 0, 0, 0)).value().toArray();
            // On the way down the rows change places: row r of a level stands at (3·r + level) mod 8.
            int[][] row = new int[3][items.length];
            for (int level = 0; level < 3; level++) {
                for (int r = 0; r < items.length; r++) row[level][r] = (3 * r + level) % items.length;
            }
            for (int r = 0; r < items.length; r++) {
                int w = space.width(0), u = users[r];
                assertClose(logSoftmax(Arrays.copyOfRange(first, u * w, (u + 1) * w)), expected[r][0], 1e-4);
            }
            for (int level = 0; level < 2; level++) {
                int[] codes = new int[items.length], rowUsers = new int[items.length], nodes = new int[items.length];
                int[][] ancestors = new int[items.length][level + 1];
                for (int r = 0; r < items.length; r++) {
                    int at = row[level][r];
                    codes[at] = space.code(items[r], level);
                    rowUsers[at] = users[r];
                    nodes[at] = space.trie().node(items[r], level + 1);
                    for (int l = 0; l <= level; l++) ancestors[at][l] = row[l][r];
                }
                Variable state = decoding.next(level, codes, rowUsers, ancestors);
                float[] logits = model.logits(tape, level + 1, state, tape.ints(nodes)).value().toArray();
                int w = space.width(level + 1);
                for (int r = 0; r < items.length; r++) {
                    int at = row[level][r];
                    assertClose(
                            logSoftmax(Arrays.copyOfRange(logits, at * w, (at + 1) * w)), expected[r][level + 1], 1e-4);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void candidatesEqualTeacherForcingInTheirTargetsPlace(ModelConfig config) {
        GenerativeModel model = model(config);
        List<Sample> samples =
                List.of(new Sample(new int[] {3, 7, 20, 9}, 1), new Sample(new int[] {5}, 0),
                        new Sample(new int[] {1, 2}, 1));
        int[] targets = {0, 2, 3}; // in place of item 7, of item 9, of item 5
        int[][] others = {{11, 12}, {9}, {0, 29, 14}};
        List<Sample> replaced = List.of(
                sample(new int[] {3}, 11), sample(new int[] {3}, 12), sample(new int[] {3, 7, 20}, 9),
                sample(new int[] {}, 0), sample(new int[] {}, 29), sample(new int[] {}, 14));
        double[][][] expected = teacherForced(model, replaced);
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            List<Variable> states = model.forward(tape, samples, Noise.none()).candidates(targets, others);
            Targets candidates = Targets.of(tape, model.space(), replaced);
            for (int level = 0; level < 3; level++) {
                float[] logits =
                        model.logits(tape, level, states.get(level), candidates.nodes(level)).value().toArray();
                int w = model.space().width(level);
                for (int c = 0; c < 6; c++) {
                    assertClose(logSoftmax(Arrays.copyOfRange(logits, c * w, (c + 1) * w)), expected[c][level], 1e-4);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void theGradientOfCandidatesIsThatOfTeacherForcingInTheirTargetsPlace(ModelConfig config) {
        GenerativeModel model = model(config);
        List<Sample> samples = List.of(new Sample(new int[] {3, 7, 20, 9}, 1), new Sample(new int[] {5}, 0));
        List<Sample> replaced = List.of(
                sample(new int[] {3}, 11), sample(new int[] {3}, 12), sample(new int[] {3, 7, 20}, 4),
                sample(new int[] {}, 29));
        int[][] others = {{11, 12}, {4}, {29}};
        List<float[]> branched = gradients(
                model, replaced, t -> model.forward(t, samples, Noise.none()).candidates(new int[] {0, 2, 3}, others));
        List<float[]> forced = gradients(model, replaced, t -> model.forward(t, replaced, Noise.none()).states());
        for (int p = 0; p < forced.size(); p++) {
            float largest = 0;
            for (float v : forced.get(p)) largest = Math.max(largest, Math.abs(v));
            for (int i = 0; i < forced.get(p).length; i++) {
                assertThat(branched.get(p)[i]).isCloseTo(forced.get(p)[i], within(1e-5f + 1e-4f * largest));
            }
        }
    }

    /** Of the sum of all levels' logits, each weighted by a number of its own. */
    private static List<float[]> gradients(
            GenerativeModel model, List<Sample> samples, Function<Tape, List<Variable>> states) {
        for (Variable v : model.parameters().values()) v.grad().data().fill((byte) 0);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            Variable loss = null;
            List<Variable> levels = states.apply(tape);
            Targets targets = Targets.of(tape, model.space(), samples);
            for (int level = 0; level < levels.size(); level++) {
                Variable logits = model.logits(tape, level, levels.get(level), targets.nodes(level));
                float[] weights = new float[(int) logits.size()];
                for (int i = 0; i < weights.length; i++) weights[i] = (i * 37 % 19 - 9) / 9f;
                Variable sum = Ops.weightedSum(tape, logits, tape.floats(weights));
                loss = loss == null ? sum : Ops.add(tape, loss, sum);
            }
            tape.backward(loss);
            return model.parameters().values().stream().map(v -> v.grad().toArray()).toList();
        }
    }

    @Test
    void theGradientOfThePairwiseObjectiveEqualsCentralDifferences() {
        GenerativeModel model = model(backbones().findFirst().orElseThrow());
        var objective = new ApaoPairwise(2, .1, PrefixWeights.Form.PAPER, true, 3, 2, 1, true, true, true, 1);
        List<Sample> samples = List.of(new Sample(new int[] {3, 7, 20, 9}, 1), new Sample(new int[] {5}, 0));
        var inputs = List.of(
                model.parameters().get("tokens"),
                model.parameters().get("decoder.blocks.1.attention.keyValue.weight"));
        double error = GradCheck.relativeError(
                BACKEND,
                tape -> objective
                        .loss(MicroBatch.of(
                                tape, model, new Likelihood(Softmax.CHILDREN, 1), samples, Noise.none(), .5f,
                                new double[] {.5, .2, .3}, Key.of(5)))
                        .loss(),
                inputs, 1e-3, Key.of(9));
        assertThat(error).isLessThan(2e-2);
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void aBeamAsWideAsTheCatalogueIsExact(ModelConfig config) {
        GenerativeModel model = model(config);
        var search = new BeamSearch(model, SearchConfig.beam(ITEMS, Softmax.LEVEL));
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            List<Search.Result> found = search.search(tape, Query.of(List.of(HISTORIES)), null);
            for (int u = 0; u < HISTORIES.length; u++) {
                int user = u;
                double[][][] all = teacherForced(
                        model,
                        IntStream.range(0, ITEMS).mapToObj(i -> sample(HISTORIES[user], i)).toList());
                double[] score = new double[ITEMS];
                for (int i = 0; i < ITEMS; i++) {
                    for (int l = 0; l < 3; l++) score[i] += all[i][l][model.space().code(i, l)];
                }
                Integer[] expected = IntStream.range(0, ITEMS)
                        .boxed()
                        .sorted(Comparator.comparingDouble(i -> -score[i]))
                        .toArray(Integer[]::new);
                assertThat(found.get(u).items()).containsExactly(Arrays.stream(expected).mapToInt(i -> i).toArray());
                for (int r = 0; r < ITEMS; r++) {
                    assertThat((double) found.get(u).scores()[r]).isCloseTo(score[expected[r]], within(1e-3));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void aLaterItemChangesNoEarlierPrediction(ModelConfig config) {
        GenerativeModel model = model(config);
        double[][][] one = teacherForced(model, List.of(new Sample(new int[] {4, 9, 2, 13}, 1)));
        double[][][] other = teacherForced(model, List.of(new Sample(new int[] {4, 9, 2, 21}, 1)));
        for (int t = 0; t < 2; t++) assertThat(other[t]).isDeepEqualTo(one[t]);
        // The last target's first code is predicted from what both have; its last code sees the codes before.
        assertThat(other[2][0]).isEqualTo(one[2][0]);
        assertThat(other[2][2]).isNotEqualTo(one[2][2]);
    }

    @Test
    void aUserTokenSpeaksForKnownUsersOnly() {
        var config = new ModelConfig("encoder-decoder", 12, 1, 1, 2, 4, 10, false, true, 1, 7, 5);
        GenerativeModel model = model(config);
        int[] items = {3, 8};
        double[][][] p = teacherForced(
                model,
                List.of(
                        new Sample(1, items, 1),
                        new Sample(5, items, 1),
                        new Sample(Sample.NOBODY, items, 1),
                        new Sample(1, items, 1)));
        assertThat(p[0][0]).isNotEqualTo(p[1][0]).isNotEqualTo(p[2][0]).isEqualTo(p[3][0]);
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            int[] history = {3};
            Variable first = model.read(tape, List.of(history, history), new int[] {5, Sample.NOBODY}).first();
            float[] logits = model.logits(tape, 0, first, tape.ints(0, 0)).value().toArray();
            assertClose(logSoftmax(Arrays.copyOf(logits, 4)), p[1][0], 1e-5);
            assertClose(logSoftmax(Arrays.copyOfRange(logits, 4, 8)), p[2][0], 1e-5);
        }
    }
}
