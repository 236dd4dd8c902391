package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.expOfNegative;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Kernels that need a whole row at a time: norms and softmaxes. Each takes the addresses of one row of n elements. */
final class Rows {
    /** Rows of one block in sums over rows. */
    static final int BLOCK = 256;

    private Rows() {}

    /** A kernel for the rows [from, to). */
    interface Part {
        void run(int from, int to);
    }

    /** Runs a kernel over rows of n elements, in blocks if they are many. */
    static void each(int rows, int n, Part part) {
        if ((long) rows * n < 1 << 16 || Parallel.available() == 1) {
            part.run(0, rows);
            return;
        }
        int height = Math.max(1, Flat.BLOCK / n);
        Parallel.run((rows + height - 1) / height, b -> part.run(b * height, Math.min(rows, (b + 1) * height)));
    }

    /** A kernel for the rows [from, to) that adds into sums of its own. */
    interface SummingPart {
        void run(int from, int to, long sums);
    }

    /**
     * Runs a kernel over rows, each block of {@link #BLOCK} rows with sums of its own, and adds those of all blocks, in
     * order, to what stands at {@code to}; where that is 0, nobody wants the sums.
     */
    static void summing(int rows, int n, int sums, long to, SummingPart part) {
        int blocks = (rows + BLOCK - 1) / BLOCK;
        long partial = Scratch.get().block(Scratch.PARTIALS, (long) blocks * sums);
        Flat.fill(partial, 0, Math.multiplyExact(blocks, sums));
        if ((long) rows * n < 1 << 16) {
            for (int b = 0; b < blocks; b++)
                part.run(b * BLOCK, Math.min(rows, (b + 1) * BLOCK), partial + 4L * b * sums);
        } else {
            Parallel.run(blocks, b -> part.run(b * BLOCK, Math.min(rows, (b + 1) * BLOCK), partial + 4L * b * sums));
        }
        if (to == 0) return;
        for (int b = 0; b < blocks; b++) Flat.add(to, to, partial + 4L * b * sums, sums);
    }

    // ---- norms

    private static float squares(long x, float minus, int n) {
        FloatVector a = FloatVector.zero(F), b = a, mu = FloatVector.broadcast(F, minus);
        int i = 0;
        for (; i + 2 * VL <= n; i += 2 * VL) {
            FloatVector u = load(x + 4L * i).sub(mu), v = load(x + 4L * (i + VL)).sub(mu);
            a = u.fma(u, a);
            b = v.fma(v, b);
        }
        for (; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector u = FloatVector.zero(F).blend(load(x + 4L * i, m).sub(mu), m);
            a = u.fma(u, a);
        }
        return Lanes.sum(a.add(b));
    }

    private static float sum(long x, int n) {
        FloatVector a = FloatVector.zero(F), b = a;
        int i = 0;
        for (; i + 2 * VL <= n; i += 2 * VL) {
            a = a.add(load(x + 4L * i));
            b = b.add(load(x + 4L * (i + VL)));
        }
        for (; i < n; i += VL) a = a.add(load(x + 4L * i, rest(i, n)));
        return Lanes.sum(a.add(b));
    }

