package dev.beamwright.tensor.cpu;

import dev.beamwright.tensor.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The memory of one call on one thread: some arrays and some aligned native blocks, each under a number, which grow to
 * the largest that was ever asked for and live as long as the thread. What they hold is left over from earlier calls.
 *
 * <p>Each number belongs to one use, so that kernels can call one another; see the constants.
 */
final class Scratch {
    /** Arrays of {@link Gemm}: the packed left operand, a tile of results. */
    static final int GEMM_A = 0, GEMM_TILE = 1;
    /** Arrays of {@link Attention}. */
    static final int QUERIES = 2,
            OUTS = 3,
            SCORES = 4,
            GRADIENTS = 5,
            RESULTS = 6,
            MAXIMA = 7,
            ROW_SUMS = 8,
            BIAS = 9,
            DBIAS = 10,
            TILE = 11;
    /** What {@link Rows} keeps from pass to pass. */
    static final int KEPT_OF_ROWS = 12;

    /** Native blocks of {@link Gemm}: packed panels of one thread, of all threads, partial sums. */
    static final int GEMM_B = 0, GEMM_SHARED = 1, GEMM_PARTS = 2;
    /** Native blocks of {@link Attention}: panels of keys, values, queries and gradients. */
    static final int KEYS = 3, VALUES = 4, KEYS_T = 5, VALUES_T = 6, QUERY_PANELS = 7, OUT_PANELS = 8;
    /** Native blocks of sums over rows, of logits picked by a mask, of {@link Nearest}, of {@link Flat}. */
    static final int PARTIALS = 9, SUMS = 10, PICKED = 11, PRODUCTS = 12, ENDS = 13;
    /** Native blocks of {@link ChildLogits}: vectors of children, logits side by side, sums of vectors. */
    static final int CHILD_VECTORS = 14, CHILD_LOGITS = 15, CHILD_SUMS = 16;

    private static final ThreadLocal<Scratch> MINE = ThreadLocal.withInitial(Scratch::new);

    private final float[][] arrays = new float[13][0];
    private final MemorySegment[] blocks = new MemorySegment[17];

    private Scratch() {}

    /** That of this thread. */
    static Scratch get() {
        return MINE.get();
    }

    /** An array of at least that many floats. */
    float[] array(int number, int size) {
        float[] a = arrays[number];
        if (a.length < size) a = arrays[number] = new float[size + size / 4];
        return a;
    }

    /** The address of a block of at least that many floats, 64-byte aligned. */
    long block(int number, long size) {
        MemorySegment b = blocks[number];
        if (b == null || b.byteSize() < 4 * size) {
            b = blocks[number] = Arena.ofAuto().allocate(4 * (size + size / 4), Storage.ALIGNMENT);
        }
        return b.address();
    }
}
