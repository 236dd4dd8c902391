package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Sums over many elements: first the sum of each of some chunks, by one thread each, then the sum of these in order. How
 * the elements are cut depends on their number alone.
 */
public final class Sums {
    private Sums() {}

    /** {@code partial[k, c] = Σ rows of chunk k of x[·, c]}. */
    public static void columns(FloatArray partial, FloatArray x, int rows, int columns, int chunk, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int c = i % columns, from = i / columns * chunk, to = from + chunk;
                if (to > rows) to = rows;
                float s = 0f;
                for (int r = from; r < to; r++) s += x.get(r * columns + c);
                partial.set(i, s);
            }
        }
    }

    /** {@code y[c] (+)= Σ_k partial[k, c]}, for n columns. */
    public static void chunks(FloatArray y, FloatArray partial, int chunks, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float s = add == 1 ? y.get(i) : 0f;
                for (int k = 0; k < chunks; k++) s += partial.get(k * n + i);
                y.set(i, s);
            }
        }
    }

    /** {@code partial[k] = Σ a ⊙ b over chunk k}; in double precision. */
    public static void products(
            FloatArray partial, FloatArray a, FloatArray b, int size, int chunk, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int from = i * chunk, to = from + chunk;
                if (to > size) to = size;
                double s = 0;
                for (int j = from; j < to; j++) s += (double) a.get(j) * (double) b.get(j);
                partial.set(i, (float) s);
            }
        }
    }

    /** {@code y[index] (+)= Σ_k partial[k]}; in double precision. */
    public static void total(FloatArray y, FloatArray partial, int index, int chunks, int add, int n) {
        for (@Parallel
        int i = 0; i < n; i++) {
            double s = add == 1 ? y.get(index + i) : 0;
            for (int k = 0; k < chunks; k++) s += partial.get(k);
            y.set(index + i, (float) s);
        }
    }
}
