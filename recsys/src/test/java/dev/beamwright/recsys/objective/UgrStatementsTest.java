package dev.beamwright.recsys.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.data.Cuts;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.ConfidenceOrder.Kind;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.tensor.Key;
import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What UGR says of rewards, weights and confidence, in plain numbers. */
class UgrStatementsTest {
    static final Offset<Double> TINY = within(1e-6);
    static final Reward UGR = Reward.UNCERTAINTY;

    static boolean[] correct(int n, int... right) {
        boolean[] c = new boolean[n];
        for (int i : right) c[i] = true;
        return c;
    }

    static double[] scores(Key key, int n) {
        double[] s = new double[n];
        for (int i = 0; i < n; i++) s[i] = -3 * key.uniform(i);
        Arrays.sort(s);
        for (int i = 0; i < n / 2; i++) {
            double t = s[i];
            s[i] = s[n - 1 - i];
            s[n - 1 - i] = t;
        }
        return s;
    }

    static double sum(double[] v) {
        return Arrays.stream(v).sum();
    }

    static void assertClose(double[] actual, double[] expected, double error) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) assertThat(actual[i]).isCloseTo(expected[i], within(error));
    }

    @Test
    void u1RewardsAddUpToTheNumberOfCorrectItemsLessOne() {
        for (int trial = 0; trial < 100; trial++) {
            double[] s = scores(Key.of(1).fold(trial), 16);
            double[] r = UGR.of(s, correct(16, trial % 16));
            assertThat(sum(r)).isCloseTo(0, within(1e-12));
            double std = Reward.deviation(r);
            double[] a = Reward.advantages(r);
            for (int i = 0; i < 16; i++) assertThat(a[i]).isCloseTo(r[i] / (std + 1e-4), within(1e-12));
            assertThat(sum(UGR.of(s, correct(16, 2, 7, 11)))).isCloseTo(2, within(1e-12));
        }
    }

    @Test
    void u2WithoutACorrectItemOrWithoutAWrongOneNothingIsLearnt() {
        double[] s = scores(Key.of(2), 5);
        for (Reward reward : Reward.values()) {
            assertThat(reward.of(s, correct(5))).containsOnly(0);
            assertThat(Reward.advantages(reward.of(s, correct(5)))).containsOnly(0);
            double[] all = reward.of(s, correct(5, 0, 1, 2, 3, 4));
            assertThat(all).containsOnly(1);
            assertThat(Reward.advantages(all)).containsOnly(0);
        }
        Kind[] none = {Kind.PARTIAL, Kind.WRONG};
        ConfidenceOrder.Value value = new ConfidenceOrder(1, 1, 1).of(new double[] {.3, .6}, none);
        assertThat(value.loss()).isZero();
        assertThat(value.gradient()).containsOnly(0);
    }

    @Test
    void u3WorkedExampleOfAGroupOfFour() {
        double[] r = UGR.of(new double[] {-1, -1.5, -2, -3}, correct(4, 1));
        assertClose(r, new double[] {-.665241, 1, -.244728, -.090031}, 1e-6);
        assertThat(Reward.deviation(r)).isCloseTo(.709587, TINY);
        assertClose(Reward.advantages(r), new double[] {-.937372, 1.409071, -.344840, -.126859}, 1e-6);
    }

    @Test
    void u4EqualScoresOfWrongItemsGiveTheAdvantagesOfABinaryReward() {
        double[] s = new double[16];
        Arrays.fill(s, -1.7);
        boolean[] right = correct(16, 5);
        double[] ugr = UGR.of(s, right), binary = Reward.BINARY.of(s, right);
        assertThat(Reward.deviation(ugr)).isCloseTo(.266667, TINY);
        assertThat(Reward.deviation(binary)).isCloseTo(.25, TINY);
        double[] a = Reward.advantages(ugr), b = Reward.advantages(binary);
        for (int i = 0; i < 16; i++) {
            assertThat(a[i]).isCloseTo(i == 5 ? 3.748594 : -.249906, TINY);
            assertThat(b[i]).isCloseTo(i == 5 ? 3.748501 : -.249900, TINY);
        }
        assertClose(Reward.UNIFORM.of(s, right), ugr, 1e-12);
        assertClose(Reward.UNIFORM.of(scores(Key.of(4), 16), right), ugr, 1e-12);
    }

    @Test
    void u5OneWrongItemWithAllTheMass() {
        double[] s = new double[16];
        Arrays.fill(s, -1000);
        s[0] = -1;
        double[] r = UGR.of(s, correct(16, 3)), a = Reward.advantages(r);
        assertThat(Reward.deviation(r)).isCloseTo(.365148, TINY);
        for (int i = 0; i < 16; i++) {
            assertThat(a[i]).isCloseTo(i == 3 ? 2.737863 : i == 0 ? -2.737863 : 0, TINY);
        }
    }

    @Test
    void u6AConstantChangesNothingASurerErrorNeverCostsLessAndOrderDoesNotMatter() {
        for (int trial = 0; trial < 100; trial++) {
            Key key = Key.of(6).fold(trial);
            double[] s = scores(key, 8);
            boolean[] right = correct(8, trial % 8);
            double[] r = UGR.of(s, right);
            assertClose(UGR.of(Arrays.stream(s).map(v -> v + 40).toArray(), right), r, 1e-9);
            for (int i = 0; i < 8; i++) {
                assertThat(r[i]).isBetween(-1.0, 1.0);
                for (int j = 0; j < 8; j++)
                    if (!right[i] && !right[j] && s[i] > s[j]) assertThat(r[i]).isLessThan(r[j]);
            }
            int[] p = key.fold("permutation").permutation(8);
            double[] moved = new double[8], expected = new double[8];
            boolean[] movedRight = new boolean[8];
            for (int i = 0; i < 8; i++) {
                moved[i] = s[p[i]];
                movedRight[i] = right[p[i]];
                expected[i] = r[p[i]];
            }
            assertClose(UGR.of(moved, movedRight), expected, 1e-12);
        }
    }

    @Test
    void u7RaisingOneErrorLowersTheCostOfTheOthers() {
        double[] s = {-1, -1.5, -2, -3, -3.5};
        boolean[] right = correct(5, 2);
        double[] before = UGR.of(s, right);
        s[3] = -1.2;
        double[] after = UGR.of(s, right);
        assertThat(after[3]).isLessThan(before[3]);
        for (int i : new int[] {0, 1, 4}) assertThat(after[i]).isGreaterThan(before[i]);
        assertThat(sum(after)).isCloseTo(sum(before), within(1e-12));
    }

    @Test
    void u8TheWeightByDifficultyRisesInAStraightLine() {
        for (double least : new double[] {0, .1, .3, 1}) {
            assertThat(Reward.difficulty(least, 0, 16)).isEqualTo(least);
            assertThat(Reward.difficulty(least, 15, 16)).isEqualTo(1);
            assertThat(Reward.difficulty(least, -1, 16)).isEqualTo(1);
            for (int k = 1; k < 15; k++) {
                double middle = Reward.difficulty(least, k, 16);
                assertThat(middle - Reward.difficulty(least, k - 1, 16)).isCloseTo((1 - least) / 15, within(1e-12));
            }
        }
    }

    @Test
    void u10ConfidenceIsASoftmaxOfTwo() {
        for (int trial = 0; trial < 100; trial++) {
            double no = Key.of(10).gaussian(2 * trial), yes = Key.of(10).gaussian(2 * trial + 1);
            double c = Confidence.value(no, yes);
            assertThat(c).isCloseTo(Math.exp(yes) / (Math.exp(yes) + Math.exp(no)), within(1e-12));
            assertThat(Confidence.value(no + 9, yes + 9)).isCloseTo(c, within(1e-12));
            assertThat(Confidence.value(yes, no) + c).isCloseTo(1, within(1e-12));
        }
        assertClose(Confidence.values(new float[] {0, 0, 1, 3}), new double[] {.5, 1 / (1 + Math.exp(-2))}, 1e-9);
    }

    @Test
    void u11TheConfidenceLossOfPairs() {
        assertThat(pair(.4, .4)).isCloseTo(.693147, TINY);
        assertThat(pair(0, 1)).isCloseTo(.313262, TINY);
        assertThat(pair(1, 0)).isCloseTo(1.313262, TINY);
        assertThat(pair(.5, .7)).isLessThan(pair(.5, .6)).isLessThan(pair(.6, .7));
        double[] c = {.6, .5, .7, .2};
        Kind[] kinds = {Kind.CORRECT, Kind.PARTIAL, Kind.WRONG, Kind.WRONG};
        assertThat(new ConfidenceOrder(1, 0, 0).of(c, kinds).loss()).isCloseTo(.644397, TINY);
        assertThat(new ConfidenceOrder(0, 1, 0).of(c, kinds).loss()).isCloseTo(.628706, TINY);
        assertThat(new ConfidenceOrder(.1, .5, 0).of(c, kinds).loss())
                .isCloseTo(.1 * .644397 + .5 * .628706, TINY);
        double third = (softplus(.7 - .5) + softplus(.2 - .5)) / 2;
        assertThat(new ConfidenceOrder(0, 0, 2).of(c, kinds).loss()).isCloseTo(2 * third, within(1e-12));
    }

    /** Of a wrong item against the correct one. */
    private static double pair(double wrong, double right) {
        Kind[] kinds = {Kind.WRONG, Kind.CORRECT};
        return new ConfidenceOrder(0, 1, 0).of(new double[] {wrong, right}, kinds).loss();
    }

    private static double softplus(double x) {
        return Math.log(1 + Math.exp(x));
    }

    @Test
    void theGradientsOfConfidenceAndPreferenceEqualCentralDifferences() {
        double[] c = {.6, .5, .7, .2, .35};
        Kind[] kinds = {Kind.WRONG, Kind.PARTIAL, Kind.CORRECT, Kind.WRONG, Kind.PARTIAL};
        var order = new ConfidenceOrder(.3, .5, .2);
        var preference = new Preference(.7);
        for (int i = 0; i < c.length; i++) {
            double[] up = c.clone(), down = c.clone();
            up[i] += 1e-5;
            down[i] -= 1e-5;
            assertThat(order.of(c, kinds).gradient()[i])
                    .isCloseTo((order.of(up, kinds).loss() - order.of(down, kinds).loss()) / 2e-5, within(1e-8));
            assertThat(preference.of(c).gradient()[i])
                    .isCloseTo((preference.of(up).loss() - preference.of(down).loss()) / 2e-5, within(1e-8));
        }
        // With one other item it is DPO: -log σ(β (d_0 - d_1)).
        assertThat(preference.of(new double[] {.4, -.3}).loss()).isCloseTo(softplus(-.7 * .7), within(1e-12));
    }

    @Test
    void u14EveryItemIsOneOfCorrectPartialAndWrong() {
        int[] target = {1, 2, 3};
        int[][] codes = {{1, 2, 3}, {1, 2, 4}, {1, 0, 3}, {2, 2, 3}, {0, 0, 0}};
        assertThat(ConfidenceOrder.kinds(codes, target))
                .containsExactly(Kind.CORRECT, Kind.PARTIAL, Kind.PARTIAL, Kind.WRONG, Kind.WRONG);
    }

    @ParameterizedTest
    @EnumSource(Reward.class)
    void everyRewardIsWorthOneIfCorrectAndNeverMoreThanOneInAll(Reward reward) {
        double[] s = scores(Key.of(8), 16), r = reward.of(s, correct(16, 4));
        assertThat(r[4]).isEqualTo(1);
        assertThat(sum(r)).isBetween(-1e-12, 1.0);
    }

    @Test
    void theRankingRewardFallsWithThePlace() {
        double[] r = Reward.RANKING.of(new double[4], correct(4, 1));
        double all = 1 + 1 / (Math.log(3) / Math.log(2)) + .5 + 1 / (Math.log(5) / Math.log(2));
        assertClose(r, new double[] {-1 / all, 1, -.5 / all, -Math.log(2) / Math.log(5) / all}, 1e-12);
    }

    @Test
    void u17ASplitByTimeTrainsOnThePastAndAPromptLooksBackTenItemsAtTheMost() {
        Key key = Key.of(17);
        int[][] sequences = new int[30][];
        long[][] times = new long[30][];
        for (int u = 0; u < 30; u++) {
            int n = 3 + key.fold(u).below(0, 25);
            sequences[u] = new int[n];
            times[u] = new long[n];
            for (int i = 0; i < n; i++) {
                sequences[u][i] = key.fold(u).fold("item").below(i, 50);
                times[u][i] = key.fold(u).fold("time").below(i, 10_000);
            }
            Arrays.sort(times[u]);
        }
        Cuts cuts = Cuts.byTime(times, .1, .1);
        long train = Long.MIN_VALUE, fromValidation = Long.MAX_VALUE, toValidation = 0, fromTest = Long.MAX_VALUE;
        for (int u = 0; u < 30; u++) {
            for (int i = 0; i < times[u].length; i++) {
                if (i < cuts.trainEnd()[u]) {
                    train = Math.max(train, times[u][i]);
                } else if (i < cuts.validationEnd()[u]) {
                    fromValidation = Math.min(fromValidation, times[u][i]);
                    toValidation = Math.max(toValidation, times[u][i]);
                } else {
                    fromTest = Math.min(fromTest, times[u][i]);
                }
            }
        }
        assertThat(train).isLessThanOrEqualTo(fromValidation);
        assertThat(toValidation).isLessThanOrEqualTo(fromTest);
        int[][] training = cuts.apply(sequences).train();
        for (Sample s : Samples.prefixes(training, 10)) {
            assertThat(s.from()).isBetween(1, 10).isEqualTo(s.items().length - 1);
            int[] sequence = training[s.user()];
            boolean found = false;
            for (int i = 1; i < sequence.length; i++) {
                found |= Arrays.equals(s.items(), Arrays.copyOfRange(sequence, Math.max(0, i - 10), i + 1));
            }
            assertThat(found).isTrue();
        }
    }
}