    /** Returns 1/rms. */
    static float rmsNorm(long y, long x, long weight, float eps, int n) {
        float rstd = (float) (1 / Math.sqrt(squares(x, 0, n) / n + eps));
        int i = 0;
        for (; i < F.loopBound(n); i += VL) store(y + 4L * i, load(x + 4L * i).mul(rstd).mul(load(weight + 4L * i)));
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            store(y + 4L * i, load(x + 4L * i, m).mul(rstd).mul(load(weight + 4L * i, m)), m);
        }
        return rstd;
    }

    /** Adds to dweight and returns {@code Σ dy ⊙ weight ⊙ x̂}. */
    static float rmsNormSums(long dweight, long dy, long x, long weight, float rstd, int n) {
        FloatVector dot = FloatVector.zero(F);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector h = load(x + 4L * i).mul(rstd), d = load(dy + 4L * i);
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i)));
            dot = d.mul(load(weight + 4L * i)).fma(h, dot);
        }
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).mul(rstd), d = load(dy + 4L * i, m);
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i, m)), m);
            dot = d.mul(load(weight + 4L * i, m)).fma(h, dot);
        }
        return Lanes.sum(dot);
    }

    /** {@code dx += rstd · (dy ⊙ weight) - x · by}. */
    static void rmsNormBackward(long dx, long dy, long x, long weight, float rstd, float by, int n) {
        FloatVector minus = FloatVector.broadcast(F, -by);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector d = load(dy + 4L * i).mul(load(weight + 4L * i));
            store(dx + 4L * i, load(dx + 4L * i).add(load(x + 4L * i).fma(minus, d.mul(rstd))));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector d = load(dy + 4L * i, m).mul(load(weight + 4L * i, m));
        store(dx + 4L * i, load(dx + 4L * i, m).add(load(x + 4L * i, m).fma(minus, d.mul(rstd))), m);
    }

    static void layerNorm(long y, long mean, long rstd, long x, long weight, long bias, float eps, int n) {
        float mu = sum(x, n) / n, r = (float) (1 / Math.sqrt(squares(x, mu, n) / n + eps));
        Lanes.set(mean, mu);
        Lanes.set(rstd, r);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector h = load(x + 4L * i).sub(mu).mul(r);
            store(y + 4L * i, h.fma(load(weight + 4L * i), load(bias + 4L * i)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector h = load(x + 4L * i, m).sub(mu).mul(r);
        store(y + 4L * i, h.fma(load(weight + 4L * i, m), load(bias + 4L * i, m)), m);
    }

    /** One row's way back; adds to dweight (n) and behind it dbias (n), and unless dx is 0 to dx. */
    static void layerNormBackward(long dx, long dweight, long dy, long x, float mu, float rstd, long weight, int n) {
        long dbias = dweight + 4L * n;
        FloatVector sum = FloatVector.zero(F), dot = sum;
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector h = load(x + 4L * i).sub(mu).mul(rstd), d = load(dy + 4L * i), w = d.mul(load(weight + 4L * i));
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i)));
            store(dbias + 4L * i, d.add(load(dbias + 4L * i)));
            sum = sum.add(w);
            dot = w.fma(h, dot);
        }
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).sub(mu).mul(rstd), d = load(dy + 4L * i, m);
            FloatVector w = d.mul(load(weight + 4L * i, m));
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i, m)), m);
            store(dbias + 4L * i, d.add(load(dbias + 4L * i, m)), m);
            sum = sum.add(w);
            dot = w.fma(h, dot);
        }
        if (dx != 0) layerNormSlope(dx, dy, x, mu, rstd, weight, Lanes.sum(sum) / n, Lanes.sum(dot) / n, n);
    }

    private static void layerNormSlope(
            long dx, long dy, long x, float mu, float rstd, long weight, float sum, float dot, int n) {
        FloatVector by = FloatVector.broadcast(F, -dot);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector h = load(x + 4L * i).sub(mu).mul(rstd),
                    w = load(dy + 4L * i).mul(load(weight + 4L * i)).sub(sum);
            store(dx + 4L * i, load(dx + 4L * i).add(h.fma(by, w).mul(rstd)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        FloatVector h = load(x + 4L * i, m).sub(mu).mul(rstd);
        FloatVector w = load(dy + 4L * i, m).mul(load(weight + 4L * i, m)).sub(sum);
        store(dx + 4L * i, load(dx + 4L * i, m).add(h.fma(by, w).mul(rstd)), m);
    }

    // ---- softmax

    /** The greatest element times a positive factor. */
    static float max(long x, float by, int n) {
        FloatVector a = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) a = Lanes.max(a, load(x + 4L * i));
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            a = a.blend(Lanes.max(a, load(x + 4L * i, m)), m);
        }
        return Lanes.max(a.mul(by));
    }

    /** {@code Σ e^(x · by - minus)}. */
    static float sumOfExp(long x, float by, float minus, int n) {
        FloatVector a = FloatVector.zero(F), scale = FloatVector.broadcast(F, by),
                less = FloatVector.broadcast(F, -minus);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) a = a.add(expOfNegative(load(x + 4L * i).fma(scale, less)));
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            FloatVector e = expOfNegative(load(x + 4L * i, m).fma(scale, less));
            a = a.add(FloatVector.zero(F).blend(e, m));
        }
        return Lanes.sum(a);
    }

    /** {@code y = e^(x - minus)}; returns the sum of y. */
    static float exp(long y, long x, float minus, int n) {
        FloatVector a = FloatVector.zero(F);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector e = expOfNegative(load(x + 4L * i).sub(minus));
            store(y + 4L * i, e);
            a = a.add(e);
        }
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            FloatVector e = FloatVector.zero(F).blend(expOfNegative(load(x + 4L * i, m).sub(minus)), m);
            store(y + 4L * i, e, m);
            a = a.add(e);
        }
        return Lanes.sum(a);
    }

    static void scale(long y, float by, int n) {
        int i = 0;
        for (; i < F.loopBound(n); i += VL) store(y + 4L * i, load(y + 4L * i).mul(by));
        if (i < n) store(y + 4L * i, load(y + 4L * i, rest(i, n)).mul(by), rest(i, n));
    }

    /** {@code dx -= d · e^(x · by - lse)}. */
    static void softmaxBackward(long dx, float d, long x, float by, float lse, int n) {
        FloatVector scale = FloatVector.broadcast(F, by), less = FloatVector.broadcast(F, -lse);
        FloatVector minus = FloatVector.broadcast(F, -d);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            store(dx + 4L * i, expOfNegative(load(x + 4L * i).fma(scale, less)).fma(minus, load(dx + 4L * i)));
        }
        if (i == n) return;
        VectorMask<Float> m = rest(i, n);
        store(dx + 4L * i, expOfNegative(load(x + 4L * i, m).fma(scale, less)).fma(minus, load(dx + 4L * i, m)), m);
    }

    // ---- rotary embedding

    /** Turns the pairs (a[j], b[j]) by angles whose cosines and sines stand in a table. */
    static void turn(long a, long b, float[] cos, float[] sin, int at, boolean inverse, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector x = load(a + 4L * i, m), y = load(b + 4L * i, m);
            FloatVector c = FloatVector.fromArray(F, cos, at + i, m), s = FloatVector.fromArray(F, sin, at + i, m);
            if (inverse) s = s.neg();
            store(a + 4L * i, x.mul(c).sub(y.mul(s)), m);
            store(b + 4L * i, x.mul(s).add(y.mul(c)), m);
        }
    }
}
