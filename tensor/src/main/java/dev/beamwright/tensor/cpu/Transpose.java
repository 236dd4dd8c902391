package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.VL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Transposes square blocks in registers, by butterflies: at distance d, rows i and i ^ d exchange the lanes in which
 * they disagree with their place about the bit d. Blocks of 8 are as fast per element as blocks of 16, and small enough
 * for C2.
 */
final class Transpose {
    /** Rows and columns of a block, a divisor of {@link Lanes#VL}. */
    static final int SIDE = Math.min(VL, 8);

    private static final VectorSpecies<Float> T = SIDE == 8 ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;
    /** For each distance: from which lane of x and, counting on, of y the lanes of x are taken after the exchange. */
    private static final FloatVector X1 = lower(1), X2 = lower(2), X4 = lower(4);
    /** The same for y. */
    private static final FloatVector Y1 = upper(1), Y2 = upper(2), Y4 = upper(4);

    private Transpose() {}

    private static FloatVector lower(int d) {
        float[] from = new float[SIDE];
        for (int i = 0; i < SIDE; i++) from[i] = (i & d) == 0 ? i : SIDE + (i ^ d & SIDE - 1);
        return FloatVector.fromArray(T, from, 0);
    }

    private static FloatVector upper(int d) {
        float[] from = new float[SIDE];
        for (int i = 0; i < SIDE; i++) from[i] = (i & d) == 0 ? (i ^ d & SIDE - 1) : SIDE + i;
        return FloatVector.fromArray(T, from, 0);
    }

    /**
     * Writes the transpose of the block at {@code from}, rows {@code fromStride} bytes apart, to {@code to}. Where the
     * block has fewer rows than columns, the last one stands for those that are missing.
     */
    static void block(long from, long fromStride, int rows, long to, long toStride) {
        long last = from + (rows - 1) * fromStride;
        if (SIDE == 8) block8(from, fromStride, last, to, toStride);
        else block4(from, fromStride, last, to, toStride);
    }

    /** Writes {@link #SIDE} zeros. */
    static void clear(long to) {
        store(to, FloatVector.zero(T));
    }

    private static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(T, Lanes.ALL, address, Lanes.ORDER);
    }

    private static void store(long address, FloatVector v) {
        v.intoMemorySegment(Lanes.ALL, address, Lanes.ORDER);
    }

    private static void block8(long from, long fromStride, long last, long to, long toStride) {
        FloatVector a0 = load(from);
        FloatVector a1 = load(Math.min(from + fromStride, last));
        FloatVector a2 = load(Math.min(from + 2 * fromStride, last));
        FloatVector a3 = load(Math.min(from + 3 * fromStride, last));
        FloatVector a4 = load(Math.min(from + 4 * fromStride, last));
        FloatVector a5 = load(Math.min(from + 5 * fromStride, last));
        FloatVector a6 = load(Math.min(from + 6 * fromStride, last));
        FloatVector a7 = load(Math.min(from + 7 * fromStride, last));
        FloatVector b0 = X1.selectFrom(a0, a1), b1 = Y1.selectFrom(a0, a1);
        FloatVector b2 = X1.selectFrom(a2, a3), b3 = Y1.selectFrom(a2, a3);
        FloatVector b4 = X1.selectFrom(a4, a5), b5 = Y1.selectFrom(a4, a5);
        FloatVector b6 = X1.selectFrom(a6, a7), b7 = Y1.selectFrom(a6, a7);
        FloatVector c0 = X2.selectFrom(b0, b2), c2 = Y2.selectFrom(b0, b2);
        FloatVector c1 = X2.selectFrom(b1, b3), c3 = Y2.selectFrom(b1, b3);
        FloatVector c4 = X2.selectFrom(b4, b6), c6 = Y2.selectFrom(b4, b6);
        FloatVector c5 = X2.selectFrom(b5, b7), c7 = Y2.selectFrom(b5, b7);
        FloatVector d0 = X4.selectFrom(c0, c4), d4 = Y4.selectFrom(c0, c4);
        FloatVector d1 = X4.selectFrom(c1, c5), d5 = Y4.selectFrom(c1, c5);
        FloatVector d2 = X4.selectFrom(c2, c6), d6 = Y4.selectFrom(c2, c6);
        FloatVector d3 = X4.selectFrom(c3, c7), d7 = Y4.selectFrom(c3, c7);
        store(to, d0);
        store(to + toStride, d1);
        store(to + 2 * toStride, d2);
        store(to + 3 * toStride, d3);
        store(to + 4 * toStride, d4);
        store(to + 5 * toStride, d5);
        store(to + 6 * toStride, d6);
        store(to + 7 * toStride, d7);
    }

    private static void block4(long from, long fromStride, long last, long to, long toStride) {
        FloatVector a0 = load(from);
        FloatVector a1 = load(Math.min(from + fromStride, last));
        FloatVector a2 = load(Math.min(from + 2 * fromStride, last));
        FloatVector a3 = load(Math.min(from + 3 * fromStride, last));
        FloatVector b0 = X1.selectFrom(a0, a1), b1 = Y1.selectFrom(a0, a1);
        FloatVector b2 = X1.selectFrom(a2, a3), b3 = Y1.selectFrom(a2, a3);
        FloatVector c0 = X2.selectFrom(b0, b2), c2 = Y2.selectFrom(b0, b2);
        FloatVector c1 = X2.selectFrom(b1, b3), c3 = Y2.selectFrom(b1, b3);
        store(to, c0);
        store(to + toStride, c1);
        store(to + 2 * toStride, c2);
        store(to + 3 * toStride, c3);
    }
}
