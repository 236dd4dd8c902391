package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tornado.kernel.TensorCores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * The kernels for tensor cores without any: the threads of a block are threads of Java, and what the instructions do, as
 * NVIDIA's PTX manual describes {@code ldmatrix} and {@code mma.m16n8k16} and as TornadoVM lays the tiles out for them, is
 * done in loops. It says whether rows, columns and depth are the right ones; whether a GPU agrees it cannot say.
 */
class TensorCoresTest {
    @ParameterizedTest
    @CsvSource({"0, 0, 48", "0, 1, 32", "1, 0, 48", "1, 1, 48"})
    void productsOfSixteenBits(int ta, int tb, int part) {
        int m = 64, n = 128, k = 48, parts = Math.ceilDiv(k, part);
        FloatArray a = numbers(m * k, 37, 101), b = numbers(k * n, 53, 103);
        for (boolean brain : new boolean[] {true, false}) {
            var c = new FloatArray(parts * m * n);
            for (int x = 0; x < n / TensorCores.TILE; x++) {
                for (int y = 0; y < parts * m / TensorCores.TILE; y++)
                    block(brain, x, y, c, a, b, m, n, k, ta, tb, part);
            }
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    float expected = 0, actual = 0;
                    for (int d = 0; d < k; d++) {
                        expected += (ta == 1 ? a.get(d * m + i) : a.get(i * k + d))
                                * (tb == 1 ? b.get(j * k + d) : b.get(d * n + j));
                    }
                    for (int p = 0; p < parts; p++) actual += c.get(p * m * n + i * n + j);
                    assertThat(actual).as("%d, %d", i, j).isCloseTo(expected, within(brain ? 0.04f : 0.005f));
                }
            }
        }
    }

    private static void block(
            boolean brain, int x, int y, FloatArray c, FloatArray a, FloatArray b, int m, int n, int k, int ta, int tb,
            int part) {
        int tiles = m / TensorCores.TILE;
        EmulatedContext.run(TensorCores.THREADS, 1, x, y, context -> {
            if (brain) TensorCores.brainProduct(context, c, a, b, m, n, k, ta, tb, part, tiles);
            else TensorCores.halfProduct(context, c, a, b, m, n, k, ta, tb, part, tiles);
        });
    }

    private static FloatArray numbers(int n, int step, int bound) {
        var all = new FloatArray(n);
        for (int i = 0; i < n; i++) all.set(i, (i * step % bound - bound / 2) / 100f);
        return all;
    }
}
