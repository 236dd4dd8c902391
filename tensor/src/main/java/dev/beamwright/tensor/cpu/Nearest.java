package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;

import dev.beamwright.tensor.Parallel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The nearest code of each row. A matrix product gives {@code |c|² - 2 x·c}, which differs from the distance by a
 * constant and by rounding; the codes within that rounding of the least are then measured directly.
 */
final class Nearest {
    /** Rows of one block. */
    private static final int BLOCK = 192;

    private Nearest() {}

    /** n rows of length c at x, k codes; distances may be 0. */
    static void find(long codes, long distances, long x, int n, int c, long codebook, int k) {
        float[] halves = new float[k + VL];
        float greatest = 0;
        for (int j = 0; j < k; j++) {
            float squares = (float) Flat.squares(codebook + 4L * j * c, c);
            halves[j] = squares / 2;
            greatest = Math.max(greatest, squares);
        }
        float farthest = greatest;
        Parallel.run((n + BLOCK - 1) / BLOCK, block -> {
            int from = block * BLOCK, rows = Math.min(BLOCK, n - from);
            long first = x + 4L * from * c, products = Scratch.get().block(Scratch.PRODUCTS, (long) BLOCK * k);
            Gemm.multiply(products, rows, k, c, first, c, false, codebook, c, true, false, 0);
            for (int r = 0; r < rows; r++) {
                long row = first + 4L * r * c, code = codes + 4L * (from + r);
                float near = 1e-6f * (float) Math.sqrt(c) * (farthest + (float) Flat.squares(row, c));
                float distance = search(code, products + 4L * r * k, halves, near, row, codebook, c, k);
                if (distances != 0) Lanes.set(distances + 4L * (from + r), distance);
            }
        });
    }

    /** Writes the code of one row and returns its distance. */
    private static float search(
            long code, long products, float[] halves, float near, long x, long codebook, int c, int k) {
        float bound = least(products, halves, k) + near, best = Float.POSITIVE_INFINITY;
        FloatVector limit = FloatVector.broadcast(F, bound);
        int found = 0;
        for (int j = 0; j < k; j += VL) {
            VectorMask<Float> m = rest(j, k);
            FloatVector v = FloatVector.fromArray(F, halves, j).sub(load(products + 4L * j, m));
            VectorMask<Float> candidates = v.compare(VectorOperators.LE, limit, m);
            if (!candidates.anyTrue()) continue;
            for (long bits = candidates.toLong(); bits != 0; bits &= bits - 1) {
                int candidate = j + Long.numberOfTrailingZeros(bits);
                float distance = distance(x, codebook + 4L * candidate * c, c);
                if (distance < best) {
                    best = distance;
                    found = candidate;
                }
            }
        }
        Lanes.setInt(code, found);
        return best;
    }

    /** The least of |c|²/2 - x·c. */
    private static float least(long products, float[] halves, int k) {
        FloatVector a = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
        int i = 0;
        for (; i < F.loopBound(k); i += VL) {
            FloatVector v = FloatVector.fromArray(F, halves, i).sub(load(products + 4L * i));
            a = Lanes.min(a, v);
        }
        float least = Lanes.min(a);
        for (; i < k; i++) least = Math.min(least, halves[i] - get(products + 4L * i));
        return least;
    }

    private static float distance(long x, long y, int n) {
        FloatVector a = FloatVector.zero(F);
        int i = 0;
        for (; i < F.loopBound(n); i += VL) {
            FloatVector d = load(x + 4L * i).sub(load(y + 4L * i));
            a = d.fma(d, a);
        }
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            FloatVector d = load(x + 4L * i, m).sub(load(y + 4L * i, m));
            a = d.fma(d, a);
        }
        return Lanes.sum(a);
    }
}
