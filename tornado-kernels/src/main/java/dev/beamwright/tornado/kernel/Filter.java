package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The causal filter, see {@link dev.beamwright.tensor.Backend#causalFilter}. How far a row may look back is found once for
 * all kernels and columns ({@link #ages}). Bytes of each kernel: what it writes, and K + 1 reads of a float for each
 * element, K of them from rows that neighbours read, too.
 */
public final class Filter {
    private Filter() {}

    /** How many rows of its sequence stand before each row; -1 for a row of no sequence. One thread for each row. */
    public static void ages(IntArray ages, IntArray offsets, int sequences, int n, int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                int s = Attention.sequence(offsets, sequences, t);
                int age = t - offsets.get(s);
                ages.set(t, Attention.inside(offsets, s, t) == 1 ? age : -1);
            }
        }
    }

    /** {@code y[t, c] = Σ_k taps[k, c] · x[t - k, c]}; one thread for each element of y. */
    public static void forward(
            FloatArray y, FloatArray x, FloatArray taps, IntArray ages, int c, int taken, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int column = i % c, seen = TornadoMath.min(taken, ages.get(i / c) + 1);
                float sum = 0f;
                for (int k = 0; k < seen; k++) sum += taps.get(k * c + column) * x.get(i - k * c);
                y.set(i, sum);
            }
        }
    }

    /** {@code dx[t, c] (+)= Σ_k taps[k, c] · dy[t + k, c]}; one thread for each element of dx. */
    public static void backward(
            FloatArray dx, FloatArray dy, FloatArray taps, IntArray ages, int c, int taken, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int column = i % c, t = i / c, rows = n / c;
                int seen = TornadoMath.min(taken, rows - t);
                float sum = add == 1 ? dx.get(i) : 0f;
                for (int k = 0; k < seen; k++) {
                    float d = taps.get(k * c + column) * dy.get(i + k * c);
                    sum += ages.get(t + k) >= k ? d : 0f;
                }
                dx.set(i, sum);
            }
        }
    }

    /**
     * The gradient of the taps from each chunk of rows: {@code partial[chunk, k, c] = Σ_t dy[t, c] · x[t - k, c]}; one thread
     * for each element of partial.
     */
    public static void taps(
            FloatArray partial,
            FloatArray dy,
            FloatArray x,
            IntArray ages,
            int rows,
            int c,
            int taken,
            int chunk,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int column = i % c, k = i / c % taken, from = i / (c * taken) * chunk;
                int to = TornadoMath.min(from + chunk, rows);
                float sum = 0f;
                for (int t = TornadoMath.max(from, k); t < to; t++) {
                    float d = dy.get(t * c + column) * x.get((t - k) * c + column);
                    sum += ages.get(t) >= k ? d : 0f;
                }
                partial.set(i, sum);
            }
        }
    }
}
