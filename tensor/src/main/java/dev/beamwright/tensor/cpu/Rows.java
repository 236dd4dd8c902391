package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.expOfNegative;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import java.util.function.IntConsumer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Kernels that need a whole row at a time: norms, softmaxes and the k-th largest. Each takes the addresses of one row of n elements, and
 * has masks throughout, so that its loop stands there once; see {@link Flat} on what C2 inlines. For the same reason a
 * kernel of several steps is several {@link Pass}es.
 */
final class Rows {
    /** Rows of one block in sums over rows. */
    private static final int BLOCK = 256;
    /** Elements of the rows that one pass after the other goes over while they are in the first-level cache. */
    private static final int CHUNK = 4096;
    /** How many numbers a pass may keep of a row for the next ones. */
    static final int KEPT = 2;

    private Rows() {}

    /** One step for the rows [first, last); of row r it keeps numbers at {@code (r - first) * KEPT}. */
    interface Pass {
        void run(int first, int last, float[] kept, long sums);
    }

    /** Runs passes over rows of n elements, in blocks if they are many. */
    static void each(int rows, int n, Pass... passes) {
        if ((long) rows * n < Flat.ALONE || Parallel.available() == 1) {
            run(0, rows, n, 0, passes);
            return;
        }
        int height = Math.max(1, Flat.BLOCK / n);
        Parallel.run((rows + height - 1) / height,
                b -> run(b * height, Math.min(rows, (b + 1) * height), n, 0, passes));
    }

    /**
     * Runs passes over rows, each block of {@link #BLOCK} rows with sums of its own, and adds those of all blocks, in
     * order, to what stands at {@code to}; where that is 0, nobody wants the sums.
     */
    static void summing(int rows, int n, int sums, long to, Pass... passes) {
        int blocks = (rows + BLOCK - 1) / BLOCK;
        long partial = Scratch.get().block(Scratch.PARTIALS, (long) blocks * sums);
        Flat.fill(partial, 0, Math.multiplyExact(blocks, sums));
        IntConsumer block = b -> run(b * BLOCK, Math.min(rows, (b + 1) * BLOCK), n, partial + 4L * b * sums, passes);
        if ((long) rows * n < Flat.ALONE) for (int b = 0; b < blocks; b++) block.accept(b);
        else Parallel.run(blocks, block);
        if (to == 0) return;
        for (int b = 0; b < blocks; b++) Flat.run(sums, Flat::add, to, to, partial + 4L * b * sums, 0);
    }

    private static void run(int first, int last, int n, long sums, Pass[] passes) {
        int height = Math.max(1, CHUNK / n);
        float[] kept = Scratch.get().array(Scratch.KEPT_OF_ROWS, KEPT * height);
        for (int r = first; r < last; r += height) {
            for (Pass pass : passes) pass.run(r, Math.min(last, r + height), kept, sums);
        }
    }

    // ---- norms

