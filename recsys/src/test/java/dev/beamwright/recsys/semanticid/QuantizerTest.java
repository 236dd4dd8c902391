package dev.beamwright.recsys.semanticid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizerTest {
    private static final Arena MEMORY = Arena.global();
    private static final Backend BACKEND = Backends.best();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void findsPlantedClusters(long seed) {
        int clusters = 12, each = 9;
        Tensor x = planted(clusters, each, seed, 0.1);
        KMeans found = KMeans.fit(x, clusters, BACKEND, Key.of(seed), MEMORY, Progress.silent(), "");
        int[] codes = found.codes().toIntArray();
        for (int c = 0; c < clusters; c++) {
            int[] members = Arrays.copyOfRange(codes, c * each, (c + 1) * each);
            assertThat(Arrays.stream(members).distinct()).as("cluster %d stays together", c).hasSize(1);
        }
        assertThat(Arrays.stream(codes).distinct().count()).as("clusters stay apart").isEqualTo(clusters);
    }

    @Test
    void aLargeInputIsClusteredByASample() {
        Tensor x = planted(2, 700, 5, 0.1); // more than 256 rows for each of two clusters
        int[] codes = KMeans.fit(x, 2, BACKEND, Key.of(1), MEMORY, Progress.silent(), "").codes().toIntArray();
        assertThat(Arrays.stream(codes, 0, 700).distinct()).hasSize(1);
        assertThat(Arrays.stream(codes, 700, 1400).distinct()).hasSize(1);
        assertThat(codes[0]).isNotEqualTo(codes[700]);
    }

    @Test
    void everyCodeIsUsedWhereThereAreEnoughDifferentRows() {
        Key key = Key.of(9);
        float[] values = new float[300];
        for (int i = 0; i < 300; i++) values[i] = (float) Math.exp(3 * key.gaussian(i)); // a few far from all others
        Tensor x = Tensor.of(MEMORY, Shape.of(300, 1), values);
        int[] codes = KMeans.fit(x, 64, BACKEND, key, MEMORY, Progress.silent(), "").codes().toIntArray();
        assertThat(Arrays.stream(codes).distinct().count()).isEqualTo(64);
    }

    @Test
    void fewerDifferentRowsThanCodes() {
        Tensor x = Tensor.of(MEMORY, Shape.of(5, 2), 1f, 1f, 2f, 2f, 1f, 1f, 2f, 2f, 1f, 1f);
        int[] codes = KMeans.fit(x, 8, BACKEND, Key.of(1), MEMORY, Progress.silent(), "").codes().toIntArray();
        assertThat(codes[2]).isEqualTo(codes[0]).isEqualTo(codes[4]).isNotEqualTo(codes[1]);
        assertThat(codes[3]).isEqualTo(codes[1]);
    }

    /** Each further level must lower what is left over, and the residual must be what the codes do not explain. */
    @Test
    void levelsGoFromCoarseToFine() {
        Tensor x = planted(16, 20, 4, 1.0);
        Quantized one = quantize(new ResidualKMeans(new int[] {16}), x), three =
                quantize(new ResidualKMeans(new int[] {16, 8, 4}), x);
        assertThat(IntStream.range(0, 320).map(i -> three.ids().codes()[i][0]))
                .containsExactlyElementsOf(IntStream.range(0, 320).mapToObj(i -> one.ids().codes()[i][0]).toList());
        assertThat(squares(three.lastInput())).isLessThan(0.8 * squares(x));
        for (int item : new int[] {0, 77, 319}) {
            assertThat(three.lastCodesByDistance(item)[0]).isEqualTo(three.ids().codes()[item][2]);
            assertThat(three.lastCodesByDistance(item)).containsExactlyInAnyOrder(0, 1, 2, 3);
        }
    }

    @Test
    void productLevelsCodeSlicesOfTheColumns() {
        // the first two columns know one grouping, the last two another
        float[] values = new float[8 * 4];
        for (int r = 0; r < 8; r++) {
            values[r * 4] = r % 2 * 5;
            values[r * 4 + 3] = r / 4 * 5;
        }
        SemanticIds ids =
                quantize(new ProductQuantizer(new int[] {2, 2}), Tensor.of(MEMORY, Shape.of(8, 4), values)).ids();
        for (int r = 0; r < 8; r++) {
            assertThat(ids.codes()[r][0] == ids.codes()[0][0]).isEqualTo(r % 2 == 0);
            assertThat(ids.codes()[r][1] == ids.codes()[0][1]).isEqualTo(r / 4 == 0);
        }
        assertThatThrownBy(
                () -> quantize(new ProductQuantizer(new int[] {2, 2, 2}), Tensor.zeros(MEMORY, Shape.of(3, 2))))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("at least 3 dimensions");
    }

    @Test
    void randomCodesUseTheWholeCodebook() {
        SemanticIds ids = quantize(new RandomCodes(new int[] {16, 3}), Tensor.zeros(MEMORY, Shape.of(500, 1))).ids();
        assertThat(Arrays.stream(ids.codes()).mapToInt(c -> c[0]).distinct().count()).isEqualTo(16);
        assertThat(Arrays.stream(ids.codes()).mapToInt(c -> c[1]).distinct().count()).isEqualTo(3);
    }

    @Test
    void theSameKeyGivesTheSameCodes() {
        Tensor x = planted(20, 10, 6, 2.0);
        for (Quantizer q : new Quantizer[] {
            new ResidualKMeans(new int[] {8, 8}), new ProductQuantizer(new int[] {8, 8}),
            new RandomCodes(new int[] {8, 8})
        }) {
            int[][] first = quantize(q, x).ids().codes();
            assertThat(quantize(q, x).ids().codes()).isDeepEqualTo(first);
            Quantized other = q.quantize(x, BACKEND, Key.of(99), MEMORY, Progress.silent());
            assertThat(Arrays.deepEquals(other.ids().codes(), first)).isFalse();
        }
    }

    private static Quantized quantize(Quantizer q, Tensor x) {
        return q.quantize(x, BACKEND, Key.of(7), MEMORY, Progress.silent());
    }

    /** Normal clouds around far-off random centres, one after the other. */
    private static Tensor planted(int clusters, int each, long seed, double spread) {
        int columns = 5;
        Key key = Key.of(seed).fold("planted");
        float[] values = new float[clusters * each * columns];
        for (int i = 0; i < values.length; i++) {
            int cluster = i / (each * columns);
            double centre = 10 * key.fold("centre").gaussian(cluster * columns + i % columns);
            values[i] = (float) (centre + spread * key.gaussian(i));
        }
        return Tensor.of(MEMORY, Shape.of(clusters * each, columns), values);
    }

    private static double squares(Tensor x) {
        double sum = 0;
        for (float v : x.toArray()) sum += v * v;
        return sum;
    }
}
