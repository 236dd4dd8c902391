package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.VL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
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
    private static final VectorShuffle<Float> R1 = swap(1), R2 = swap(2), R4 = swap(4);
    private static final VectorMask<Float> M1 = bit(1), M2 = bit(2), M4 = bit(4);

    private Transpose() {}

    private static VectorShuffle<Float> swap(int d) {
        return VectorShuffle.fromOp(T, i -> (i ^ d) & (SIDE - 1));
    }

    private static VectorMask<Float> bit(int d) {
        long bits = 0;
        for (int i = 0; i < SIDE; i++) if ((i & d) != 0) bits |= 1L << i;
        return VectorMask.fromLong(T, bits);
    }

    /** Writes the transpose of the block at {@code from}, rows {@code fromStride} bytes apart, to {@code to}. */
    static void block(long from, long fromStride, long to, long toStride) {
        if (SIDE == 8) block8(from, fromStride, to, toStride);
        else block4(from, fromStride, to, toStride);
    }

    /** What row x, whose number lacks the bit, holds after its exchange with row y. */
    private static FloatVector lower(FloatVector x, FloatVector y, VectorShuffle<Float> r, VectorMask<Float> m) {
        return x.blend(y.rearrange(r), m);
    }

    /** What row y holds after it. */
    private static FloatVector upper(FloatVector x, FloatVector y, VectorShuffle<Float> r, VectorMask<Float> m) {
        return x.rearrange(r).blend(y, m);
    }

    private static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(T, Lanes.ALL, address, Lanes.ORDER);
    }

    private static void store(long address, FloatVector v) {
        v.intoMemorySegment(Lanes.ALL, address, Lanes.ORDER);
    }

    private static void block8(long from, long fromStride, long to, long toStride) {
        FloatVector a0 = load(from);
        FloatVector a1 = load(from + fromStride);
        FloatVector a2 = load(from + 2 * fromStride);
        FloatVector a3 = load(from + 3 * fromStride);
        FloatVector a4 = load(from + 4 * fromStride);
        FloatVector a5 = load(from + 5 * fromStride);
        FloatVector a6 = load(from + 6 * fromStride);
        FloatVector a7 = load(from + 7 * fromStride);
        FloatVector b0 = lower(a0, a1, R1, M1), b1 = upper(a0, a1, R1, M1);
        FloatVector b2 = lower(a2, a3, R1, M1), b3 = upper(a2, a3, R1, M1);
        FloatVector b4 = lower(a4, a5, R1, M1), b5 = upper(a4, a5, R1, M1);
        FloatVector b6 = lower(a6, a7, R1, M1), b7 = upper(a6, a7, R1, M1);
        FloatVector c0 = lower(b0, b2, R2, M2), c2 = upper(b0, b2, R2, M2);
        FloatVector c1 = lower(b1, b3, R2, M2), c3 = upper(b1, b3, R2, M2);
        FloatVector c4 = lower(b4, b6, R2, M2), c6 = upper(b4, b6, R2, M2);
        FloatVector c5 = lower(b5, b7, R2, M2), c7 = upper(b5, b7, R2, M2);
        FloatVector d0 = lower(c0, c4, R4, M4), d4 = upper(c0, c4, R4, M4);
        FloatVector d1 = lower(c1, c5, R4, M4), d5 = upper(c1, c5, R4, M4);
        FloatVector d2 = lower(c2, c6, R4, M4), d6 = upper(c2, c6, R4, M4);
        FloatVector d3 = lower(c3, c7, R4, M4), d7 = upper(c3, c7, R4, M4);
        store(to, d0);
        store(to + toStride, d1);
        store(to + 2 * toStride, d2);
        store(to + 3 * toStride, d3);
        store(to + 4 * toStride, d4);
        store(to + 5 * toStride, d5);
        store(to + 6 * toStride, d6);
        store(to + 7 * toStride, d7);
    }

    private static void block4(long from, long fromStride, long to, long toStride) {
        FloatVector a0 = load(from);
        FloatVector a1 = load(from + fromStride);
        FloatVector a2 = load(from + 2 * fromStride);
        FloatVector a3 = load(from + 3 * fromStride);
        FloatVector b0 = lower(a0, a1, R1, M1), b1 = upper(a0, a1, R1, M1);
        FloatVector b2 = lower(a2, a3, R1, M1), b3 = upper(a2, a3, R1, M1);
        FloatVector c0 = lower(b0, b2, R2, M2), c2 = upper(b0, b2, R2, M2);
        FloatVector c1 = lower(b1, b3, R2, M2), c3 = upper(b1, b3, R2, M2);
        store(to, c0);
        store(to + toStride, c1);
        store(to + 2 * toStride, c2);
        store(to + 3 * toStride, c3);
    }
}