    static float sum(long x, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) sum = load(x + 4L * i, rest(i, n)).add(sum);
        return Lanes.sum(sum);
    }

    /** {@code Σ (x - mean)²}. */
    static float squares(long x, float mean, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector v = FloatVector.zero(F).blend(load(x + 4L * i, m).sub(mean), m);
            sum = v.fma(v, sum);
        }
        return Lanes.sum(sum);
    }

    /** {@code y = x · rstd · weight}. */
    static void rmsNorm(long y, long x, long weight, float rstd, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            store(y + 4L * i, load(x + 4L * i, m).mul(rstd).mul(load(weight + 4L * i, m)), m);
        }
    }

    /** Adds {@code dy ⊙ x̂} to dweight, and returns {@code Σ dy ⊙ weight ⊙ x̂}. */
    static float rmsNormSums(long dweight, long dy, long x, long weight, float rstd, int n) {
        FloatVector dot = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).mul(rstd), d = load(dy + 4L * i, m);
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i, m)), m);
            dot = d.mul(load(weight + 4L * i, m)).fma(h, dot);
        }
        return Lanes.sum(dot);
    }

    /** {@code dx += rstd · (dy ⊙ weight - mean · x̂)}, where mean is that of what {@link #rmsNormSums} sums. */
    static void rmsNormBackward(long dx, long dy, long x, long weight, float rstd, float mean, int n) {
        FloatVector by = FloatVector.broadcast(F, -mean * rstd * rstd);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector d = load(dy + 4L * i, m).mul(load(weight + 4L * i, m)).mul(rstd);
            store(dx + 4L * i, load(x + 4L * i, m).fma(by, d).add(load(dx + 4L * i, m)), m);
        }
    }

    static void layerNorm(long y, long x, long weight, long bias, float mean, float rstd, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).sub(mean).mul(rstd);
            store(y + 4L * i, h.fma(load(weight + 4L * i, m), load(bias + 4L * i, m)), m);
        }
    }

    /** Adds to dweight (n) and behind it dbias (n). */
    static void layerNormSums(long dweight, long dy, long x, float mean, float rstd, int n) {
        long dbias = dweight + 4L * n;
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).sub(mean).mul(rstd), d = load(dy + 4L * i, m);
            store(dweight + 4L * i, d.fma(h, load(dweight + 4L * i, m)), m);
            store(dbias + 4L * i, d.add(load(dbias + 4L * i, m)), m);
        }
    }

    /** {@code Σ dy ⊙ weight ⊙ x̂}. */
    static float layerNormDot(long dy, long x, long weight, float mean, float rstd, int n) {
        FloatVector dot = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).sub(mean).mul(rstd);
            dot = load(dy + 4L * i, m).mul(load(weight + 4L * i, m)).fma(h, dot);
        }
        return Lanes.sum(dot);
    }

    /** {@code Σ a ⊙ b}. */
    static float dot(long a, long b, int n) {
        FloatVector dot = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            dot = load(a + 4L * i, m).fma(load(b + 4L * i, m), dot);
        }
        return Lanes.sum(dot);
    }

    /** {@code dx += rstd · (dy ⊙ weight - less - by · x̂)}. */
    static void layerNormBackward(
            long dx, long dy, long x, float mean, float rstd, long weight, float less, float by, int n) {
        FloatVector minus = FloatVector.broadcast(F, -by);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector h = load(x + 4L * i, m).sub(mean).mul(rstd);
            FloatVector w = load(dy + 4L * i, m).mul(load(weight + 4L * i, m)).sub(less);
            store(dx + 4L * i, h.fma(minus, w).mul(rstd).add(load(dx + 4L * i, m)), m);
        }
    }

    // ---- softmax

    /** The greatest element times a positive factor. */
    static float max(long x, float by, int n) {
        FloatVector least = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY), max = least;
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            max = Lanes.max(max, least.blend(load(x + 4L * i, m), m));
        }
        return Lanes.max(max) * by;
    }

    /** {@code Σ e^(x · by - minus)}. */
    static float sumOfExp(long x, float by, float minus, int n) {
        FloatVector sum = FloatVector.zero(F), scale = FloatVector.broadcast(F, by);
        FloatVector less = FloatVector.broadcast(F, -minus);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            sum = FloatVector.zero(F).blend(expOfNegative(load(x + 4L * i, m).fma(scale, less)), m).add(sum);
        }
        return Lanes.sum(sum);
    }

    /** {@code y = e^(x - minus)}; returns the sum of y. */
    static float exp(long y, long x, float minus, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector e = FloatVector.zero(F).blend(expOfNegative(load(x + 4L * i, m).sub(minus)), m);
            store(y + 4L * i, e, m);
            sum = e.add(sum);
        }
        return Lanes.sum(sum);
    }

    static void scale(long y, float by, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            store(y + 4L * i, load(y + 4L * i, m).mul(by), m);
        }
    }

    /** {@code dx -= d · e^(x · by - max - log)}. */
    static void softmaxBackward(long dx, float d, long x, float by, float max, float log, int n) {
        FloatVector scale = FloatVector.broadcast(F, by), less = FloatVector.broadcast(F, -max);
        FloatVector minus = FloatVector.broadcast(F, -d);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector e = expOfNegative(load(x + 4L * i, m).fma(scale, less).sub(log));
            store(dx + 4L * i, e.fma(minus, load(dx + 4L * i, m)), m);
        }
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

    // ---- the k-th largest

    /**
     * The k-th largest element, 1 ≤ k ≤ n. Halves the floats among which it is, in their order, until k elements are no
     * smaller than the middle; that takes a dozen looks at the row, and no more than 32 whatever stands there.
     */
    static float largest(long x, int k, int n) {
        long low = place(Float.NEGATIVE_INFINITY), high = place(max(x, 1, n)) + 1L;
        while (high - low > 1) {
            long middle = (low + high) >> 1;
            float from = at(middle);
            int found = atLeast(x, from, n);
            if (found == k) return leastFrom(x, from, n);
            if (found > k) low = middle;
            else high = middle;
        }
        return at(low);
    }

    /** Where a float stands in the order of all floats, and below, which float stands there. */
    private static int place(float value) {
        int bits = Float.floatToRawIntBits(value);
        return bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
    }

    private static float at(long place) {
        int bits = (int) place;
        return Float.intBitsToFloat(bits < 0 ? bits ^ Integer.MAX_VALUE : bits);
    }

    /** How many elements are not below a number. */
    private static int atLeast(long x, float number, int n) {
        int count = 0;
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            count += load(x + 4L * i, m).compare(VectorOperators.GE, number, m).trueCount();
        }
        return count;
    }

    /** How many elements are above a number. */
    static int above(long x, float number, int n) {
        int count = 0;
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            count += load(x + 4L * i, m).compare(VectorOperators.GT, number, m).trueCount();
        }
        return count;
    }

    /** The least element that is not below a number. */
    private static float leastFrom(long x, float from, int n) {
        FloatVector greatest = FloatVector.broadcast(F, Float.POSITIVE_INFINITY), least = greatest;
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector v = load(x + 4L * i, m);
            least = Lanes.min(least, greatest.blend(v, v.compare(VectorOperators.GE, from, m)));
        }
        return Lanes.min(least);
    }

    /** Where an element stands the nth time, counted from 1; 0 where it does not (a row with NaN). */
    static int find(long x, float element, int nth, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            long found = load(x + 4L * i, m).compare(VectorOperators.EQ, element, m).toLong();
            for (; found != 0; found &= found - 1) {
                if (--nth == 0) return i + Long.numberOfTrailingZeros(found);
            }
        }
        return 0;
    }
}
