package dev.beamwright.recsys.semanticid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RqVaeTest {
    static final Backend BACKEND = Backends.named("scalar");
    static final Arena MEMORY = Arena.global();
    static final int COARSE = 6, FINE = 4, EACH = 5, COLUMNS = 8;

    static RqVae.Settings settings(RqVae.Gradient gradient, boolean balanced) {
        return new RqVae.Settings(new int[] {32}, 6, 0.25, gradient, balanced, 150, 120, 1e-2);
    }

    /** Clouds of clouds: item i belongs to the coarse cluster i / 20 and within it to the fine one i / 5 % 4. */
    static Tensor planted() {
        Key key = Key.of(21);
        float[] x = new float[COARSE * FINE * EACH * COLUMNS];
        for (int i = 0; i < x.length; i++) {
            int item = i / COLUMNS, column = i % COLUMNS, coarse = item / (FINE * EACH), fine = item / EACH % FINE;
            x[i] = (float) (6 * key.fold("coarse").gaussian(coarse * COLUMNS + column)
                    + 1.5 * key.fold("fine").gaussian(fine * COLUMNS + column)
                    + 0.1 * key.gaussian(i));
        }
        return Tensor.of(MEMORY, Shape.of(COARSE * FINE * EACH, COLUMNS), x);
    }

    static SemanticIds ids(Quantizer quantizer, Tensor x) {
        return quantizer.quantize(x, BACKEND, Key.of(5), MEMORY, Progress.silent()).ids();
    }

    /** The share of the vectors' variance that is left within groups of items with the same ID. */
    static double unexplained(Tensor x, SemanticIds ids) {
        Map<Integer, double[]> sums = new HashMap<>();
        int items = ids.items();
        for (int i = 0; i < items; i++) {
            double[] sum = sums.computeIfAbsent(Arrays.hashCode(ids.codes()[i]), _ -> new double[COLUMNS + 1]);
            for (int c = 0; c < COLUMNS; c++) sum[c] += x.get((long) i * COLUMNS + c);
            sum[COLUMNS]++;
        }
        double[] mean = new double[COLUMNS];
        for (double[] sum : sums.values()) for (int c = 0; c < COLUMNS; c++) mean[c] += sum[c] / items;
        double within = 0, all = 0;
        for (int i = 0; i < items; i++) {
            double[] sum = sums.get(Arrays.hashCode(ids.codes()[i]));
            for (int c = 0; c < COLUMNS; c++) {
                double v = x.get((long) i * COLUMNS + c);
                within += (v - sum[c] / sum[COLUMNS]) * (v - sum[c] / sum[COLUMNS]);
                all += (v - mean[c]) * (v - mean[c]);
            }
        }
        return within / all;
    }

    /** How well one training goes depends on where it starts, so the middle one of five is judged. */
    @ParameterizedTest
    @EnumSource
    void findsPlantedClustersOfClusters(RqVae.Gradient gradient) {
        Tensor x = planted();
        int[] widths = {COARSE, FINE};
        Quantizer quantizer = new RqVae(widths, settings(gradient, false));
        double random = unexplained(x, ids(new RandomCodes(widths), x));
        assertThat(random).isGreaterThan(0.7);
        SemanticIds median = LongStream.range(1, 6)
                .mapToObj(seed -> quantizer.quantize(x, BACKEND, Key.of(seed), MEMORY, Progress.silent()).ids())
                .sorted(Comparator.comparingDouble(ids -> unexplained(x, ids)))
                .toList()
                .get(2);
        assertThat(unexplained(x, median)).isLessThan(0.1);
        for (int item = 0; item < median.items(); item++) {
            int first = item / EACH * EACH;
            assertThat(median.codes()[item][0]).as("item %s", item).isEqualTo(median.codes()[first][0]);
        }
        assertThat(ids(quantizer, x).codes()).isDeepEqualTo(ids(quantizer, x).codes());
    }

    @Test
    void theLastLevelCanBeSpreadEvenly() {
        Tensor x = planted();
        SemanticIds ids = ids(new RqVae(new int[] {3, 8}, settings(RqVae.Gradient.ROTATION, true)), x);
        int[] used = new int[8];
        for (int[] codes : ids.codes()) used[codes[1]]++;
        assertThat(Arrays.stream(used).max().orElseThrow()).isEqualTo(COARSE * FINE * EACH / 8);
    }

    @Test
    void residualKMeansCanSpreadEveryLevelEvenly() {
        Tensor x = planted();
        SemanticIds ids = ids(new ResidualKMeans(new int[] {7, 5}, true), x);
        for (int level = 0; level < 2; level++) {
            int[] used = new int[ids.widths()[level]];
            for (int[] codes : ids.codes()) used[codes[level]]++;
            assertThat(Arrays.stream(used).max().orElseThrow())
                    .isLessThanOrEqualTo((int) Math.ceil(120.0 / used.length));
        }
        assertThat(unexplained(x, ids)).isLessThan(0.5 * unexplained(x, ids(new RandomCodes(new int[] {7, 5}), x)));
    }

    @Test
    void anEvenAssignmentOfEvenCloudsIsTheNearest() {
        Tensor x = Tensor.of(MEMORY, Shape.of(6, 1), 0f, 1f, 10f, 11f, 20f, 21f);
        Tensor codebook = Tensor.of(MEMORY, Shape.of(3, 1), 20f, 0f, 10f);
        assertThat(Balanced.assign(x, codebook, BACKEND)).containsExactly(1, 1, 2, 2, 0, 0);
        Tensor crowded = Tensor.of(MEMORY, Shape.of(6, 1), 0f, 1f, 2f, 3f, 4f, 21f);
        assertThat(Balanced.assign(crowded, codebook, BACKEND)).containsExactly(1, 1, 2, 2, 0, 0);
    }

    /** The slices know nothing of each other's columns; a rotation lets both explain the same direction. */
    @Test
    void aRotationLowersTheErrorOfProductQuantisation() {
        Key key = Key.of(3);
        int rows = 200;
        float[] values = new float[rows * 4];
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < 4; i++) {
                double large = i < 2 ? 5 * key.fold("large").gaussian(2 * r + i) : 0; // all in the first slice
                values[r * 4 + i] = (float) (large + 0.1 * key.gaussian(4 * r + i));
            }
        }
        Tensor x = Tensor.of(MEMORY, Shape.of(rows, 4), values);
        int[] widths = {8, 8};
        double plain = within4(x, ids(new ProductQuantizer(widths), x));
        double rotated = within4(x, ids(new ProductQuantizer(widths, true), x));
        assertThat(rotated).isLessThan(0.8 * plain);
    }

    /** Squared distances from the mean of the items with the same ID. */
    private static double within4(Tensor x, SemanticIds ids) {
        Map<Integer, double[]> sums = new HashMap<>();
        for (int i = 0; i < ids.items(); i++) {
            double[] sum = sums.computeIfAbsent(Arrays.hashCode(ids.codes()[i]), _ -> new double[5]);
            for (int c = 0; c < 4; c++) sum[c] += x.get(i * 4L + c);
            sum[4]++;
        }
        double within = 0;
        for (int i = 0; i < ids.items(); i++) {
            double[] sum = sums.get(Arrays.hashCode(ids.codes()[i]));
            for (int c = 0; c < 4; c++) within += Math.pow(x.get(i * 4L + c) - sum[c] / sum[4], 2);
        }
        return within;
    }

    /** A turned gradient has the angle to z that the gradient had to y, and is longer by |y| / |z|. */
    @Test
    void theRotationTrickKeepsAnglesAndScalesLengths() {
        Key key = Key.of(8);
        int n = 5;
        float[][] v = new float[3][n];
        for (int k = 0; k < 3; k++) for (int i = 0; i < n; i++) v[k][i] = (float) key.fold(k).gaussian(i);
        Tensor z = Tensor.of(MEMORY, Shape.of(1, n), v[0]), y = Tensor.of(MEMORY, Shape.of(1, n), v[1]);
        Tensor dy = Tensor.of(MEMORY, Shape.of(1, n), v[2]), dz = Tensor.zeros(MEMORY, Shape.of(1, n));
        RqVae.turnBack(dz, dy, z, y);
        double stretch = length(v[1]) / length(v[0]);
        float[] turned = dz.toArray();
        assertThat(length(turned)).isCloseTo(stretch * length(v[2]), within(1e-5));
        assertThat(dot(turned, v[0]) / length(v[0]) / length(turned))
                .isCloseTo(dot(v[2], v[1]) / length(v[1]) / length(v[2]), within(1e-5));
        // Where z is y already, the gradient passes as it is.
        Tensor same = Tensor.zeros(MEMORY, Shape.of(1, n));
        RqVae.turnBack(same, dy, z, z);
        for (int i = 0; i < n; i++) assertThat(same.get(i)).isCloseTo(dy.get(i), within(1e-5f));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static double length(float[] a) {
        return Math.sqrt(dot(a, a));
    }
}
