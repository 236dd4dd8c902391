package dev.beamwright.tensor.cpu;

import dev.beamwright.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * What all vector kernels share: the vector length, memory by address, and arithmetic whose bits do not depend on
 * whether it has been compiled.
 *
 * <p>Memory is addressed through one segment over everything, a constant to the compiler: a load is then one
 * instruction, whatever other kinds of segment a program uses. The price is that a wrong address is not caught, so
 * kernels take their sizes from tensors and nowhere else, and {@link #keep} their tensors alive to the end.
 */
final class Lanes {
    /** The vectors in use: the longest there are, or those of {@code -Dbeamwright.vector.bits=128|256|512}. */
    static final VectorSpecies<Float> F = Integer.getInteger("beamwright.vector.bits") == null
            ? FloatVector.SPECIES_PREFERRED
            : VectorSpecies.of(
                    float.class, VectorShape.forBitSize(Integer.getInteger("beamwright.vector.bits")));

    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());

    /** The class of such a vector. */
    private static final Class<? extends FloatVector> TYPE = F.vectorType().asSubclass(FloatVector.class);

    /** Lanes of a vector, 4, 8 or 16. */
    static final int VL = F.length();

    /** Bytes of a vector. */
    static final int VB = F.vectorByteSize();

    /** 0, 1, 2 … */
    static final IntVector IOTA = IntVector.zero(I).addIndex(1);

    /** All of memory. */
    static final MemorySegment ALL = everything();

    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final VectorShuffle<Float> SWAP1 = swap(1), SWAP2 = swap(2), SWAP4 = swap(4), SWAP8 = swap(8);

    private Lanes() {}

    @SuppressWarnings("restricted") // addresses come from tensors alone, see the class comment
    private static MemorySegment everything() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(F, i -> (i ^ distance) & (VL - 1));
    }

    // ---- memory

    /** Where a tensor's elements begin. Throws {@link IllegalStateException} if its memory was freed. */
    static long address(Tensor t) {
        if (!t.data().scope().isAlive()) throw new IllegalStateException("the memory of a tensor " + t + " was freed");
        return t.data().address();
    }

    /** Keeps tensors from being collected before this line, since an address alone does not. */
    static void keep(Object... tensors) {
        Reference.reachabilityFence(tensors);
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(F, ALL, address, ORDER);
    }

    static FloatVector load(long address, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(F, ALL, address, ORDER, mask);
    }

    static void store(long address, FloatVector v) {
        v.intoMemorySegment(ALL, address, ORDER);
    }

    static void store(long address, FloatVector v, VectorMask<Float> mask) {
        v.intoMemorySegment(ALL, address, ORDER, mask);
    }

    /** The mask of the lanes that are left from element {@code i} of {@code n} on. */
    static VectorMask<Float> rest(int i, int n) {
        return F.indexInRange(i, n);
    }

    static float get(long address) {
        return ALL.get(FLOAT, address);
    }

    static void set(long address, float value) {
        ALL.set(FLOAT, address, value);
    }

    static int getInt(long address) {
        return ALL.get(INT, address);
    }

    static void setInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    // ---- sums and maxima

    /**
     * The same vector, of a class that C2 knows. It forgets the class of a vector that goes round a loop, and unless the
     * profile helps it out, a method of that vector is called instead of inlined and every operand allocated. In a loop,
     * the other operand should be asked: {@code x.add(sum)}, not {@code sum.add(x)}.
     */
    private static FloatVector known(FloatVector v) {
        return TYPE.cast(v);
    }

    /** The sum of the lanes, by halves, always in this order ({@code reduceLanes(ADD)} may change its order). */
    static float sum(FloatVector v) {
        v = known(v);
        if (VL >= 16) v = v.add(v.rearrange(SWAP8));
        if (VL >= 8) v = v.add(v.rearrange(SWAP4));
        v = v.add(v.rearrange(SWAP2));
        v = v.add(v.rearrange(SWAP1));
        return v.lane(0);
    }

    /** The greatest lane; no order matters here. */
    static float max(FloatVector v) {
        return known(v).reduceLanes(VectorOperators.MAX);
    }

    /** The greater of two, two instructions; {@code FloatVector.max} must look after NaN and -0, which takes six. */
    static FloatVector max(FloatVector a, FloatVector b) {
        return known(a).blend(b, known(a).compare(VectorOperators.LT, b));
    }

    static float min(FloatVector v) {
        return known(v).reduceLanes(VectorOperators.MIN);
    }

    static FloatVector min(FloatVector a, FloatVector b) {
        return known(b).blend(a, known(a).compare(VectorOperators.LT, b));
    }

    // ---- functions

    private static final float LOG2_E = 1.44269504f;
    /** Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits. */
    private static final float ROUND = 12582912f;
    /** Natural logarithm of 2, in a part with few bits and what is left of it. */
    private static final float LN2_HIGH = -0.693359375f, LN2_LOW = 2.12194440e-4f;

    /**
     * e to the x, exactly 0 below -87 (a denormal would cost 150 cycles), with a relative error of less than 2e-7; the
     * polynomial is that of the Cephes library (Moshier, 1989). Above 88 it saturates.
     */
    static FloatVector exp(FloatVector x) {
        return expOfNegative(x.blend(88f, x.compare(VectorOperators.GT, 88f)));
    }

    /** As {@link #exp} for arguments that are known not to exceed 88. */
    static FloatVector expOfNegative(FloatVector x) {
        FloatVector t = x.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
        FloatVector n = t.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F, LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(F, LN2_LOW), r);
        FloatVector p = r.fma(FloatVector.broadcast(F, 1.9875691500e-4f), FloatVector.broadcast(F, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
        p = p.fma(r.mul(r), r).add(1f);
        // times 2ⁿ: n stands in the low bits of t, the exponent begins at bit 23
        IntVector power = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector e = p.reinterpretAsInts().add(power).reinterpretAsFloats();
        return e.blend(0f, x.compare(VectorOperators.LT, -87f)); // which keeps what is not a number
    }

    /** 1 / (1 + e⁻ˣ). */
    static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(F, 1f).div(exp(x.neg()).add(1f));
    }

    // ---- the counter of dropout

    /** {@link dev.beamwright.tensor.Dropout#hash}, lane by lane. */
    static IntVector hash(IntVector h) {
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16)).mul(0x7feb352d);
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 15)).mul(0x846ca68b);
        return h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16));
    }

    /** Which of the 16-bit numbers in the low halves reach the threshold. */
    static VectorMask<Float> lowKept(IntVector hash, int threshold) {
        return hash.lanewise(VectorOperators.AND, 0xffff)
                .compare(VectorOperators.GE, threshold)
                .cast(F);
    }

    /** Which of the 16-bit numbers in the high halves reach the threshold. */
    static VectorMask<Float> highKept(IntVector hash, int threshold) {
        return hash.lanewise(VectorOperators.LSHR, 16)
                .compare(VectorOperators.GE, threshold)
                .cast(F);
    }
}
