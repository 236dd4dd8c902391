package dev.beamwright.recsys.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.TableModel;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the APAO paper says of its losses and weights, and what follows from it. */
class ApaoTest {
    static final Backend BACKEND = Backends.named("scalar");
    static final Offset<Double> TINY = within(1e-6);
    static final int LEVELS = 4, ROWS = 6, WIDTH = 9;

    @AutoClose
    Arena memory = Arena.ofShared();

    final List<Variable> logits = Batches.logits(memory, Key.of(3), LEVELS, ROWS, WIDTH);
    final Targets targets = Batches.targets(
            memory, LEVELS, new int[] {0, 3, 8, 2, 2, 5}, new int[] {0, 0, 1, 0, 0, 1},
            new int[][] {{0, 2, 3, 7}, {1, 5, 8}});

    /** One target with the code probabilities of the specification's vectors, and three negatives. */
    static final double[][] VECTOR = {{.5, .25, .8, .9}, {.2, .5, .5, .5}, {.5, .1, .3, .6}, {.05, .9, .9, .9}};
    /** Negative 2 shares the target's first code, negative 3 that of negative 1. */
    static final int[][] VECTOR_NODES = {{1, 10, 20, 30}, {2, 11, 21, 31}, {1, 12, 22, 32}, {2, 13, 23, 33}};
    static final int[] VECTOR_PREFIXES = {10, 40, 60, 70};
    static final double[] POINTWISE = {0.693147, 1.039721, 0.767528, 0.601986};

    static double[][] logs(double[][] p) {
        return Arrays.stream(p)
                .map(row -> Arrays.stream(row).map(Math::log).toArray())
                .toArray(double[][]::new);
    }

    static double[] pairwise(PrefixContrast contrast) {
        return contrast.compare(logs(VECTOR), VECTOR_NODES, VECTOR_PREFIXES, new double[4]).losses();
    }

    // ---- test vectors

    @Test
    void vectorOfThePointwiseLoss() {
        double[][] rows = new double[1][];
        List<Variable> given = new ArrayList<>();
        for (double p : VECTOR[0]) {
            rows[0] = new double[] {Math.log(p), Math.log(1 - p)};
            given.add(Batches.logits(memory, rows));
        }
        Targets one = Batches.targets(memory, 4, new int[] {0}, new int[] {0}, new int[][] {{0, 1}});
        double[] losses = result(pointwise(.3), given, one).prefixLosses();
        assertClose(losses, POINTWISE, 1e-6);
    }

    @Test
    void vectorsOfThePairwiseLoss() {
        assertClose(pairwise(PrefixContrast.PAPER),
                new double[] {0.336472, 0.940007, 0.720276, 0.578173}, 1e-6);
        assertClose(pairwise(new PrefixContrast(1, true, false, true)),
                new double[] {0.336472, 0.470004, 0.240092, 0.144543}, 1e-6);
        assertClose(pairwise(new PrefixContrast(1, true, true, false)),
                new double[] {1.029619, 2.785628, 2.807066, 2.674350}, 1e-6);
        assertClose(pairwise(PrefixContrast.CODE), new double[] {1.029619, 1.392814, 0.935689, 0.668587}, 1e-6);
        // Every negative counts but the one with the target's own prefix: .2, .05 and, deeper, all three.
        double repeated = pairwise(new PrefixContrast(1, false, false, false))[0];
        assertThat(repeated).isCloseTo(Math.log(1 + (.2 + .05) / .5), within(1e-6));
    }

    @Test
    void vectorsOfTheWeights() {
        var code = new PrefixWeights(PrefixWeights.Form.CODE, .5);
        double[] first = code.next(new double[0], POINTWISE);
        assertClose(first, new double[] {0.223424, 0.335136, 0.247400, 0.194040}, 1e-6);
        assertClose(code.next(first, POINTWISE), new double[] {0.219171, 0.347642, 0.245617, 0.187570}, 1e-6);
        var paper = new PrefixWeights(PrefixWeights.Form.PAPER, .5);
        assertClose(paper.next(new double[0], POINTWISE), new double[] {0.239089, 0.284326, 0.248148, 0.228436}, 1e-6);
    }

    // ---- statements

