package dev.beamwright.recsys.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tensor.Key;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What a confidence is worth. */
class ConfidenceReportTest {
    @Test
    void u15WithoutRejectionOrTruncationTheBaseMetricsRemain() {
        Key key = Key.of(3);
        double[][] values = new double[50][10];
        int[] target = new int[50];
        double ndcg = 0, hr10 = 0, hr1 = 0;
        for (int u = 0; u < 50; u++) {
            for (int i = 0; i < 10; i++) values[u][i] = key.fold(u).uniform(i);
            target[u] = key.fold("target").below(u, 20) - 10;
            if (target[u] < 0) continue;
            ndcg += Math.log(2) / Math.log(target[u] + 2);
            hr10++;
            hr1 += target[u] == 0 ? 1 : 0;
        }
        ConfidenceReport.Signal signal = ConfidenceReport.signal(values, target);
        ConfidenceReport.Rejection none = signal.rejection().getFirst();
        assertThat(none.rejected()).isZero();
        assertThat(none.ndcg10()).isCloseTo(ndcg / 50, within(1e-12));
        assertThat(none.hr10()).isCloseTo(hr10 / 50, within(1e-12));
        assertThat(none.hr1()).isCloseTo(hr1 / 50, within(1e-12));
        ConfidenceReport.Truncation all = signal.truncation().getFirst();
        assertThat(all.length()).isEqualTo(10);
        assertThat(all.recall()).isCloseTo(hr10 / 50, within(1e-12));
        assertThat(all.ndcg10()).isCloseTo(ndcg / 50, within(1e-12));
        assertThat(signal.risk()[19]).isCloseTo(1 - ndcg / 50, within(1e-12));
        for (int i = 1; i < 10; i++) {
            assertThat(signal.truncation().get(i).length()).isLessThan(signal.truncation().get(i - 1).length());
        }
    }

    @Test
    void aurocCountsPairsAndTiesByHalf() {
        double[] v = {.1, .4, .4, .8, .4, .9};
        boolean[] hit = {false, true, false, true, false, false};
        double pairs = 0;
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 6; j++) {
                if (hit[i] && !hit[j]) pairs += v[i] > v[j] ? 1 : v[i] == v[j] ? .5 : 0;
            }
        }
        assertThat(Sureness.auroc(v, hit)).isCloseTo(pairs / 8, within(1e-12));
        assertThat(Sureness.auroc(v, new boolean[6])).isNaN();
        assertThat(Sureness.within(new double[] {.5, .7, .5, .1}, 2)).isCloseTo(.5, within(1e-12));
    }

    @Test
    void riskFallsWithTheSurestAndTiesShareTheirMean() {
        double[] sure = {.9, .1, .5, .5}, gains = {1, 0, 1, 0};
        double[] means = Sureness.ofSurest(sure, gains);
        assertThat(means).containsExactly(1, .75, 2 / 3.0, .5);
        assertThat(Sureness.aurc(means)).isCloseTo(1 - (1 + .75 + 2 / 3.0 + .5) / 4, within(1e-12));
    }

    @Test
    void binsHaveEqualMassAndASureCoinIsCalibrated() {
        int n = 3000;
        double[] v = new double[n];
        boolean[] hit = new boolean[n];
        for (int i = 0; i < n; i++) {
            v[i] = Key.of(1).uniform(i);
            hit[i] = Key.of(2).uniform(i) < v[i];
        }
        Sureness.Bins bins = Sureness.bins(v, hit, 15);
        assertThat(bins.size()).hasSize(15).containsOnly(200);
        assertThat(bins.error()).isLessThan(.05);
        assertThat(Sureness.brier(v, hit)).isCloseTo(1 / 6.0, within(.02));
        double[] always = new double[n];
        Arrays.fill(always, 1);
        double rate = 0;
        for (boolean h : hit) rate += h ? 1.0 / n : 0;
        assertThat(Sureness.bins(always, hit, 15).error()).isCloseTo(1 - rate, within(1e-9));
    }
}
