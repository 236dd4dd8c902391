package dev.beamwright.recsys.evaluate;

import dev.beamwright.tensor.Key;
import java.util.Arrays;
import org.apache.commons.statistics.inference.TTest;

/**
 * Whether two models differ on the same questions, by the differences of their values user by user. It tells how far other
 * users might change the picture, not other seeds.
 *
 * @param difference mean of the first less mean of the second
 * @param low end of its 95 % bootstrap interval
 * @param high end of it
 * @param tTest two-sided p of the paired t-test
 * @param bootstrap two-sided p of the bootstrap: twice the smaller share of draws in which the difference is not above,
 *     or not below, zero
 * @param questions how many
 */
public record PairedTest(
        double difference,
        double low,
        double high,
        double tTest,
        double bootstrap,
        int questions) {
    /** Compares the values of the same questions, which are about at least two users. */
    static PairedTest of(double[] first, double[] second, Users users, int resamples, Key key) {
        int n = users.count();
        double[] firsts = users.sums(first), seconds = users.sums(second);
        double[] differences = new double[n], means = new double[resamples];
        double sum = 0;
        for (int i = 0; i < n; i++) sum += differences[i] = firsts[i] - seconds[i];
        int notAbove = 1, notBelow = 1; // the data themselves count as a draw on either side
        for (int b = 0; b < resamples; b++) {
            Key draws = key.fold(b);
            int questions = 0;
            for (int i = 0; i < n; i++) {
                int u = draws.below(i, n);
                means[b] += differences[u];
                questions += users.questions()[u].length;
            }
            means[b] /= questions;
            if (means[b] <= 0) notAbove++;
            if (means[b] >= 0) notBelow++;
        }
        Arrays.sort(means);
        boolean constant = Arrays.stream(differences).allMatch(d -> d == differences[0]);
        double t = constant
                ? differences[0] == 0 ? 1 : 0
                : TTest.withDefaults().pairedTest(firsts, seconds).getPValue();
        return new PairedTest(
                sum / first.length,
                Metrics.percentile(means, 0.025),
                Metrics.percentile(means, 0.975),
                t,
                Math.min(1, 2.0 * Math.min(notAbove, notBelow) / (resamples + 1)),
                first.length);
    }
}