    @ParameterizedTest
    @EnumSource(Softmax.class)
    void t1WithoutPrefixLossesLossAndGradientsAreThoseOfCrossEntropyToTheBit(Softmax softmax) {
        float loss = run(new Batches.Under(new CrossEntropy(), softmax));
        float[][] gradients = gradients();
        assertThat(run(new Batches.Under(new ApaoPointwise(0, .1), softmax))).isEqualTo(loss);
        assertThat(gradients()).isDeepEqualTo(gradients);
        assertThat(run(new Batches.Under(new ApaoPairwise(0, .1, 5, 1), softmax))).isEqualTo(loss);
        assertThat(gradients()).isDeepEqualTo(gradients);
    }

    @Test
    void t2TheLastPrefixLossIsTheMeanOfTheCodesAndSoTheCrossEntropyWhichHasNoEndToken() {
        Objective.Result result = result(pointwise(.3), logits, targets);
        double mean = DoubleStream.of(result.nll()).sum() / ROWS / LEVELS;
        assertThat(result.prefixLosses()[LEVELS - 1]).isCloseTo(mean, TINY);
        assertThat((double) run(new Batches.Under(new CrossEntropy(), Softmax.LEVEL))).isCloseTo(mean, within(1e-5));
    }

    @Test
    void t3PrefixWeightsAreFallingWeightsOfCodesThatAddUpToOne() {
        double[] w = {.1, .2, .4, .3}, c = PrefixWeights.perCode(w);
        assertThat(Arrays.stream(c).sum()).isCloseTo(1, within(1e-12));
        for (int t = 1; t < c.length; t++) assertThat(c[t]).isLessThanOrEqualTo(c[t - 1]);
        assertClose(PrefixWeights.perCode(new double[] {.25, .25, .25, .25}),
                new double[] {0.520833, 0.270833, 0.145833, 0.0625}, 1e-6);
        Objective.Result result = result(pointwise(.3), logits, targets, w);
        double prefixes = 0, codes = 0, ce = DoubleStream.of(result.nll()).sum() / ROWS / LEVELS;
        for (int m = 0; m < LEVELS; m++) {
            prefixes += w[m] * result.prefixLosses()[m];
            codes += c[m] * result.nll()[m] / ROWS;
        }
        assertThat(prefixes).isCloseTo(codes, TINY);
        assertThat((double) run(pointwise(.3), w)).isCloseTo(ce + .3 * prefixes, within(1e-5));
    }

    @Test
    void t4ExponentiatedGradientIsTheMaximiser() {
        Key key = Key.of(4);
        for (int trial = 0; trial < 200; trial++) {
            Key k = key.fold(trial);
            double eta = .05 + 3 * k.uniform(0);
            double[] old = simplex(k.fold("old")), losses = positive(k.fold("losses"));
            double[] w = paper(eta, old, losses);
            double optimum = 0;
            for (int m = 0; m < LEVELS; m++) optimum += old[m] * Math.exp(eta * losses[m]);
            optimum = Math.log(optimum) / eta;
            assertThat(trustRegion(w, old, losses, eta)).isCloseTo(optimum, within(1e-9));
            for (int other = 0; other < 20; other++) { // nowhere else is it as large
                double[] v = simplex(k.fold("other").fold(other));
                assertThat(trustRegion(v, old, losses, eta)).isLessThan(optimum);
            }
            assertClose(paper(0, old, losses), old, 1e-12);
            double[] shifted = Arrays.stream(losses).map(l -> l + 7).toArray();
            assertClose(paper(eta, old, shifted), w, 1e-12);
            double[] scaled = Arrays.stream(losses).map(l -> l * 7).toArray();
            var code = new PrefixWeights(PrefixWeights.Form.CODE, eta);
            assertClose(code.next(old, scaled), code.next(old, losses), 1e-12);
            int worst = IntStream.range(0, LEVELS).reduce((a, b) -> losses[a] >= losses[b] ? a : b).getAsInt();
            assertThat(paper(1e6, old, losses)[worst]).isCloseTo(1, within(1e-9));
        }
    }

