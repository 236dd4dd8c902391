package dev.beamwright.recsys.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RepeatsTest {
    /** Few items, so that they come back; sequences of very different lengths. */
    private static int[][] sequences(int users, int items) {
        int[][] s = new int[users][];
        for (int u = 0; u < users; u++) {
            Key key = Key.of(5).fold(u);
            s[u] = new int[u % 7 == 0 ? u : u % 12];
            for (int i = 0; i < s[u].length; i++) s[u][i] = key.below(i, items);
        }
        return s;
    }

    private static String cell(int k, int m) {
        int pooled = 0;
        while (1 << pooled < k) pooled++;
        return pooled + " " + Math.min(m, 4);
    }

    /** Target by target, history by history, as the definition says. */
    @Test
    void ratesEqualTheirDefinition() {
        int[][] train = sequences(60, 9);
        Map<String, double[]> cells = new TreeMap<>();
        double[] all = new double[2];
        int targets = 0;
        for (int[] s : train) {
            for (int t = 1; t < s.length; t++) {
                targets++;
                Set<Integer> met = new HashSet<>();
                for (int k = 1; k <= t; k++) {
                    int item = s[t - k];
                    if (!met.add(item)) continue;
                    int m = (int) Arrays.stream(s, 0, t).filter(i -> i == item).count();
                    for (double[] cell : new double[][] {
                        all, cells.computeIfAbsent(cell(k, m), _ -> new double[2]),
                        cells.computeIfAbsent(cell(k, m).split(" ")[0], _ -> new double[2])
                    }) {
                        cell[0]++;
                        if (s[t] == item) cell[1]++;
                    }
                }
            }
        }
        Repeats found = Repeats.of(train);
        assertThat(found.targets()).isEqualTo(targets);
        assertThat(found.atRisk()).isEqualTo((long) all[0]);
        assertThat(found.returns()).isEqualTo((long) all[1]);
        for (int k = 1; k < 40; k++) {
            for (int m = 1; m < 7; m++) {
                double[] distance = cells.getOrDefault(cell(k, m).split(" ")[0], new double[2]);
                double[] own = cells.getOrDefault(cell(k, m), new double[2]);
                double rate = (distance[1] + 20 * all[1] / all[0]) / (distance[0] + 20);
                assertThat(found.rate(k, m)).isCloseTo((own[1] + 20 * rate) / (own[0] + 20), within(1e-12));
            }
        }
    }

    @Test
    void massesAreTheRatesOfLatestPlacesAndOccurrences() {
        Repeats repeats = Repeats.of(sequences(60, 9));
        Repeats.Masses masses = repeats.masses(new int[] {3, 1, 3, 2, 1, 3, 4});
        assertThat(masses.items()).containsExactly(4, 3, 1, 2);
        assertThat(masses.masses()).containsExactly(
                repeats.rate(1, 1), repeats.rate(2, 3), repeats.rate(3, 2), repeats.rate(4, 1));
        assertThat(masses.total()).isEqualTo(Arrays.stream(masses.masses()).sum());
        assertThat(repeats.masses(new int[0]).total()).isZero();
    }

    /** Where the next item is always the one before the last, nothing is left but a hundredth. */
    @Test
    void somethingIsLeftForUnseenItems() {
        int[] s = new int[4000];
        for (int i = 0; i < s.length; i++) s[i] = i % 2;
        Repeats repeats = Repeats.of(new int[][] {s});
        Repeats.Masses masses = repeats.masses(Arrays.copyOf(s, 100));
        assertThat(masses.total()).isEqualTo(.99);
        assertThat(masses.of(0)).isGreaterThan(.9);
        assertThat(masses.of(2)).isEqualTo(-1);
    }

    @Test
    void whereNobodyRepeatsAllRatesAreZero() {
        Repeats repeats = Repeats.of(new int[][] {{0, 1, 2}, {3}, {}, {2, 1, 4, 5, 6, 7}});
        assertThat(repeats.never()).isTrue();
        assertThat(repeats.targets()).isEqualTo(7);
        assertThat(repeats.masses(new int[] {1, 1, 2}).masses()).containsOnly(0);
    }
}
