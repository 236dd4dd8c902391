package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tornado.kernel.TensorCores;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * The kernels for tensor cores without any: the threads of a block are threads of Java, and what the instructions do, as
 * NVIDIA's PTX manual describes {@code ldmatrix} and {@code mma.m16n8k16} and as TornadoVM lays the tiles out for them, is
 * done in loops. It says whether rows, columns and depth are the right ones; whether a GPU agrees it cannot say.
 */
class TensorCoresTest {
    /** One thread's view of its block. */
    private static final class Emulated extends KernelContext {
        private final Block block;
        private final int thread;
        private int allocated;

        Emulated(Block block, int thread, int groupX, int groupY) throws ReflectiveOperationException {
            this.block = block;
            this.thread = thread;
            set("localIdx", thread);
            set("groupIdx", groupX);
            set("groupIdy", groupY);
        }

        private void set(String name, int value) throws ReflectiveOperationException {
            var field = KernelContext.class.getField(name);
            field.setAccessible(true);
            field.set(this, value);
        }

        @Override
        public int[] allocateIntLocalArray(int size) {
            return block.local(allocated++, size);
        }

        @Override
        public void localBarrier() {
            block.await();
        }

        @Override
        public HalfFloat[] mmaLoadA(int[] tile, int depth, int byteOffset) {
            return block.fragment(tile, byteOffset);
        }

        @Override
        public HalfFloat[] mmaLoadB(int[] tile, int depth, int byteOffset) {
            return block.fragment(tile, byteOffset);
        }

        @Override
        public float[] mmaBF16(HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
            return multiply(a, b, c, true);
        }

        @Override
        public float[] mma(HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
            return multiply(a, b, c, false);
        }

        /** A lane has elements of the rows lane/4 and lane/4 + 8, of the columns 2 (lane mod 4) and the one beside it. */
        private float[] multiply(HalfFloat[] a, HalfFloat[] b, float[] c, boolean brain) {
            float[] d = c.clone();
            for (int i = 0; i < 4; i++) {
                int row = row(i), column = column(i);
                for (int k = 0; k < 16; k++) {
                    d[i] += block.element(a, row * 16 + k, brain) * block.element(b, k * 8 + column, brain);
                }
            }
            return d;
        }

        @Override
        public void mmaStore(float[] d, FloatArray c, int tileRow, int tileColumn, int columns) {
            for (int i = 0; i < 4; i++) c.set((tileRow + row(i)) * columns + tileColumn + column(i), d[i]);
        }

        private int row(int i) {
            return thread % 32 / 4 + i / 2 * 8;
        }

        private int column(int i) {
            return thread % 4 * 2 + i % 2;
        }
    }

    /** What the threads of a block share. */
    private static final class Block {
        private record Piece(int[] tile, int byteOffset) {}

        private final CyclicBarrier barrier = new CyclicBarrier(TensorCores.THREADS);
        private final List<int[]> arrays = new ArrayList<>();
        private final Map<HalfFloat[], Piece> fragments = new IdentityHashMap<>();

        synchronized int[] local(int number, int size) {
            while (arrays.size() <= number) arrays.add(new int[size]);
            return arrays.get(number);
        }

        synchronized HalfFloat[] fragment(int[] tile, int byteOffset) {
            var key = new HalfFloat[0];
            fragments.put(key, new Piece(tile, byteOffset));
            return key;
        }

        synchronized float element(HalfFloat[] fragment, int index, boolean brain) {
            Piece p = fragments.get(fragment);
            int two = p.tile[p.byteOffset / 4 + index / 2];
            short bits = (short) (index % 2 == 0 ? two : two >> 16);
            return brain ? BFloat16.bf16ToFloat(bits) : Float.float16ToFloat(bits);
        }

        void await() {
            try {
                barrier.await();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 0, 48", "0, 1, 32", "1, 0, 48", "1, 1, 48"})
    void productsOfSixteenBits(int ta, int tb, int part) throws Exception {
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
            int part) throws Exception {
        var block = new Block();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < TensorCores.THREADS; t++) {
            var context = new Emulated(block, t, x, y);
            int tiles = m / TensorCores.TILE;
            threads.add(Thread.ofVirtual().start(() -> {
                if (brain) TensorCores.brainProduct(context, c, a, b, m, n, k, ta, tb, part, tiles);
                else TensorCores.halfProduct(context, c, a, b, m, n, k, ta, tb, part, tiles);
            }));
        }
        for (Thread t : threads) t.join();
    }

    private static FloatArray numbers(int n, int step, int bound) {
        var all = new FloatArray(n);
        for (int i = 0; i < n; i++) all.set(i, (i * step % bound - bound / 2) / 100f);
        return all;
    }
}