    @ParameterizedTest
    @EnumSource(PrefixWeights.Form.class)
    void t5WeightsStayAPositiveProbabilityVectorAndRestWhereLossesAreEqual(PrefixWeights.Form form) {
        var weights = new PrefixWeights(form, .5);
        double[] w = new double[0];
        for (int step = 0; step < 300; step++) {
            w = weights.next(w, positive(Key.of(5).fold(step)));
            assertThat(Arrays.stream(w).min().getAsDouble()).isPositive();
            assertThat(Arrays.stream(w).sum()).isCloseTo(1, within(1e-12));
        }
        assertClose(weights.next(w, new double[] {2, 2, 2, 2}), w, 1e-12);

        // Nor does a loss of nothing, or none at all, take a weight away for good.
        double infinity = Double.POSITIVE_INFINITY;
        for (double[] losses : new double[][] {
            {0, .5, .3, .2}, {0, 0, 0, 0}, {infinity, 1, 1, 1}, {Double.NaN, 1, 2, 3}, {5000, 1, 1, 1}
        }) {
            double[] first = weights.next(new double[0], losses), second = weights.next(first, losses);
            for (double[] v : List.of(first, second)) {
                assertThat(Arrays.stream(v).min().getAsDouble()).isPositive();
                assertThat(Arrays.stream(v).sum()).isCloseTo(1, within(1e-12));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = PrefixWeights.Form.class, names = {"PAPER", "CODE"})
    void t6TheLargerALossTheMoreItsWeightGrows(PrefixWeights.Form form) {
        for (int trial = 0; trial < 100; trial++) {
            double[] old = simplex(Key.of(6).fold(trial)), losses = positive(Key.of(7).fold(trial));
            double[] w = new PrefixWeights(form, .3).next(old, losses);
            for (int a = 0; a < LEVELS; a++) {
                for (int b = 0; b < LEVELS; b++) {
                    if (losses[a] > losses[b]) assertThat(w[a] / old[a]).isGreaterThan(w[b] / old[b]);
                }
            }
        }
    }

    @Test
    void t7TheTheoremAsStatedSaysNothing() {
        forRandomSearches(false, (search, k) -> {
            double[] losses = search.pairwiseAgainstAll();
            double bound = 1 - Arrays.stream(losses).map(Math::exp).sum();
            assertThat(bound).isLessThanOrEqualTo(1 - losses.length);
            assertThat(search.found() ? 1.0 : 0.0).isGreaterThanOrEqualTo(bound);
        });
    }

    @Test
    void t8WithAllOtherPrefixesAsNegativesTheLossesBoundTheSurvival() {
        double[] largest = {Double.NEGATIVE_INFINITY};
        forRandomSearches(false, (search, k) -> {
            double bound = 1 - Arrays.stream(search.pairwiseAgainstAll()).sum() / Math.log(1 + k);
            assertThat(search.found() ? 1.0 : 0.0).isGreaterThanOrEqualTo(bound - 1e-9);
            largest[0] = Math.max(largest[0], bound);
        });
        assertThat(largest[0]).as("the bound is not an empty one").isGreaterThan(.5);
    }

    @Test
    void t9WithAllOtherPrefixesAndANormalisedModelThePairwiseLossIsThePrefixNll() {
        forRandomSearches(true, (search, k) -> {
            double[] losses = search.pairwiseAgainstAll();
            double sum = 0;
            for (int m = 0; m < losses.length; m++) {
                sum += search.logProbs[search.trie.node(search.target, m + 1)];
                assertThat(losses[m]).isCloseTo(-sum, within(1e-9));
            }
        });
    }

    @Test
    void t10AmongTheKBestPrefixesAtEveryDepthIsEnoughToSurvive() {
        int[] sufficient = new int[2];
        forRandomSearches(false, (search, k) -> {
            boolean everywhere = true;
            for (int m = 1; m <= search.trie.levels(); m++) everywhere &= search.prefixRank(m) <= k;
            if (everywhere) assertThat(search.found()).isTrue();
            if (everywhere) sufficient[0]++;
            else if (search.found()) sufficient[1]++;
        });
        assertThat(sufficient[0]).isPositive();
        assertThat(sufficient[1]).as("it is not necessary").isPositive();
    }

    @Test
    void t11ANegativeWithTheTargetsPrefixCountsFromWhereItLeavesIt() {
        double[][] without = {VECTOR[0], VECTOR[1]}, with = {VECTOR[0], VECTOR[1], VECTOR[2]};
        int[][] nodesWithout = {VECTOR_NODES[0], VECTOR_NODES[1]};
        int[][] nodesWith = {VECTOR_NODES[0], VECTOR_NODES[1], VECTOR_NODES[2]};
        var contrast = PrefixContrast.PAPER;
        double[] uniform = {.25, .25, .25, .25};
        double[] a = contrast.compare(logs(without), nodesWithout, VECTOR_PREFIXES, uniform).losses();
        var both = contrast.compare(logs(with), nodesWith, VECTOR_PREFIXES, uniform);
        assertThat(both.losses()[0]).isEqualTo(a[0]);
        assertThat(both.losses()[1]).isGreaterThan(a[1]);
        var firstOnly = contrast.compare(logs(with), nodesWith, VECTOR_PREFIXES, new double[] {1, 0, 0, 0});
        assertThat(firstOnly.gradient()[2]).containsOnly(0);
        assertThat(both.gradient()[2][0]).isPositive();
    }

    @Test
    void t12KappaComesToOneForAllPrefixesButForTheTargetThatIsCounted() {
        for (int v : new int[] {4, 40, 4000}) {
            double[][] candidates = new double[v][1];
            int[][] nodes = new int[v][1];
            for (int j = 0; j < v; j++) {
                candidates[j][0] = Key.of(12).gaussian(j);
                nodes[j][0] = j;
            }
            double plain = PrefixContrast.PAPER
                    .compare(candidates, nodes, new int[] {v}, new double[1])
                    .losses()[0];
            double scaled = new PrefixContrast(1, true, true, false)
                    .compare(candidates, nodes, new int[] {v}, new double[1])
                    .losses()[0];
            // κ = (V-1) / n with n = V, not V-1
            assertThat(Math.expm1(scaled) / Math.expm1(plain)).isCloseTo((v - 1.0) / v, within(1e-9));
        }
    }

    // T13, a beam as wide as the catalogue, is in ExactScoringTest.

    // ---- gradients

    @ParameterizedTest
    @EnumSource(Softmax.class)
    void gradientOfThePointwiseLossEqualsCentralDifferences(Softmax softmax) {
        for (TargetObjective objective : List.of(
                new CrossEntropy(2), new ApaoPointwise(.4, .1, PrefixWeights.Form.PAPER, true, 1))) {
            var under = new Batches.Under(objective, softmax);
            double error = GradCheck.relativeError(
                    BACKEND,
                    tape -> under.loss(tape, logits, targets, .1, .2, .4, .3).loss(),
                    logits, 5e-3, Key.of(8));
            assertThat(error).as("%s", objective).isLessThan(1e-2);
        }
    }

    @Test
    void gradientOfThePairwiseLossEqualsCentralDifferences() {
        double[] w = {.1, .2, .4, .3};
        for (PrefixContrast contrast : List.of(
                PrefixContrast.PAPER, PrefixContrast.CODE, new PrefixContrast(1.7, false, false, true))) {
            double[][] at = logs(VECTOR);
            double[][] gradient = contrast.compare(at, VECTOR_NODES, VECTOR_PREFIXES, w).gradient();
            for (int j = 0; j < at.length; j++) {
                for (int t = 0; t < LEVELS; t++) {
                    double before = at[j][t], h = 1e-5;
                    at[j][t] = before + h;
                    double ahead = weighted(contrast, at, w);
                    at[j][t] = before - h;
                    double behind = weighted(contrast, at, w);
                    at[j][t] = before;
                    assertThat(gradient[j][t]).isCloseTo((ahead - behind) / (2 * h), within(1e-8));
                }
            }
        }
    }

    @Test
    void thePairwiseLossNeverOverflows() {
        double[][] far = {{-800, -800, -800, -800}, {-1, -1, -1, -1}, {-900, 0, 0, 0}, {-5, -5, -5, -5}};
        var value = PrefixContrast.CODE.compare(far, VECTOR_NODES, VECTOR_PREFIXES, new double[] {.25, .25, .25, .25});
        assertThat(value.losses()[0]).isCloseTo(799 + Math.log(4.5), within(1e-9));
        for (double[] row : value.gradient()) assertThat(Arrays.stream(row).allMatch(Double::isFinite)).isTrue();
    }

    // ---- what the tests are made of

    private static double weighted(PrefixContrast contrast, double[][] at, double[] w) {
        double[] losses = contrast.compare(at, VECTOR_NODES, VECTOR_PREFIXES, w).losses();
        return IntStream.range(0, LEVELS).mapToDouble(m -> w[m] * losses[m]).sum();
    }

    private static Batches.Under pointwise(double beta) {
        return new Batches.Under(
                new ApaoPointwise(beta, .1, PrefixWeights.Form.PAPER, true, 1), Softmax.LEVEL);
    }

    private Objective.Result result(Batches.Under objective, List<Variable> given, Targets of,
            double... prefixWeights) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            return objective.loss(tape, given, of, prefixWeights);
        }
    }

