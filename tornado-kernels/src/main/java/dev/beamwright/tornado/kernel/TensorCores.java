package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Matrix products on the tensor cores of NVIDIA's GPUs: operands are rounded to 16 bits when they are brought into local
 * memory, products are summed in single precision, and what lies in memory (parameters, activations, gradients) stays in
 * single precision. A block of four warps makes 64 × 64 elements, each warp 32 × 32 of them by instructions that multiply
 * 16 × 16 by 16 × 8 (PTX {@code mma.sync.m16n8k16}), from strips of 16 of the depth.
 *
 * <p>Rows and columns must be multiples of {@link #TILE}, the depth a multiple of 16. These kernels exist on CUDA alone;
 * as plain Java they compute nothing.
 */
public final class TensorCores {
    private TensorCores() {}

    /** Rows and columns of a block's tile. */
    public static final int TILE = 64;
    /** Threads of a block. */
    public static final int THREADS = 128;
    /** The depth of one strip. */
    public static final int DEPTH = 16;

    /** Ints of local memory that a block uses. */
    public static final int LOCAL = TILE * DEPTH;

    private static final int BAND = 16 * DEPTH * 2; // bytes of 16 rows of the left operand
    private static final int PANEL = 8 * DEPTH * 2; // bytes of 8 columns of the right operand

    private static int brains(float low, float high) {
        return (BFloat16.bf16FromFloat(low) & 0xFFFF) | (BFloat16.bf16FromFloat(high) & 0xFFFF) << 16;
    }

    private static int halves(float low, float high) {
        return (new HalfFloat(low).getHalfFloatValue() & 0xFFFF)
                | (new HalfFloat(high).getHalfFloatValue() & 0xFFFF) << 16;
    }

    /**
     * {@code c[part] = op(a) · op(b)} over one part of the depth, operands rounded to bfloat16; see
     * {@link TiledMatrix#product}. The grid has {@link #THREADS} threads for each tile across, and as many rows as there are
     * tiles on top of each other, in all parts.
     *
     * @param part the depth of one part, a multiple of 16
     * @param tiles rows of tiles in one part
     */
    public static void brainProduct(
            KernelContext context,
            FloatArray c,
            FloatArray a,
            FloatArray b,
            int m,
            int n,
            int k,
            int ta,
            int tb,
            int part,
            int tiles) {
        int[] as = context.allocateIntLocalArray(TILE * DEPTH / 2); // rows of 8 pairs
        int[] bs = context.allocateIntLocalArray(TILE * DEPTH / 2); // panels of 16 rows of 4 pairs
        int t = context.localIdx, warp = t / 32, up = warp / 2, left = warp % 2;
        int number = context.groupIdy / tiles, firstRow = context.groupIdy % tiles * TILE;
        int firstColumn = context.groupIdx * TILE;
        int from = number * part, to = from + part;
        if (to > k) to = k;
        float[] c00 = context.mmaFragment(0f), c01 = context.mmaFragment(0f);
        float[] c02 = context.mmaFragment(0f), c03 = context.mmaFragment(0f);
        float[] c10 = context.mmaFragment(0f), c11 = context.mmaFragment(0f);
        float[] c12 = context.mmaFragment(0f), c13 = context.mmaFragment(0f);
        for (int start = from; start < to; start += DEPTH) {
            for (int i = 0; i < 4; i++) {
                int e = i * THREADS + t;
                // Neighbouring threads read neighbouring elements.
                int row = ta == 1 ? e % TILE : e / 8, pair = ta == 1 ? e / TILE : e % 8;
                int at = ta == 1 ? (start + 2 * pair) * m + firstRow + row : (firstRow + row) * k + start + 2 * pair;
                as[row * 8 + pair] = brains(a.get(at), a.get(at + (ta == 1 ? m : 1)));
                int depth = tb == 1 ? e % DEPTH : e / 32, two = tb == 1 ? e / DEPTH : e % 32;
                int bt = tb == 1
                        ? (firstColumn + 2 * two) * k + start + depth
                        : (start + depth) * n + firstColumn + 2 * two;
                bs[two / 4 * 64 + depth * 4 + two % 4] = brains(b.get(bt), b.get(bt + (tb == 1 ? k : 1)));
            }
            context.localBarrier();
            HalfFloat[] a0 = context.mmaLoadA(as, DEPTH, up * 2 * BAND);
            HalfFloat[] a1 = context.mmaLoadA(as, DEPTH, (up * 2 + 1) * BAND);
            HalfFloat[] b0 = context.mmaLoadB(bs, DEPTH, left * 4 * PANEL);
            c00 = context.mmaBF16(a0, b0, c00, MMAShape.M16N8K16);
            c10 = context.mmaBF16(a1, b0, c10, MMAShape.M16N8K16);
            HalfFloat[] b1 = context.mmaLoadB(bs, DEPTH, (left * 4 + 1) * PANEL);
            c01 = context.mmaBF16(a0, b1, c01, MMAShape.M16N8K16);
            c11 = context.mmaBF16(a1, b1, c11, MMAShape.M16N8K16);
            HalfFloat[] b2 = context.mmaLoadB(bs, DEPTH, (left * 4 + 2) * PANEL);
            c02 = context.mmaBF16(a0, b2, c02, MMAShape.M16N8K16);
            c12 = context.mmaBF16(a1, b2, c12, MMAShape.M16N8K16);
            HalfFloat[] b3 = context.mmaLoadB(bs, DEPTH, (left * 4 + 3) * PANEL);
            c03 = context.mmaBF16(a0, b3, c03, MMAShape.M16N8K16);
            c13 = context.mmaBF16(a1, b3, c13, MMAShape.M16N8K16);
            context.localBarrier();
        }
        int row = number * m + firstRow + up * 32, column = firstColumn + left * 32;
        context.mmaStore(c00, c, row, column, n);
        context.mmaStore(c01, c, row, column + 8, n);
        context.mmaStore(c02, c, row, column + 16, n);
        context.mmaStore(c03, c, row, column + 24, n);
        context.mmaStore(c10, c, row + 16, column, n);
        context.mmaStore(c11, c, row + 16, column + 8, n);
        context.mmaStore(c12, c, row + 16, column + 16, n);
        context.mmaStore(c13, c, row + 16, column + 24, n);
    }

    /**
     * {@code c[part] = op(a) · op(b)} over one part of the depth, operands rounded to half precision; see
     * {@link TiledMatrix#product}. The grid has {@link #THREADS} threads for each tile across, and as many rows as there are
     * tiles on top of each other, in all parts.
     *
     * @param part the depth of one part, a multiple of 16
     * @param tiles rows of tiles in one part
     */
    public static void halfProduct(
            KernelContext context,
            FloatArray c,
            FloatArray a,
            FloatArray b,
            int m,
            int n,
            int k,
            int ta,
            int tb,
            int part,
            int tiles) {
        int[] as = context.allocateIntLocalArray(TILE * DEPTH / 2); // rows of 8 pairs
        int[] bs = context.allocateIntLocalArray(TILE * DEPTH / 2); // panels of 16 rows of 4 pairs
        int t = context.localIdx, warp = t / 32, up = warp / 2, left = warp % 2;
        int number = context.groupIdy / tiles, firstRow = context.groupIdy % tiles * TILE;
        int firstColumn = context.groupIdx * TILE;
        int from = number * part, to = from + part;
        if (to > k) to = k;
        float[] c00 = context.mmaFragment(0f), c01 = context.mmaFragment(0f);
        float[] c02 = context.mmaFragment(0f), c03 = context.mmaFragment(0f);
        float[] c10 = context.mmaFragment(0f), c11 = context.mmaFragment(0f);
        float[] c12 = context.mmaFragment(0f), c13 = context.mmaFragment(0f);
        for (int start = from; start < to; start += DEPTH) {
            for (int i = 0; i < 4; i++) {
                int e = i * THREADS + t;
                // Neighbouring threads read neighbouring elements.
                int row = ta == 1 ? e % TILE : e / 8, pair = ta == 1 ? e / TILE : e % 8;
                int at = ta == 1 ? (start + 2 * pair) * m + firstRow + row : (firstRow + row) * k + start + 2 * pair;
                as[row * 8 + pair] = halves(a.get(at), a.get(at + (ta == 1 ? m : 1)));
                int depth = tb == 1 ? e % DEPTH : e / 32, two = tb == 1 ? e / DEPTH : e % 32;
                int bt = tb == 1
                        ? (firstColumn + 2 * two) * k + start + depth
                        : (start + depth) * n + firstColumn + 2 * two;
                bs[two / 4 * 64 + depth * 4 + two % 4] = halves(b.get(bt), b.get(bt + (tb == 1 ? k : 1)));
            }
            context.localBarrier();
            HalfFloat[] a0 = context.mmaLoadA(as, DEPTH, up * 2 * BAND);
            HalfFloat[] a1 = context.mmaLoadA(as, DEPTH, (up * 2 + 1) * BAND);
            HalfFloat[] b0 = context.mmaLoadB(bs, DEPTH, left * 4 * PANEL);
            c00 = context.mma(a0, b0, c00, MMAShape.M16N8K16);
            c10 = context.mma(a1, b0, c10, MMAShape.M16N8K16);
            HalfFloat[] b1 = context.mmaLoadB(bs, DEPTH, (left * 4 + 1) * PANEL);
            c01 = context.mma(a0, b1, c01, MMAShape.M16N8K16);
            c11 = context.mma(a1, b1, c11, MMAShape.M16N8K16);
            HalfFloat[] b2 = context.mmaLoadB(bs, DEPTH, (left * 4 + 2) * PANEL);
            c02 = context.mma(a0, b2, c02, MMAShape.M16N8K16);
            c12 = context.mma(a1, b2, c12, MMAShape.M16N8K16);
            HalfFloat[] b3 = context.mmaLoadB(bs, DEPTH, (left * 4 + 3) * PANEL);
            c03 = context.mma(a0, b3, c03, MMAShape.M16N8K16);
            c13 = context.mma(a1, b3, c13, MMAShape.M16N8K16);
            context.localBarrier();
        }
        int row = number * m + firstRow + up * 32, column = firstColumn + left * 32;
        context.mmaStore(c00, c, row, column, n);
        context.mmaStore(c01, c, row, column + 8, n);
        context.mmaStore(c02, c, row, column + 16, n);
        context.mmaStore(c03, c, row, column + 24, n);
        context.mmaStore(c10, c, row + 16, column, n);
        context.mmaStore(c11, c, row + 16, column + 8, n);
        context.mmaStore(c12, c, row + 16, column + 16, n);
        context.mmaStore(c13, c, row + 16, column + 24, n);
    }
}
