package dev.beamwright.recsys.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaselineTest {
    private static final int[][] TRAIN = {{0, 1, 2, 1}, {0, 2, 1}, {0, 2}, {3}};

    private static double[] scores(String name, int... history) {
        double[] scores = {9, 9, 9, 9, 9}; // to be overwritten; item 4 never occurs
        Baseline.named(name).fit(TRAIN, 5).score(history, scores);
        return scores;
    }

    @Test
    void popularityCounts() {
        assertThat(scores("popularity", 2, 3)).containsExactly(3, 3, 3, 1, 0);
    }

    @Test
    void markovPutsFollowersByCountThenTheRestByPopularity() {
        // 0 was followed by 2 twice and by 1 once; the others by popularity, item 0 (met first) before 3 before 4
        double[] s = scores("markov", 3, 0);
        assertThat(s[2]).isGreaterThan(s[1]);
        assertThat(s[1]).isGreaterThanOrEqualTo(1);
        assertThat(s[0]).isLessThan(1).isGreaterThan(s[3]);
        assertThat(s[3]).isGreaterThan(s[4]);
        // 3 was followed by nothing: popularity alone, equal counts in the order of their first meeting
        assertThat(scores("markov", 0, 3)).isSortedAccordingTo((a, b) -> Double.compare(b, a));
    }

    @Test
    void markovDecayedByHand() {
        // pairs from 2: (2,1) at distance 1 in the first two users; from 0: 1 at 1 and 3 and at 2, 2 at 2, 1, 1
        double[] s = scores("markov-decayed", 0, 2);
        assertThat(s[1]).isCloseTo(2 + 0.5 * (1 + 1 / 3.0 + 1 / 2.0) + 3e-6, within(1e-12));
        assertThat(s[2]).isCloseTo(0.5 * (1 / 2.0 + 1 + 1) + 3e-6, within(1e-12));
        assertThat(s[4]).isZero();
    }

    @Test
    void itemKnnIsTheCosineOfUserSets() {
        // users: 0 in {a, b, c}, 1 in {a, b}, 2 in {a, b, c}, 3 in {d}; item 1 twice with user a counts once
        double[] s = scores("item-knn", 1, 1, 3);
        assertThat(s[0]).isCloseTo(2 / Math.sqrt(6), within(1e-12));
        assertThat(s[2]).isCloseTo(2 / Math.sqrt(6), within(1e-12));
        assertThat(s[1]).isZero();
        assertThat(s[4]).isZero();
    }

    /** A catalogue for which something in its square would be 300 GB. */
    @Test
    void itemKnnIsNotQuadraticInTheCatalogueAndCountsTheLatestItemsOfAUser() {
        int items = 200_000;
        int[] all = IntStream.range(0, items).toArray();
        int[][] train = {all, {7, items - 1}, {items - ItemKnn.MOST, 7}, {items - 1, items - ItemKnn.MOST}};
        double[] scores = new double[items];
        Scorer scorer = Baseline.named("item-knn").fit(train, items);
        scorer.score(new int[] {items - ItemKnn.MOST}, scores);
        // its users: 0, 2, 3; those of the last item: 0, 1, 3
        assertThat(scores[items - 1]).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(scores[items - ItemKnn.MOST + 1]).isCloseTo(1 / Math.sqrt(3), within(1e-12));
        assertThat(scores[items - 2]).isZero(); // as like as 998 others, and not among the first
        assertThat(scores[items - ItemKnn.MOST - 1]).isZero();
        scorer.score(new int[] {7}, scores); // its users: 1, 2; to the first it is too long ago
        assertThat(IntStream.range(0, items).filter(i -> scores[i] > 0)).containsExactly(items - ItemKnn.MOST,
                items - 1);
        assertThat(scores[items - 1]).isCloseTo(1 / Math.sqrt(6), within(1e-12));
    }

    @Test
    void emptyHistoriesAreAnswered() {
        for (Baseline b : Baseline.ALL) {
            double[] s = new double[5];
            b.fit(TRAIN, 5).score(new int[0], s);
            assertThat(s).doesNotContain(Double.NaN, Double.POSITIVE_INFINITY);
        }
    }

    /** The definition, written down once more in the plainest way, on real data. */
    @Test
    void markovDecayedEqualsItsDefinition(@TempDir Path folder) {
        RunFolder run = new RunFolder(folder);
        Prepare.run(PrepareConfig.bundled(), run, Progress.silent());
        Prepared p = Prepared.load(run);
        int items = p.data().items().size();
        Map<Integer, Map<Integer, Double>> count = new HashMap<>();
        double[] popularity = new double[items];
        for (int[] s : p.split().train()) {
            for (int i = 0; i < s.length; i++) {
                popularity[s[i]]++;
                for (int d = 1; d <= 3 && i + d < s.length; d++) {
                    count.computeIfAbsent(s[i], _ -> new HashMap<>()).merge(s[i + d], 1.0 / d, Double::sum);
                }
            }
        }
        Scorer scorer = Baseline.named("markov-decayed").fit(p.split().train(), items);
        double[] scores = new double[items];
        for (Case c : p.split().test().subList(0, 200)) {
            scorer.score(c.history(), scores);
            double[] expected = new double[items];
            for (int i = 0; i < items; i++) expected[i] = 1e-6 * popularity[i];
            double weight = 1;
            for (int k = 0; k < 3; k++, weight /= 2) {
                double w = weight;
                count.getOrDefault(c.history()[c.history().length - 1 - k], Map.of())
                        .forEach((item, n) -> expected[item] += w * n);
            }
            assertThat(scores).containsExactly(expected, within(1e-9));
        }
    }
}