    /** The loss; the gradients are left in the logits. */
    private float run(Batches.Under objective, double... prefixWeights) {
        for (Variable v : logits) v.grad().data().fill((byte) 0);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            Variable loss = objective.loss(tape, logits, targets, prefixWeights).loss();
            tape.backward(loss);
            return loss.value().get(0);
        }
    }

    private float[][] gradients() {
        return logits.stream().map(v -> v.grad().toArray()).toArray(float[][]::new);
    }

    private static double[] paper(double eta, double[] old, double[] losses) {
        return new PrefixWeights(PrefixWeights.Form.PAPER, eta).next(old, losses);
    }

    /** Σ w L - KL(w ‖ old) / η. */
    private static double trustRegion(double[] w, double[] old, double[] losses, double eta) {
        double value = 0;
        for (int m = 0; m < w.length; m++) value += w[m] * losses[m] - w[m] * Math.log(w[m] / old[m]) / eta;
        return value;
    }

    private static double[] positive(Key key) {
        return IntStream.range(0, LEVELS).mapToDouble(m -> .1 + 4 * key.uniform(m)).toArray();
    }

    private static double[] simplex(Key key) {
        double[] v = positive(key);
        double sum = Arrays.stream(v).sum();
        return Arrays.stream(v).map(x -> x / sum).toArray();
    }

    static void assertClose(double[] actual, double[] expected, double tolerance) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("element %s", i).isCloseTo(expected[i], within(tolerance));
        }
    }

    interface Check {
        void of(RandomSearch search, int k);
    }

    /** Some hundred beam searches over small random catalogues, each with a random target. */
    static void forRandomSearches(boolean overChildren, Check check) {
        int users = 16;
        try (
                Arena memory = Arena.ofShared();
                var workspace = new Workspace()) {
            for (int trial = 0; trial < 40; trial++) {
                Key key = Key.of(99).fold(trial);
                CodeSpace space = TableModel.catalogue(key, new int[] {4, 3, 3}, 6 + key.below(1, 20), memory);
                var model = TableModel.random(space, users, .5 + 3 * key.uniform(0), key.fold("logits"));
                int k = 1 + key.below(2, 5);
                int[] numbers = IntStream.range(0, users).toArray();
                List<Search.Result> results;
                try (var tape = Tape.inference(BACKEND, workspace)) {
                    var config = SearchConfig.beam(k, overChildren ? Softmax.CHILDREN : Softmax.LEVEL);
                    results = new BeamSearch(model, config)
                            .search(tape, Query.of(Collections.nCopies(users, new int[0]), numbers), null);
                }
                for (int u = 0; u < users; u++) {
                    int target = key.fold("target").below(u, space.items());
                    check.of(
                            new RandomSearch(
                                    space.trie(), model.logProbabilities(u, overChildren), target, results.get(u)),
                            k);
                }
            }
        }
    }

    /**
     * One search.
     *
     * @param logProbs by node, of the code that leads to it
     */
    record RandomSearch(ItemTrie trie, double[] logProbs, int target, Search.Result result) {
        boolean found() {
            return Arrays.stream(result.items()).anyMatch(i -> i == target);
        }

        double score(int item, int depth) {
            return IntStream.rangeClosed(1, depth).mapToDouble(d -> logProbs[trie.node(item, d)]).sum();
        }

        /** Among all prefixes of this length. */
        int prefixRank(int depth) {
            double own = score(target, depth);
            return 1 + (int) IntStream.range(0, trie.itemCount())
                    .filter(i -> score(i, depth) > own)
                    .map(i -> trie.node(i, depth))
                    .distinct()
                    .count();
        }

        /** The losses of equation 14 with every other prefix as a negative. */
        double[] pairwiseAgainstAll() {
            int levels = trie.levels();
            List<double[]> candidates = new ArrayList<>();
            List<int[]> nodes = new ArrayList<>();
            IntStream others = IntStream.range(0, trie.itemCount()).filter(i -> i != target);
            IntStream.concat(IntStream.of(target), others).forEach(item -> {
                nodes.add(IntStream.rangeClosed(1, levels).map(d -> trie.node(item, d)).toArray());
                candidates.add(Arrays.stream(nodes.getLast()).mapToDouble(n -> logProbs[n]).toArray());
            });
            return PrefixContrast.PAPER
                    .compare(
                            candidates.toArray(double[][]::new),
                            nodes.toArray(int[][]::new),
                            PrefixContrast.prefixes(trie),
                            new double[levels])
                    .losses();
        }
    }
}
