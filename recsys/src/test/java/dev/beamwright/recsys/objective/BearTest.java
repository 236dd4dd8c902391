package dev.beamwright.recsys.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.TableModel;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the BEAR paper and its program say of the loss, and what follows from it. */
class BearTest {
    static final Backend BACKEND = Backends.named("scalar");
    static final double XI = 2.75, LAMBDA = .25;

    @AutoClose
    Arena memory = Arena.ofShared();

    /** Six codes that can follow, with known probabilities, and two that cannot, which are likelier than all others. */
    static final double[] PROBABILITIES = {.4, .25, .15, .10, .06, .04};
    static final int[][] CHILDREN = {{0, 1, 3, 4, 6, 7}, {5}};

    static double[] vector() {
        double[] row = {0, 0, 2, 0, 0, 3, 0, 0};
        for (int i = 0; i < 6; i++) row[CHILDREN[0][i]] = Math.log(PROBABILITIES[i]);
        return row;
    }

    private static Batches.Under bear(Softmax softmax, double lambda, double xi, int width, Bear.Form form,
            boolean detached) {
        return new Batches.Under(new Bear(lambda, xi, width, form, detached, 1), softmax);
    }

    /** One row of the specification's table. */
    @ParameterizedTest
    @CsvSource({
        "0, -0.980829, -0.887297, 0.588233, 1.147058, 1.053476, 0.916291",
        "2,         0, -0.693147, 0.5,      1.125,    1.045455, 1.897120",
        "5,  1.321756, -0.481431, 0.382101, 1.095525, 1.034736, 3.218876"
    })
    void vectorsOfTheMarginAndTheWeights(
            int target, double delta, double logSigmoid, double sigmoid, double codeWeight, double paperWeight,
            double ce) {
        Variable logits = Batches.logits(memory, vector());
        Targets targets = Batches.targets(memory, 1, new int[] {CHILDREN[0][target]}, new int[] {0}, CHILDREN);
        assertThat(margin(logits, targets, 3)[0]).isCloseTo((float) delta, within(1e-6f));
        assertThat(Bear.logSigmoid(delta / XI)).isCloseTo(logSigmoid, within(1e-6));
        assertThat(Bear.sigmoid(-delta / XI)).isCloseTo(sigmoid, within(1e-6));
        double p = PROBABILITIES[target];
        float[] gradient = gradient(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.PAPER, true), logits, targets);
        assertThat(gradient[CHILDREN[0][target]] / (p - 1)).isCloseTo(paperWeight, within(2e-6));
        // The program's weights are divided by their mean, so what is seen is their ratio to the first row's.
        Variable two = Batches.logits(memory, vector(), vector());
        Targets pair =
                Batches.targets(memory, 1, new int[] {CHILDREN[0][target], CHILDREN[0][0]}, new int[2], CHILDREN);
        float[] both = gradient(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.CODE, true), two, pair);
        double first = both[8 + CHILDREN[0][0]] / (PROBABILITIES[0] - 1);
        assertThat(both[CHILDREN[0][target]] / (p - 1) / first).isCloseTo(codeWeight / 1.147058, within(2e-6));
        assertThat(loss(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.PAPER, true), logits, targets))
                .isCloseTo(ce + LAMBDA * logSigmoid, within(2e-6));
        assertThat(loss(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.PAPER, false), logits, targets))
                .isCloseTo(ce + LAMBDA * logSigmoid, within(2e-6));
    }

    @Test
    void vectorOfTheProgramsLoss() {
        Variable logits = Batches.logits(memory, vector(), vector(), vector());
        Targets targets = Batches.targets(memory, 1, new int[] {0, 7, 5}, new int[] {0, 0, 1}, CHILDREN);
        assertThat(loss(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.CODE, true), logits, targets))
                .isCloseTo(2.041127, within(2e-6));
        assertThat(loss(bear(Softmax.CHILDREN, 0, XI, 3, Bear.Form.CODE, true), logits, targets))
                .isCloseTo(2.067583, within(2e-6));
        assertThat(loss(new Batches.Under(new CrossEntropy(), Softmax.CHILDREN), logits, targets))
                .isCloseTo(1.378389, within(2e-6));
        // u_1 / u_2 of the table, from the gradients
        float[] g = gradient(bear(Softmax.CHILDREN, LAMBDA, XI, 3, Bear.Form.CODE, true), logits, targets);
        double first = g[0] / (.4 - 1), second = g[8 + 7] / (.04 - 1);
        assertThat(first / second).isCloseTo(1.147058 / 1.095525, within(2e-6));
        assertThat(first + second).isCloseTo(1, within(2e-6));
    }

    // ---- statements

    private final Variable random = Batches.logits(memory, Key.of(21), 1, 5, 9).getFirst();
    private final int[] codes = {0, 3, 8, 2, 7}, nodes = {0, 0, 1, 0, 0};
    private final int[][] children = {{0, 2, 3, 5, 7}, {8}};
    private final Targets targets = Batches.targets(memory, 1, codes, nodes, children);

    @Test
    void b1WithoutLambdaThePaperFormIsMslAndTheProgramsItsMeanOverBranchingCodes() {
        double sft = loss(new Batches.Under(new CrossEntropy(), Softmax.LEVEL), random, targets);
        for (Bear.Form form : Bear.Form.values()) { // no code is forced over the level
            assertThat(loss(bear(Softmax.LEVEL, 0, XI, 2, form, true), random, targets)).isCloseTo(sft, within(1e-6));
        }
        double msl = loss(new Batches.Under(new CrossEntropy(), Softmax.CHILDREN), random, targets);
        assertThat(loss(bear(Softmax.CHILDREN, 0, XI, 2, Bear.Form.PAPER, true), random, targets))
                .isCloseTo(msl, within(1e-6));
        assertThat(loss(bear(Softmax.CHILDREN, 0, XI, 2, Bear.Form.CODE, true), random, targets))
                .isCloseTo(msl * 5 / 4, within(1e-6));
    }

    @ParameterizedTest
    @EnumSource(Softmax.class)
    void b2WithAConstantBetaThePaperFormsGradientIsAReweightedCrossEntropys(Softmax softmax) {
        double lambda = .7, xi = .9;
        int width = 2;
        float[] gradient = gradient(bear(softmax, lambda, xi, width, Bear.Form.PAPER, true), random, targets);
        for (int r = 0; r < 5; r++) {
            double[] z = row(r);
            double logBeta = logSoftmax(softmax, r, z)[best(softmax, r, z, width)]; // frozen
            for (int c = 0; c < z.length; c++) {
                double before = z[c], h = 1e-5;
                double[] values = new double[2];
                for (int side = 0; side < 2; side++) {
                    z[c] = before + (side == 0 ? h : -h);
                    double lp = logSoftmax(softmax, r, z)[codes[r]];
                    values[side] = -lp + lambda * Bear.logSigmoid((logBeta - lp) / xi);
                }
                z[c] = before;
                double numeric = (values[0] - values[1]) / (2 * h) / 5;
                assertThat(gradient[r * 9 + c]).isCloseTo((float) numeric, within(2e-6f));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Softmax.class)
    void b3OtherwiseTheBthCodeIsPushedDownToo(Softmax softmax) {
        double lambda = .7, xi = .9;
        int width = 2;
        float[] ce = gradient(new Batches.Under(new CrossEntropy(), softmax), random, targets);
        float[] all = gradient(bear(softmax, lambda, xi, width, Bear.Form.PAPER, false), random, targets);
        for (int r = 0; r < 5; r++) {
            double[] z = row(r);
            int rival = best(softmax, r, z, width);
            double push = lambda / xi * Bear.sigmoid(-(z[rival] - z[codes[r]]) / xi) / 5;
            for (int c = 0; c < 9; c++) {
                double extra = (c == rival ? push : 0) - (c == codes[r] ? push : 0);
                assertThat(all[r * 9 + c] - ce[r * 9 + c]).isCloseTo((float) extra, within(2e-6f));
            }
        }
        double error = GradCheck.relativeError(
                BACKEND,
                tape -> bear(softmax, lambda, xi, width, Bear.Form.PAPER, false)
                        .loss(tape, List.of(random), targets)
                        .loss(),
                List.of(random), 2e-3, Key.of(3));
        assertThat(error).isLessThan(1e-2);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-2.5, -.3, .4, 1.7})
    void b4TheSoftMarginsLimits(double delta) {
        assertThat(1e-4 * Bear.logSigmoid(delta / 1e-4)).isCloseTo(Math.min(0, delta), within(1e-3));
        double xi = 1e4;
        assertThat(Bear.logSigmoid(delta / xi)).isCloseTo(-Math.log(2) + delta / (2 * xi), within(1e-7));
    }

    @Test
    void b5ASurvivorsCodesAreAllAmongTheBLikeliestOfTheirSiblings() {
        int[] found = new int[2];
        ApaoTest.forRandomSearches(false, (search, b) -> {
            boolean local = localRankAtMost(search, b);
            if (search.found()) assertThat(local).isTrue();
            if (search.found()) found[0]++;
            else if (local) found[1]++;
        });
        assertThat(found[0]).isPositive();
        assertThat(found[1]).as("it is not enough").isPositive();
    }

    @Test
    void b6TheBestChildOfASecondParentCanStillBeLost() {
        var space = new CodeSpace(new int[] {2, 2}, new int[][] {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, memory);
        var model = TableModel.of(space, new double[] {.4, .6}, new double[] {.51, .49}, new double[] {.5, .5});
        assertThat(search(model, 2)).containsExactly(2, 3); // .30 and .30, against .204
        assertThat(search(model, 3)).containsExactly(2, 3, 0);
    }

    @Test
    void b7AmongTheBBestPrefixesAtEachDepthIsEnough() {
        int[] sufficient = new int[1];
        ApaoTest.forRandomSearches(true, (search, b) -> {
            if (!IntStream.rangeClosed(1, 3).allMatch(m -> search.prefixRank(m) <= b)) return;
            assertThat(search.found()).isTrue();
            sufficient[0]++;
        });
        assertThat(sufficient[0]).isPositive();
    }

    @Test
    void b8TheLikeliestItemIsLostBehindAnUnlikelyFirstCode() {
        // A .45, The .30, Bocchi .25; the item "Bocchi the Rock" has .23, all others less.
        int[][] items = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 0}, {2, 1}};
        var space = new CodeSpace(new int[] {3, 2}, items, memory);
        var model = TableModel.of(
                space, new double[] {.45, .30, .25}, new double[] {.5, .5}, new double[] {.5, .5},
                new double[] {.92, .08});
        assertThat(search(model, 2)).doesNotContain(4);
        assertThat(search(model, 3)).startsWith(4);
    }

    @Test
    void b9WhereAtMostBCodesCanFollowTheConditionHoldsOfItself() {
        for (int width : new int[] {5, 6, 50}) {
            for (float delta : margin(random, targets, width)) assertThat(delta).isLessThanOrEqualTo(0);
        }
        // β is then the smallest probability, so the weight lies between 1 + λ/2 and 1 + λ
        Targets one = Batches.targets(memory, 1, new int[] {3}, new int[] {0}, children);
        double[] z = row(1);
        double smallest = Arrays.stream(children[0]).mapToDouble(c -> z[c]).min().getAsDouble();
        assertThat(margin(Batches.logits(memory, z), one, 50)[0]).isCloseTo((float) (smallest - z[3]), within(1e-6f));
    }

    @Test
    void b10ForABeamOfOneTheMarginIsNeverBelowZero() {
        for (float delta : margin(random, targets, 1)) assertThat(delta).isGreaterThanOrEqualTo(0);
    }

    @Test
    void b11TheCrossEntropyOverChildrenIsTheSmallerOneAndBoundsTheNdcg() {
        var level = new Batches.Under(new CrossEntropy(), Softmax.LEVEL);
        var masked = new Batches.Under(new CrossEntropy(), Softmax.CHILDREN);
        for (int r = 0; r < 5; r++) {
            Variable row = Batches.logits(memory, row(r));
            Targets one = Batches.targets(memory, 1, new int[] {codes[r]}, new int[] {nodes[r]}, children);
            assertThat(loss(masked, row, one)).isLessThanOrEqualTo(loss(level, row, one));
        }
        ApaoTest.forRandomSearches(true, (search, b) -> {
            double nll = -search.score(search.target(), 3);
            int rank = 1 + (int) IntStream.range(0, search.trie().itemCount())
                    .filter(i -> search.score(i, 3) > -nll)
                    .count();
            double ndcg = Math.log(2) / Math.log(rank + 1);
            assertThat(-Math.log(ndcg)).isLessThanOrEqualTo(nll + 1e-12);
        });
    }

    @ParameterizedTest
    @EnumSource(Bear.Form.class)
    void b12AConstantOnAllLogitsAndTheOrderOfTheBatchChangeNothing(Bear.Form form) {
        for (Softmax softmax : Softmax.values()) {
            for (boolean detached : new boolean[] {true, false}) {
                changeNothing(bear(softmax, LAMBDA, XI, 2, form, detached));
            }
        }
    }

    /** Logits that a float holds exactly, so that nothing but the constant is added. */
    @ParameterizedTest
    @EnumSource(Bear.Form.class)
    void b12HoldsForAnyConstantAndTemperature(Bear.Form form) {
        double[][] logits = IntStream.range(0, 5)
                .mapToObj(r -> Arrays.stream(row(r)).map(v -> Math.rint(v * 64) / 64).toArray())
                .toArray(double[][]::new);
        for (float tau : new float[] {1, .25f, 4}) {
            var bear = new Batches.Under(new Bear(LAMBDA, XI, 2, form, true, tau), Softmax.CHILDREN);
            double expected = loss(bear, Batches.logits(memory, logits), targets);
            for (double constant : new double[] {1e4, -1e4}) {
                double[][] shifted = Arrays.stream(logits)
                        .map(row -> Arrays.stream(row).map(v -> v + constant).toArray())
                        .toArray(double[][]::new);
                assertThat(loss(bear, Batches.logits(memory, shifted), targets)).isCloseTo(expected, within(1e-6));
            }
        }
    }

    /** Where a level has one code there is nothing to choose, and it does not count in the program's form. */
    @Test
    void aLevelOfOneCodeIsForced() {
        double[] logs = Arrays.stream(PROBABILITIES).map(Math::log).toArray();
        List<Variable> logits = List.of(Batches.logits(memory, logs), Batches.logits(memory, new double[] {2}));
        Targets both = Batches.targets(memory, 2, new int[] {0}, new int[] {0}, new int[][] {{0}});
        Batches.Under bear = bear(Softmax.LEVEL, LAMBDA, XI, 3, Bear.Form.CODE, true);
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            assertThat(bear.loss(tape, logits, both).loss().value().get(0)).isCloseTo(.916291f,
                    within(1e-6f));
        }
    }

    private void changeNothing(Batches.Under bear) {
        double expected = loss(bear, random, targets);
        double[][] shifted = IntStream.range(0, 5)
                .mapToObj(r -> Arrays.stream(row(r)).map(v -> v + 3).toArray())
                .toArray(double[][]::new);
        assertThat(loss(bear, Batches.logits(memory, shifted), targets)).isCloseTo(expected, within(2e-6));
        int[] order = {4, 2, 0, 1, 3};
        double[][] permuted = Arrays.stream(order).mapToObj(this::row).toArray(double[][]::new);
        Targets other = Batches.targets(
                memory, 1, Arrays.stream(order).map(i -> codes[i]).toArray(),
                Arrays.stream(order).map(i -> nodes[i]).toArray(), children);
        assertThat(loss(bear, Batches.logits(memory, permuted), other)).isCloseTo(expected, within(2e-6));
    }

    @Test
    void b13ALikelierCodeLowersBothTerms() {
        for (int r : new int[] {0, 1, 3, 4}) {
            double[] z = row(r);
            double ce = Double.POSITIVE_INFINITY, regulariser = Double.POSITIVE_INFINITY, first = Double.NaN;
            for (int step = 0; step < 20; step++) {
                Variable row = Batches.logits(memory, z);
                Targets one = Batches.targets(memory, 1, new int[] {codes[r]}, new int[] {0}, children);
                double nll = loss(new Batches.Under(new CrossEntropy(), Softmax.CHILDREN), row, one);
                double reg = loss(bear(Softmax.CHILDREN, 1, XI, 2, Bear.Form.PAPER, false), row, one) - nll;
                assertThat(nll).isLessThan(ce);
                assertThat(reg).isLessThanOrEqualTo(regulariser + 1e-6); // equal while the code is itself the B-th
                ce = nll;
                regulariser = reg;
                first = step == 0 ? reg : first;
                z[codes[r]] += .3;
            }
            assertThat(regulariser).isLessThan(first - .1);
        }
    }

    // ---- what the tests are made of

    private static boolean localRankAtMost(ApaoTest.RandomSearch search, int b) {
        var trie = search.trie();
        for (int level = 0; level < trie.levels(); level++) {
            int parent = trie.node(search.target(), level), own = trie.node(search.target(), level + 1), rank = 1;
            for (int e = trie.firstEdge(parent); e < trie.firstEdge(parent) + trie.children(parent); e++) {
                if (search.logProbs()[trie.child(e)] > search.logProbs()[own]) rank++;
            }
            if (rank > b) return false;
        }
        return true;
    }

    private int[] search(TableModel model, int width) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            var config = SearchConfig.beam(width, Softmax.LEVEL);
            return new BeamSearch(model, config)
                    .search(tape, Query.of(List.of(new int[0]), new int[1]), null)
                    .getFirst()
                    .items();
        }
    }

    private double[] row(int r) {
        return IntStream.range(0, 9).mapToDouble(c -> random.value().get(r * 9L + c)).toArray();
    }

    private int[] seen(Softmax softmax, int r) {
        return softmax == Softmax.LEVEL ? IntStream.range(0, 9).toArray() : children[nodes[r]];
    }

    /** The column of the k-th largest value, or of the smallest where there are fewer. */
    private int best(Softmax softmax, int r, double[] z, int k) {
        int[] order = Arrays.stream(seen(softmax, r))
                .boxed()
                .sorted((a, b) -> Double.compare(z[b], z[a]))
                .mapToInt(i -> i)
                .toArray();
        return order[Math.min(k, order.length) - 1];
    }

    private double[] logSoftmax(Softmax softmax, int r, double[] z) {
        double sum = Arrays.stream(seen(softmax, r)).mapToDouble(c -> Math.exp(z[c])).sum();
        return Arrays.stream(z).map(v -> v - Math.log(sum)).toArray();
    }

    private float[] margin(Variable logits, Targets of, int width) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            return Ops.topMargin(tape, logits, of.codes().getFirst(), width, of.masks().getFirst())
                    .value()
                    .toArray();
        }
    }

    private double loss(Batches.Under objective, Variable logits, Targets of) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            return objective.loss(tape, List.of(logits), of).loss().value().get(0);
        }
    }

    private float[] gradient(Batches.Under objective, Variable logits, Targets of) {
        logits.grad().data().fill((byte) 0);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            tape.backward(objective.loss(tape, List.of(logits), of).loss());
            return logits.grad().toArray();
        }
    }
}
