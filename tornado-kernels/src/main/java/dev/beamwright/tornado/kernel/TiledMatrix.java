package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Matrix products in tiles: a block of 16 × 16 threads makes 64 × 64 elements, each thread 4 × 4 of them in registers,
 * from strips of 16 of the depth that the block brings into local memory.
 */
public final class TiledMatrix {
    private TiledMatrix() {}

    /** Rows and columns of a block's tile. */
    public static final int TILE = 64;
    /** Threads of a block in each direction. */
    public static final int THREADS = 16;

    private static final int DEPTH = 16;
    private static final int LINE = TILE + 4; // apart in memory, so that threads do not wait for the same bank

    /** Floats of local memory that a block uses. */
    public static final int LOCAL = 2 * DEPTH * LINE;

    /**
     * {@code c (+)= op(a) · op(b)} as {@link Matrix#product}; or, where the depth is cut into several parts, each part's
     * product into {@code c[part]}, to be added afterwards. The grid has {@link #THREADS} threads for each tile, and as
     * many tiles on top of each other as there are parts.
     *
     * @param part the depth of one part, a multiple of 16
     * @param tiles rows of tiles in one part
     */
    public static void product(
            KernelContext context,
            FloatArray c,
            FloatArray a,
            FloatArray b,
            int m,
            int n,
            int k,
            int ta,
            int tb,
            int add,
            int part,
            int tiles) {
        float[] as = context.allocateFloatLocalArray(DEPTH * LINE);
        float[] bs = context.allocateFloatLocalArray(DEPTH * LINE);
        int x = context.localIdx, y = context.localIdy, t = y * THREADS + x;
        int number = context.groupIdy / tiles, firstRow = context.groupIdy % tiles * TILE;
        int firstColumn = context.groupIdx * TILE;
        int from = number * part, to = from + part;
        if (to > k) to = k;
        float c00 = 0f, c01 = 0f, c02 = 0f, c03 = 0f, c10 = 0f, c11 = 0f, c12 = 0f, c13 = 0f;
        float c20 = 0f, c21 = 0f, c22 = 0f, c23 = 0f, c30 = 0f, c31 = 0f, c32 = 0f, c33 = 0f;
        for (int start = from; start < to; start += DEPTH) {
            for (int i = 0; i < 4; i++) {
                int e = i * THREADS * THREADS + t;
                // Neighbouring threads read neighbouring elements.
                int ad = ta == 1 ? e / TILE : e % DEPTH, ar = ta == 1 ? e % TILE : e / DEPTH;
                int row = firstRow + ar, depth = start + ad;
                float av = 0f;
                if (row < m && depth < to) {
                    if (ta == 1) {
                        av = a.get(depth * m + row);
                    } else {
                        av = a.get(row * k + depth);
                    }
                }
                as[ad * LINE + ar] = av;
                int bd = tb == 1 ? e % DEPTH : e / TILE, bc = tb == 1 ? e / DEPTH : e % TILE;
                int column = firstColumn + bc;
                depth = start + bd;
                float bv = 0f;
                if (column < n && depth < to) {
                    if (tb == 1) {
                        bv = b.get(column * k + depth);
                    } else {
                        bv = b.get(depth * n + column);
                    }
                }
                bs[bd * LINE + bc] = bv;
            }
            context.localBarrier();
            for (int d = 0; d < DEPTH; d++) {
                int at = d * LINE + y * 4, bt = d * LINE + x * 4;
                float a0 = as[at], a1 = as[at + 1], a2 = as[at + 2], a3 = as[at + 3];
                float b0 = bs[bt], b1 = bs[bt + 1], b2 = bs[bt + 2], b3 = bs[bt + 3];
                c00 += a0 * b0;
                c01 += a0 * b1;
                c02 += a0 * b2;
                c03 += a0 * b3;
                c10 += a1 * b0;
                c11 += a1 * b1;
                c12 += a1 * b2;
                c13 += a1 * b3;
                c20 += a2 * b0;
                c21 += a2 * b1;
                c22 += a2 * b2;
                c23 += a2 * b3;
                c30 += a3 * b0;
                c31 += a3 * b1;
                c32 += a3 * b2;
                c33 += a3 * b3;
            }
            context.localBarrier();
        }
        int row = firstRow + y * 4, column = firstColumn + x * 4, base = number * m * n;
        store(c, base, row, column, m, n, add, c00, c01, c02, c03);
        store(c, base, row + 1, column, m, n, add, c10, c11, c12, c13);
        store(c, base, row + 2, column, m, n, add, c20, c21, c22, c23);
        store(c, base, row + 3, column, m, n, add, c30, c31, c32, c33);
    }

    private static void store(
            FloatArray c,
            int base,
            int row,
            int column,
            int m,
            int n,
            int add,
            float v0,
            float v1,
            float v2,
            float v3) {
        if (row < m) {
            int at = base + row * n + column;
            put(c, at, column, n, add, v0);
            put(c, at + 1, column + 1, n, add, v1);
            put(c, at + 2, column + 2, n, add, v2);
            put(c, at + 3, column + 3, n, add, v3);
        }
    }

    private static void put(FloatArray c, int at, int column, int n, int add, float v) {
        if (column < n) {
            float before = add == 1 ? c.get(at) : 0f;
            c.set(at, before + v);
        }
    }
}
