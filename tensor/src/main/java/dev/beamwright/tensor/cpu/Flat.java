package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.IOTA;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.sigmoid;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Kernels that go once over flat memory. Each takes addresses and a number of elements: whole vectors first, then what
 * is left under a mask.
 */
final class Flat {
    /** Elements of one block, a multiple of 32 for the sake of dropout. */
    static final int BLOCK = 1 << 14;
    /** Below so many elements, waking another thread takes longer than the work. */
    private static final int ALONE = 1 << 16;

    private Flat() {}

    /** A kernel for {@code count} elements from {@code offset} bytes on. */
    interface Part {
        void run(long offset, int count);
    }

    /** Runs a kernel over n elements, in blocks if they are many. */
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

    static int whole(int n) {
        return F.loopBound(n);
    }

    static void fill(long y, float value, int n) {
        FloatVector v = FloatVector.broadcast(F, value);
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, v);
        if (i < n) store(y + 4L * i, v, rest(i, n));
    }

    static void accumulate(long y, float alpha, long x, int n) {
        FloatVector by = FloatVector.broadcast(F, alpha);
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, load(x + 4L * i).fma(by, load(y + 4L * i)));
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(y + 4L * i, load(x + 4L * i, m).fma(by, load(y + 4L * i, m)), m);
    }

    static void add(long y, long a, long b, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, load(a + 4L * i).add(load(b + 4L * i)));
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(y + 4L * i, load(a + 4L * i, m).add(load(b + 4L * i, m)), m);
    }

    static void multiply(long y, long a, long b, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, load(a + 4L * i).mul(load(b + 4L * i)));
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(y + 4L * i, load(a + 4L * i, m).mul(load(b + 4L * i, m)), m);
    }

    /** {@code y += a ⊙ b}. */
    static void multiplyAdd(long y, long a, long b, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, load(a + 4L * i).fma(load(b + 4L * i), load(y + 4L * i)));
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(y + 4L * i, load(a + 4L * i, m).fma(load(b + 4L * i, m), load(y + 4L * i, m)), m);
    }

    // ---- activations

    static void relu(long y, long x, int n) {
        FloatVector zero = FloatVector.zero(F);
        int i = 0;
        for (; i < whole(n); i += VL) store(y + 4L * i, Lanes.max(zero, load(x + 4L * i)));
        if (i < n) store(y + 4L * i, Lanes.max(zero, load(x + 4L * i, rest(i, n))), rest(i, n));
    }

    static void reluBackward(long dx, long dy, long y, int n) {
        FloatVector zero = FloatVector.zero(F);
        int i = 0;
        for (; i < whole(n); i += VL) {
            VectorMask<Float> on = load(y + 4L * i).compare(VectorOperators.GT, 0f);
            store(dx + 4L * i, load(dx + 4L * i).add(zero.blend(load(dy + 4L * i), on)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n), on = load(y + 4L * i, m).compare(VectorOperators.GT, 0f);
        store(dx + 4L * i, load(dx + 4L * i, m).add(zero.blend(load(dy + 4L * i, m), on)), m);
    }

    private static final float GELU = (float) Math.sqrt(2 / Math.PI), CUBIC = 0.044715f;

    /** x/2 · (1 + tanh u) is x · sigmoid(2u). */
    private static FloatVector geluGate(FloatVector x) {
        FloatVector u = x.mul(x).fma(FloatVector.broadcast(F, 2 * GELU * CUBIC), FloatVector.broadcast(F, 2 * GELU));
        return sigmoid(u.mul(x));
    }

    private static FloatVector geluSlope(FloatVector x) {
        FloatVector s = geluGate(x);
        FloatVector inner =
                x.mul(x).fma(FloatVector.broadcast(F, 6 * GELU * CUBIC), FloatVector.broadcast(F, 2 * GELU));
        return s.sub(s.mul(s)).mul(x).fma(inner, s);
    }

    static void gelu(long y, long x, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) {
            FloatVector v = load(x + 4L * i);
            store(y + 4L * i, v.mul(geluGate(v)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector v = load(x + 4L * i, m);
        store(y + 4L * i, v.mul(geluGate(v)), m);
    }

    static void geluBackward(long dx, long dy, long x, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) {
            store(dx + 4L * i, load(dy + 4L * i).fma(geluSlope(load(x + 4L * i)), load(dx + 4L * i)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(dx + 4L * i, load(dy + 4L * i, m).fma(geluSlope(load(x + 4L * i, m)), load(dx + 4L * i, m)), m);
    }

    /** One row; the gate's columns stand before those it gates. */
    static void swiGlu(long y, long gate, long up, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) {
            FloatVector g = load(gate + 4L * i);
            store(y + 4L * i, g.mul(sigmoid(g)).mul(load(up + 4L * i)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector g = load(gate + 4L * i, m);
        store(y + 4L * i, g.mul(sigmoid(g)).mul(load(up + 4L * i, m)), m);
    }

    static void swiGluBackward(long dgate, long dup, long dy, long gate, long up, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) {
            FloatVector g = load(gate + 4L * i), d = load(dy + 4L * i), s = sigmoid(g), silu = g.mul(s);
            FloatVector slope = silu.sub(silu.mul(s)).add(s);
            store(dgate + 4L * i, d.mul(load(up + 4L * i)).fma(slope, load(dgate + 4L * i)));
            store(dup + 4L * i, d.fma(silu, load(dup + 4L * i)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector g = load(gate + 4L * i, m), d = load(dy + 4L * i, m), s = sigmoid(g), silu = g.mul(s);
        FloatVector slope = silu.sub(silu.mul(s)).add(s);
        store(dgate + 4L * i, d.mul(load(up + 4L * i, m)).fma(slope, load(dgate + 4L * i, m)), m);
        store(dup + 4L * i, d.fma(silu, load(dup + 4L * i, m)), m);
    }

    // ---- dropout

    /** The numbers of 32 elements from {@code first} on, a multiple of 32: the low halves, then the high halves. */
    static IntVector dropoutBits(int seed, int first, int lane) {
        return Lanes.hash(IOTA.add(seed + (first >> 5 << 4) + lane));
    }

    /** {@code y = x · keep · scale} for n elements, the first of which has the number {@code first}. */
    static void dropout(long y, long x, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F);
        int i = 0;
        for (; i < (n & ~31); i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
                store(to, zero.blend(load(from).mul(scale), Lanes.lowKept(h, threshold)));
                store(to + 64, zero.blend(load(from + 64).mul(scale), Lanes.highKept(h, threshold)));
            }
        }
        for (int lane = 0; i < n && lane < 16; lane += VL) {
            IntVector h = dropoutBits(seed, first + i, lane);
            long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
            VectorMask<Float> low = rest(Math.min(n, i + lane), n), high = rest(Math.min(n, i + lane + 16), n);
            store(to, zero.blend(load(from, low).mul(scale), Lanes.lowKept(h, threshold)), low);
            store(to + 64, zero.blend(load(from + 64, high).mul(scale), Lanes.highKept(h, threshold)), high);
        }
    }

    /** {@code y += x · keep · scale}. */
    static void dropoutBackward(long y, long x, int first, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F), by = FloatVector.broadcast(F, scale);
        int i = 0;
        for (; i < (n & ~31); i += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = dropoutBits(seed, first + i, lane);
                long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
                store(to, zero.blend(by, Lanes.lowKept(h, threshold)).fma(load(from), load(to)));
                store(to + 64, zero.blend(by, Lanes.highKept(h, threshold)).fma(load(from + 64), load(to + 64)));
            }
        }
        for (int lane = 0; i < n && lane < 16; lane += VL) {
            IntVector h = dropoutBits(seed, first + i, lane);
            long from = x + 4L * (i + lane), to = y + 4L * (i + lane);
            VectorMask<Float> low = rest(Math.min(n, i + lane), n), high = rest(Math.min(n, i + lane + 16), n);
            FloatVector a = zero.blend(by, Lanes.lowKept(h, threshold)),
                    b = zero.blend(by, Lanes.highKept(h, threshold));
            store(to, a.fma(load(from, low), load(to, low)), low);
            store(to + 64, b.fma(load(from + 64, high), load(to + 64, high)), high);
        }
    }

    // ---- optimization

    private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());

    /** The sum of squares of one block. */
    static double squares(long x, int n) {
        DoubleVector low = DoubleVector.zero(D), high = low;
        int i = 0;
        for (; i < whole(n); i += VL) {
            FloatVector v = load(x + 4L * i);
            DoubleVector a = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
            DoubleVector b = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 1);
            low = a.fma(a, low);
            high = b.fma(b, high);
        }
        double[] lanes = low.add(high).toArray();
        double sum = 0;
        for (double lane : lanes) sum += lane;
        for (; i < n; i++) sum += (double) Lanes.get(x + 4L * i) * Lanes.get(x + 4L * i);
        return sum;
    }

    /** What a step of AdamW needs to know; see {@link dev.beamwright.tensor.Backend#adamW}. */
    record Adam(float rate, float c1, float c2, float scale, float beta1, float beta2, float eps, float decay) {}

    static void adamW(long parameter, long gradient, long m, long v, Adam s, int n) {
        int i = 0;
        for (; i < whole(n); i += VL) {
            long o = 4L * i;
            FloatVector g = load(gradient + o).mul(s.scale);
            FloatVector mean = mean(load(m + o), g, s), square = square(load(v + o), g, s);
            store(m + o, mean);
            store(v + o, square);
            store(parameter + o, step(load(parameter + o), mean, square, s));
            store(gradient + o, FloatVector.zero(F));
        }
        if (i == n) return;
        VectorMask<Float> mask = rest(i, n);
        long o = 4L * i;
        FloatVector g = load(gradient + o, mask).mul(s.scale);
        FloatVector mean = mean(load(m + o, mask), g, s), square = square(load(v + o, mask), g, s);
        store(m + o, mean, mask);
        store(v + o, square, mask);
        store(parameter + o, step(load(parameter + o, mask), mean, square, s), mask);
        store(gradient + o, FloatVector.zero(F), mask);
    }

    // a moment that decays undisturbed would end as a denormal and stay one; far above that it no longer matters

    private static FloatVector mean(FloatVector m, FloatVector g, Adam s) {
        m = m.mul(s.beta1).add(g.mul(1 - s.beta1));
        return FloatVector.zero(F).blend(m, m.abs().compare(VectorOperators.GT, 1e-30f));
    }

    private static FloatVector square(FloatVector v, FloatVector g, Adam s) {
        v = v.mul(s.beta2).add(g.mul(g).mul(1 - s.beta2));
        return FloatVector.zero(F).blend(v, v.compare(VectorOperators.GT, 1e-36f));
    }

    private static FloatVector step(FloatVector p, FloatVector m, FloatVector v, Adam s) {
        FloatVector d = m.mul(s.c1).div(v.mul(s.c2).sqrt().add(s.eps));
        return p.sub(p.mul(s.decay).add(d).mul(s.rate));
    }
}
