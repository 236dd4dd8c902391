package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@link Norms} and {@link Losses#crossEntropy} with 32 threads for each row, so that neighbouring threads read
 * neighbouring elements. A block of 128 threads makes four rows; sums over a row are made in local memory, always in the
 * same order.
 */
public final class RowBlocks {
    private RowBlocks() {}

    /** Threads of a block. */
    public static final int THREADS = 128;
    /** Rows of a block. */
    public static final int ROWS = 4;

    private static final int LANES = THREADS / ROWS;

    /** As {@link Norms#rms}. */
    public static void rms(
            KernelContext context, FloatArray y, FloatArray rstd, FloatArray x, FloatArray weight, int c, float eps,
            int n) {
        float[] sums = context.allocateFloatLocalArray(THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * ROWS + t / LANES, row = r * c;
        int end = r < n ? c : 0;
        float squares = 0f;
        for (int i = lane; i < end; i += LANES) squares += x.get(row + i) * x.get(row + i);
        sums[t] = squares;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) sums[t] += sums[t + width];
            context.localBarrier();
        }
        float s = 1f / TornadoMath.sqrt(sums[t - lane] / c + eps);
        for (int i = lane; i < end; i += LANES) y.set(row + i, x.get(row + i) * s * weight.get(i));
        if (lane == 0 && r < n) rstd.set(r, s);
    }

    /** As {@link Norms#rmsBackward}. */
    public static void rmsBackward(
            KernelContext context,
            FloatArray dx,
            FloatArray dy,
            FloatArray x,
            FloatArray rstd,
            FloatArray weight,
            int c,
            int add,
            int n) {
        float[] dots = context.allocateFloatLocalArray(THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * ROWS + t / LANES, row = r * c;
        int end = r < n ? c : 0;
        float s = rstd.get(TornadoMath.min(r, n - 1)), dot = 0f;
        for (int i = lane; i < end; i += LANES) dot += dy.get(row + i) * weight.get(i) * x.get(row + i) * s;
        dots[t] = dot;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) dots[t] += dots[t + width];
            context.localBarrier();
        }
        float all = dots[t - lane];
        for (int i = lane; i < end; i += LANES) {
            float before = add == 1 ? dx.get(row + i) : 0f;
            float d = dy.get(row + i) * weight.get(i);
            dx.set(row + i, before + s * (d - x.get(row + i) * s * all / c));
        }
    }

    /** As {@link Norms#layer}. */
    public static void layer(
            KernelContext context,
            FloatArray y,
            FloatArray mean,
            FloatArray rstd,
            FloatArray x,
            FloatArray weight,
            FloatArray bias,
            int c,
            float eps,
            int n) {
        float[] sums = context.allocateFloatLocalArray(THREADS);
        float[] squares = context.allocateFloatLocalArray(THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * ROWS + t / LANES, row = r * c;
        int end = r < n ? c : 0;
        float sum = 0f, square = 0f;
        for (int i = lane; i < end; i += LANES) sum += x.get(row + i);
        sums[t] = sum;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) sums[t] += sums[t + width];
            context.localBarrier();
        }
        float mu = sums[t - lane] / c;
        for (int i = lane; i < end; i += LANES) square += (x.get(row + i) - mu) * (x.get(row + i) - mu);
        squares[t] = square;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) squares[t] += squares[t + width];
            context.localBarrier();
        }
        float s = 1f / TornadoMath.sqrt(squares[t - lane] / c + eps);
        for (int i = lane; i < end; i += LANES) y.set(row + i, (x.get(row + i) - mu) * s * weight.get(i) + bias.get(i));
        if (lane == 0 && r < n) {
            mean.set(r, mu);
            rstd.set(r, s);
        }
    }

    /** As {@link Norms#layerBackward}. */
    public static void layerBackward(
            KernelContext context,
            FloatArray dx,
            FloatArray dy,
            FloatArray x,
            FloatArray mean,
            FloatArray rstd,
            FloatArray weight,
            int c,
            int add,
            int n) {
        float[] sums = context.allocateFloatLocalArray(THREADS);
        float[] dots = context.allocateFloatLocalArray(THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * ROWS + t / LANES, row = r * c;
        int end = r < n ? c : 0, known = TornadoMath.min(r, n - 1);
        float mu = mean.get(known), s = rstd.get(known), sum = 0f, dot = 0f;
        for (int i = lane; i < end; i += LANES) {
            float d = dy.get(row + i) * weight.get(i);
            sum += d;
            dot += d * (x.get(row + i) - mu) * s;
        }
        sums[t] = sum;
        dots[t] = dot;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) {
                sums[t] += sums[t + width];
                dots[t] += dots[t + width];
            }
            context.localBarrier();
        }
        float allSum = sums[t - lane] / c, allDot = dots[t - lane] / c;
        for (int i = lane; i < end; i += LANES) {
            float before = add == 1 ? dx.get(row + i) : 0f;
            float d = dy.get(row + i) * weight.get(i);
            dx.set(row + i, before + s * (d - allSum - (x.get(row + i) - mu) * s * allDot));
        }
    }

    /** As {@link Losses#crossEntropy}. */
    public static void crossEntropy(
            KernelContext context,
            FloatArray nll,
            FloatArray dlogits,
            FloatArray logits,
            IntArray targets,
            FloatArray weights,
            int wanted,
            int c,
            int n) {
        float[] tops = context.allocateFloatLocalArray(THREADS);
        float[] sums = context.allocateFloatLocalArray(THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * ROWS + t / LANES, row = r * c;
        int end = r < n ? c : 0, known = TornadoMath.min(r, n - 1);
        float top = Float.NEGATIVE_INFINITY, sum = 0f;
        for (int i = lane; i < end; i += LANES) top = TornadoMath.max(top, logits.get(row + i));
        tops[t] = top;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) tops[t] = TornadoMath.max(tops[t], tops[t + width]);
            context.localBarrier();
        }
        float max = tops[t - lane];
        for (int i = lane; i < end; i += LANES) sum += TornadoMath.exp(logits.get(row + i) - max);
        sums[t] = sum;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) sums[t] += sums[t + width];
            context.localBarrier();
        }
        float total = sums[t - lane];
        int target = targets.get(known);
        float weight = target >= 0 ? weights.get(known) : 0f;
        if (wanted == 1) {
            for (int i = lane; i < end; i += LANES) {
                float p = TornadoMath.exp(logits.get(row + i) - max) / total;
                float hit = i == target ? 1f : 0f;
                dlogits.set(row + i, weight * (p - hit));
            }
        }
        if (lane == 0 && r < n) {
            float value = 0f;
            if (target >= 0) value = TornadoMath.log(total) + max - logits.get(row + target);
            nll.set(r, value);
        }
    }
}
