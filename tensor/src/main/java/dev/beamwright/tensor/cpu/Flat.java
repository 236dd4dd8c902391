package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.IOTA;
import static dev.beamwright.tensor.cpu.Lanes.VB;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.sigmoid;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Kernels that go once over flat memory. Each takes the address of its output, those of up to three operands, and a
 * number of elements that fills whole vectors; {@link #each} and {@link #run} see to the rest.
 *
 * <p>What is written here in so few lines is so for the compiler's sake as well: C2 stops inlining vectors once it has
 * made 18,000 nodes, an access to native memory takes 500 to 1,000 of them and an exponential 7,000; what is not inlined
 * is allocated, and ten times as slow. So a kernel has one loop and no second one for the end, and is called through an
 * interface, by which C2 compiles it on its own.
 */
final class Flat {
    /** Elements of one block, a multiple of 32 for the sake of dropout. */
    static final int BLOCK = 1 << 14;
    /** Below so many elements, waking another thread takes longer than the work. */
    static final int ALONE = 1 << 16;

    private Flat() {}

    /** {@code y = f(a, b, c)} for n elements, a multiple of {@link Lanes#VL}; may also change its operands. */
    interface Kernel {
        void run(long y, long a, long b, long c, int n);
    }

    /** A kernel for {@code count} elements from {@code offset} bytes on. */
    interface Part {
        void run(long offset, int count);
    }

    /** Runs a part over n elements, in blocks if they are many. */
    static void each(long n, Part part) {
        if (n < ALONE || Parallel.available() == 1) {
            for (long from = 0; from < n; from += 1 << 30) part.run(4 * from, (int) Math.min(1 << 30, n - from));
            return;
        }
        Parallel.run((int) ((n + BLOCK - 1) / BLOCK), block -> {
            long from = (long) block * BLOCK;
            part.run(4 * from, (int) Math.min(BLOCK, n - from));
        });
    }

    /** Runs a kernel over n elements, in blocks if they are many; an address of 0 stands for no operand. */
    static void each(long n, Kernel kernel, long y, long a, long b, long c) {
        each(n, (offset, count) -> {
            run(count, kernel, y + offset, past(a, offset), past(b, offset), past(c, offset));
        });
    }

    /** Runs a kernel over n elements on this thread. The last few are copied to where they fill a vector, and back. */
    static void run(int n, Kernel kernel, long y, long a, long b, long c) {
        int whole = F.loopBound(n);
        if (whole > 0) kernel.run(y, a, b, c, whole);
        if (whole == n) return;
        long from = 4L * whole, place = Scratch.get().block(Scratch.ENDS, 4L * VL);
        int left = 4 * (n - whole);
        long[] operands = {y, a, b, c};
        for (int i = 0; i < 4; i++) if (operands[i] != 0) copy(place + i * VB, operands[i] + from, left);
        kernel.run(place, place + VB, place + 2 * VB, place + 3 * VB, VL);
        for (int i = 3; i >= 0; i--) if (operands[i] != 0) copy(operands[i] + from, place + i * VB, left);
    }

    private static long past(long operand, long offset) {
        return operand == 0 ? 0 : operand + offset;
    }

    private static void copy(long to, long from, int bytes) {
        MemorySegment.copy(Lanes.ALL, from, Lanes.ALL, to, bytes);
    }

    static void fill(long y, float value, int n) {
        run(n, (to, a, b, c, count) -> fillWhole(to, value, count), y, 0, 0, 0);
    }

    static void fillWhole(long y, float value, int n) {
        FloatVector v = FloatVector.broadcast(F, value);
        for (int i = 0; i < n; i += VL) store(y + 4L * i, v);
    }

    static void accumulate(long y, float alpha, long x, int n) {
        FloatVector by = FloatVector.broadcast(F, alpha);
        for (int i = 0; i < n; i += VL) store(y + 4L * i, load(x + 4L * i).fma(by, load(y + 4L * i)));
    }

    static void add(long y, long a, long b, long none, int n) {
        for (int i = 0; i < n; i += VL) store(y + 4L * i, load(a + 4L * i).add(load(b + 4L * i)));
    }

    static void multiply(long y, long a, long b, long none, int n) {
        for (int i = 0; i < n; i += VL) store(y + 4L * i, load(a + 4L * i).mul(load(b + 4L * i)));
    }

    /** {@code y += a ⊙ b}. */
    static void multiplyAdd(long y, long a, long b, long none, int n) {
        for (int i = 0; i < n; i += VL) store(y + 4L * i, load(a + 4L * i).fma(load(b + 4L * i), load(y + 4L * i)));
    }

    // ---- activations

    static void relu(long y, long x, long none, long nor, int n) {
        for (int i = 0; i < n; i += VL) {
            FloatVector v = load(x + 4L * i);
            store(y + 4L * i, v.blend(0f, v.compare(VectorOperators.LE, 0f)));
        }
    }

    static void reluBackward(long dx, long dy, long y, long none, int n) {
        FloatVector zero = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> on = load(y + 4L * i).compare(VectorOperators.GT, 0f);
            store(dx + 4L * i, load(dx + 4L * i).add(zero.blend(load(dy + 4L * i), on)));
        }
    }

    private static final float GELU = (float) Math.sqrt(2 / Math.PI), CUBIC = 0.044715f;

    /** x/2 · (1 + tanh u) is x · sigmoid(2u). */
    private static FloatVector geluGate(FloatVector x) {
        FloatVector u = x.mul(x).fma(FloatVector.broadcast(F, 2 * GELU * CUBIC), FloatVector.broadcast(F, 2 * GELU));
        return sigmoid(u.mul(x));
    }

    static void gelu(long y, long x, long none, long nor, int n) {
        for (int i = 0; i < n; i += VL) {
            FloatVector v = load(x + 4L * i);
            store(y + 4L * i, v.mul(geluGate(v)));
        }
    }

    static void geluBackward(long dx, long dy, long x, long none, int n) {
        FloatVector cubic = FloatVector.broadcast(F, 6 * GELU * CUBIC), linear = FloatVector.broadcast(F, 2 * GELU);
        for (int i = 0; i < n; i += VL) {
            FloatVector v = load(x + 4L * i), s = geluGate(v);
            FloatVector slope = s.sub(s.mul(s)).mul(v).fma(v.mul(v).fma(cubic, linear), s);
            store(dx + 4L * i, load(dy + 4L * i).fma(slope, load(dx + 4L * i)));
        }
    }

    /** {@code y = silu(gate) ⊙ up}. */
    static void swiGlu(long y, long gate, long up, long none, int n) {
        for (int i = 0; i < n; i += VL) {
            FloatVector g = load(gate + 4L * i);
            store(y + 4L * i, g.mul(sigmoid(g)).mul(load(up + 4L * i)));
        }
    }

    /** {@code dgate += dy ⊙ up ⊙ silu'(gate)}. */
    static void swiGluBackwardGate(long dgate, long dy, long gate, long up, int n) {
        for (int i = 0; i < n; i += VL) {
            FloatVector g = load(gate + 4L * i), s = sigmoid(g), silu = g.mul(s);
            FloatVector slope = silu.sub(silu.mul(s)).add(s).mul(load(up + 4L * i));
            store(dgate + 4L * i, slope.fma(load(dy + 4L * i), load(dgate + 4L * i)));
        }
    }

    /** {@code dup += dy ⊙ silu(gate)}. */
    static void swiGluBackwardUp(long dup, long dy, long gate, long none, int n) {
        for (int i = 0; i < n; i += VL) {
            FloatVector g = load(gate + 4L * i);
            store(dup + 4L * i, g.mul(sigmoid(g)).fma(load(dy + 4L * i), load(dup + 4L * i)));
        }
    }

    // ---- dropout

    /** The numbers of 32 elements from {@code first} on, a multiple of 32: the low halves, then the high halves. */
    static IntVector dropoutBits(int seed, int first, int lane) {
        return Lanes.hash(IOTA.add(seed + (first >> 5 << 4) + lane));
    }

    /** {@code y = x · keep · scale} for n elements, a multiple of 32, the first of which has the number {@code first}. */
    static void dropout(long y, long x, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F);
        for (int i = 0; i < n; i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
                store(to, zero.blend(load(from).mul(scale), Lanes.lowKept(h, threshold)));
                store(to + 64, zero.blend(load(from + 64).mul(scale), Lanes.highKept(h, threshold)));
            }
        }
    }

    /** {@code y = x + branch · keep · scale}. */
    static void addDropout(long y, long x, long branch, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F), by = FloatVector.broadcast(F, scale);
        for (int i = 0; i < n; i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long o = 4L * (i + lane);
                store(y + o, zero.blend(by, Lanes.lowKept(h, threshold)).fma(load(branch + o), load(x + o)));
                o += 64;
                store(y + o, zero.blend(by, Lanes.highKept(h, threshold)).fma(load(branch + o), load(x + o)));
            }
        }
    }

    /** {@code y = max(x, 0) · keep · scale}. */
    static void reluDropout(long y, long x, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F);
        for (int i = 0; i < n; i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
                FloatVector low = Lanes.max(zero, load(from)).mul(scale);
                FloatVector high = Lanes.max(zero, load(from + 64)).mul(scale);
                store(to, zero.blend(low, Lanes.lowKept(h, threshold)));
                store(to + 64, zero.blend(high, Lanes.highKept(h, threshold)));
            }
        }
    }

    /** {@code dx += scale · dy where y > 0}. */
    static void reluDropoutBackward(long dx, long dy, long y, float scale, int n) {
        FloatVector zero = FloatVector.zero(F), by = FloatVector.broadcast(F, scale);
        for (int i = 0; i < n; i += VL) {
            FloatVector factor = zero.blend(by, load(y + 4L * i).compare(VectorOperators.GT, 0f));
            store(dx + 4L * i, factor.fma(load(dy + 4L * i), load(dx + 4L * i)));
        }
    }

    /** {@code z = scale · x where y > 0, else 0}. */
    static void scaleWherePositive(long z, long x, long y, float scale, int n) {
        FloatVector zero = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> on = load(y + 4L * i).compare(VectorOperators.GT, 0f);
            store(z + 4L * i, zero.blend(load(x + 4L * i).mul(scale), on));
        }
    }

    /** {@code y += x · keep · scale}. */
    static void dropoutBackward(long y, long x, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F), by = FloatVector.broadcast(F, scale);
        for (int i = 0; i < n; i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
                store(to, zero.blend(by, Lanes.lowKept(h, threshold)).fma(load(from), load(to)));
                store(to + 64, zero.blend(by, Lanes.highKept(h, threshold)).fma(load(from + 64), load(to + 64)));
            }
        }
    }

    // ---- optimization

    private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
    /** As many floats as there are doubles in a vector, so that C2 widens them in one instruction. */
    private static final VectorSpecies<Float> HALF =
            VectorSpecies.of(float.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

    /** The sum of squares of one block. */
    static double squares(long x, int n) {
        DoubleVector squares = DoubleVector.zero(D);
        int i = 0;
        for (; i < HALF.loopBound(n); i += HALF.length()) {
            FloatVector v = FloatVector.fromMemorySegment(HALF, Lanes.ALL, x + 4L * i, Lanes.ORDER);
            DoubleVector d = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
            squares = d.fma(d, squares);
        }
        double sum = 0;
        for (double lane : squares.toArray()) sum += lane;
        for (; i < n; i++) sum += (double) Lanes.get(x + 4L * i) * Lanes.get(x + 4L * i);
        return sum;
    }

    /** What a step of AdamW needs to know; see {@link dev.beamwright.tensor.Backend#adamW}. */
    record Adam(float rate, float c1, float c2, float scale, float beta1, float beta2, float eps, float decay) {}

    static void adamW(long parameter, long gradient, long m, long v, Adam s, int n) {
        for (long o = 0; o < 4L * n; o += VB) {
            FloatVector g = load(gradient + o).mul(s.scale);
            FloatVector mean = mean(load(m + o), g, s), square = square(load(v + o), g, s);
            store(m + o, mean);
            store(v + o, square);
            store(parameter + o, step(load(parameter + o), mean, square, s));
            store(gradient + o, FloatVector.zero(F));
        }
    }

    // a moment that decays undisturbed would end as a denormal and stay one; far above that it no longer matters

    private static FloatVector mean(FloatVector m, FloatVector g, Adam s) {
        m = m.mul(s.beta1).add(g.mul(1 - s.beta1));
        return m.blend(0f, m.abs().compare(VectorOperators.LE, 1e-30f));
    }

    private static FloatVector square(FloatVector v, FloatVector g, Adam s) {
        v = v.mul(s.beta2).add(g.mul(g).mul(1 - s.beta2));
        return v.blend(0f, v.compare(VectorOperators.LE, 1e-36f));
    }

    private static FloatVector step(FloatVector p, FloatVector m, FloatVector v, Adam s) {
        FloatVector d = m.mul(s.c1).div(v.mul(s.c2).sqrt().add(s.eps));
        return p.sub(p.mul(s.decay).add(d).mul(s.rate));
    }
}
