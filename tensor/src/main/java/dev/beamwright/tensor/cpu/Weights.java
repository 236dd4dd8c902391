package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.expOfNegative;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.store;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * What {@link Attention} does to one row of scores: n of them in an array from {@code at} on. Behind the n there is room
 * for another 32, which these methods may overwrite; they are small, so that C2 inlines all vectors.
 */
final class Weights {
    /** What stands in the lanes behind the last key before the exponential makes zeros of them. */
    private static final float NOTHING = -1e30f;

    private Weights() {}

    /** {@code s = s · scale + bias}; returns the greatest. */
    static float biased(float[] s, int at, float scale, float[] bias, int away, int n) {
        FloatVector max = FloatVector.broadcast(F, NOTHING), by = FloatVector.broadcast(F, scale);
        int j = 0;
        for (; j < F.loopBound(n); j += VL) {
            FloatVector v = fromArray(F, s, at + j).fma(by, fromArray(F, bias, away + j));
            v.intoArray(s, at + j);
            max = Lanes.max(max, v);
        }
        if (j < n) {
            FloatVector v = fromArray(F, s, at + j).fma(by, fromArray(F, bias, away + j));
            v = FloatVector.broadcast(F, NOTHING).blend(v, rest(j, n));
            v.intoArray(s, at + j);
            max = Lanes.max(max, v);
        }
        return Lanes.max(max);
    }

    /** {@code s = e^(s - minus)}; returns the sum. */
    static float exp(float[] s, int at, float minus, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int j = 0; j < n; j += VL) {
            FloatVector e = expOfNegative(fromArray(F, s, at + j).sub(minus));
            e.intoArray(s, at + j);
            sum = e.add(sum);
        }
        return Lanes.sum(sum);
    }

    /** Drops weights and scales those it keeps; {@code number} is that of the first, a multiple of 32. */
    static void drop(float[] s, int at, int number, int seed, int threshold, float scale, int n) {
        FloatVector zero = FloatVector.zero(F);
        for (int j = 0; j < n; j += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = Flat.dropoutBits(seed, number + j, lane);
                int low = at + j + lane, high = low + 16;
                zero.blend(fromArray(F, s, low).mul(scale), Lanes.lowKept(h, threshold)).intoArray(s, low);
                zero.blend(fromArray(F, s, high).mul(scale), Lanes.highKept(h, threshold)).intoArray(s, high);
            }
        }
    }

    static void scale(float[] a, int at, float by, int n) {
        for (int j = 0; j < n; j += VL) fromArray(F, a, at + j).mul(by).intoArray(a, at + j);
    }

    /** {@code to += a}. */
    static void add(float[] to, int at, float[] a, int from, int n) {
        int j = 0;
        for (; j < F.loopBound(n); j += VL)
            fromArray(F, to, at + j).add(fromArray(F, a, from + j)).intoArray(to, at + j);
        if (j == n) return;
        VectorMask<Float> m = rest(j, n);
        fromArray(F, to, at + j, m).add(fromArray(F, a, from + j, m)).intoArray(to, at + j, m);
    }

    /** {@code to += by · a}. */
    static void add(float[] to, int at, float by, long a, int n) {
        for (int j = 0; j < n; j += VL) {
            VectorMask<Float> m = rest(j, n);
            load(a + 4L * j, m).mul(by).add(fromArray(F, to, at + j)).intoArray(to, at + j, m);
        }
    }

    /** Writes a row, times a factor. */
    static void put(long to, float[] a, int at, float by, int n) {
        int j = 0;
        for (; j < F.loopBound(n); j += VL) store(to + 4L * j, fromArray(F, a, at + j).mul(by));
        if (j < n) store(to + 4L * j, fromArray(F, a, at + j).mul(by), rest(j, n));
    }

    /**
     * From the weights p and the gradients g of the weights, {@code g = p · (g - dot) · scale}, which is the gradient of
     * the scores' products; what it is before scaling is added to the slopes of the biases.
     */
    static void slopes(float[] p, float[] g, int at, float dot, float scale, float[] slopes, int away, int n) {
        for (int j = 0; j < n; j += VL) {
            FloatVector d = fromArray(F, g, at + j).sub(dot).mul(fromArray(F, p, at + j));
            if (j + VL > n) d = FloatVector.zero(F).blend(d, rest(j, n));
            d.mul(scale).intoArray(g, at + j);
            fromArray(F, slopes, away + j).add(d).intoArray(slopes, away + j);
        }
    }

    /**
     * The same under dropout, {@code g = p · (g · keep - dot) · scale} and {@code p = p · keep}; the slopes of the biases
     * are left to the caller.
     */
    static void dropSlopes(
            float[] p, float[] g, int at, int number, int seed, int threshold, float keep, float dot, float scale,
            int n) {
        FloatVector zero = FloatVector.zero(F), kept = FloatVector.broadcast(F, keep);
        FloatVector less = FloatVector.broadcast(F, -dot * scale), by = FloatVector.broadcast(F, scale);
        for (int j = 0; j < n; j += 32) {
            for (int lane = 0; lane < 16; lane += VL) {
                IntVector h = Flat.dropoutBits(seed, number + j, lane);
                int low = at + j + lane, high = low + 16;
                FloatVector a = zero.blend(kept, Lanes.lowKept(h, threshold)), x = fromArray(F, p, low);
                fromArray(F, g, low).mul(a).fma(by, less).mul(x).intoArray(g, low);
                x.mul(a).intoArray(p, low);
                FloatVector b = zero.blend(kept, Lanes.highKept(h, threshold)), y = fromArray(F, p, high);
                fromArray(F, g, high).mul(b).fma(by, less).mul(y).intoArray(g, high);
                y.mul(b).intoArray(p, high);
            }
        }
    }
}
