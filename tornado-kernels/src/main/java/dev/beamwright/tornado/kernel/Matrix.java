package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Matrix products. */
public final class Matrix {
    private Matrix() {}

    /**
     * {@code c (+)= op(a) · op(b)}, of m rows, n columns and depth k; one thread makes one element. {@code ta} and
     * {@code tb} are 1 where an operand is transposed.
     */
    public static void product(
            FloatArray c, FloatArray a, FloatArray b, int m, int n, int k, int ta, int tb, int add, int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < m * n) {
                int i = t / n, j = t % n;
                float sum = 0f;
                for (int p = 0; p < k; p++) {
                    float x = ta == 1 ? a.get(p * m + i) : a.get(i * k + p);
                    float y = tb == 1 ? b.get(j * k + p) : b.get(p * n + j);
                    sum += x * y;
                }
                c.set(t, add == 1 ? c.get(t) + sum : sum);
            }
        }
    }
}
