package dev.beamwright.recsys.embedding;

import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.SingularValueDecomposition;

/**
 * The largest singular values of a sparse matrix and their left singular vectors, by randomised subspace iteration
 * (Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011, algorithms 4.4 and 5.1): a random
 * subspace a little wider than needed is multiplied by A Aᵀ again and again, orthonormalised each time, and the small
 * matrix that A is within it is decomposed exactly. Every column is computed by one thread in a fixed order, so
 * the result does not depend on the number of threads.
 *
 * @param left rank columns of length {@code rows}, orthonormal
 * @param values the singular values, descending; fewer than asked for where the matrix has a lower rank
 */
record TruncatedSvd(double[][] left, double[] values) {
    private static final int OVERSAMPLING = 10;
    private static final int ITERATIONS = 5;
    /** Fewer numbers than this are not worth the hand-over to other threads. */
    private static final int PARALLEL = 1 << 18;
    /** Below this share of the largest singular value a singular value is rounding. */
    private static final double NEGLIGIBLE = 1e-9;

    static TruncatedSvd of(SparseMatrix a, int rank, Key key) {
        int most = Math.min(a.rows(), a.columns()), width = Math.min(rank + OVERSAMPLING, most);
        double[][] right = new double[width][a.columns()];
        for (int c = 0; c < width; c++) {
            Key column = key.fold(c);
            Arrays.setAll(right[c], column::gaussian);
        }
        double[][] left = orthonormal(a.times(right));
        for (int i = 0; i < ITERATIONS; i++) {
            left = orthonormal(a.times(a.transposeTimes(left)));
        }
        // A ≈ Q Qᵀ A = Q (Aᵀ Q)ᵀ; with Aᵀ Q = P R, A ≈ Q Rᵀ Pᵀ, and the small Rᵀ = W S Vᵀ gives U = Q W.
        double[][] b = a.transposeTimes(left), p = orthonormal(b);
        double[][] rTransposed = new double[b.length][p.length];
        for (int i = 0; i < b.length; i++) {
            for (int j = 0; j < p.length; j++) rTransposed[i][j] = dot(b[i], p[j]);
        }
        if (width == 0) return new TruncatedSvd(new double[0][], new double[0]);
        var svd = new SingularValueDecomposition(new Array2DRowRealMatrix(rTransposed, false));
        double[] values = svd.getSingularValues();
        int keep = 0;
        while (keep < Math.min(rank, values.length) && values[keep] > NEGLIGIBLE * values[0]) keep++;
        return new TruncatedSvd(times(left, svd.getU(), keep), Arrays.copyOf(values, keep));
    }

    /**
     * Makes columns orthonormal by modified Gram-Schmidt, done twice so that rounding does not undo it (Giraud, Langou
     * and Rozložník, 2005). A column that depends on those before it becomes zero.
     */
    static double[][] orthonormal(double[][] columns) {
        double[][] q = Arrays.stream(columns).map(double[]::clone).toArray(double[][]::new);
        double[] before = Arrays.stream(q).mapToDouble(c -> Math.sqrt(dot(c, c))).toArray();
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < q.length; j++) {
                double[] unit = q[j];
                double norm = Math.sqrt(dot(unit, unit));
                double scale = norm > (pass == 0 ? 1e-12 * before[j] : 0.5) ? 1 / norm : 0;
                for (int i = 0; i < unit.length; i++) unit[i] *= scale;
                if (scale == 0) continue;
                IntStream later = IntStream.range(j + 1, q.length);
                boolean large = (long) (q.length - j) * unit.length > PARALLEL;
                (large ? later.parallel() : later).forEach(k -> {
                    double along = dot(unit, q[k]);
                    double[] column = q[k];
                    for (int i = 0; i < column.length; i++) column[i] -= along * unit[i];
                });
            }
        }
        return q;
    }

    private static double[][] times(double[][] columns, RealMatrix w, int keep) {
        return IntStream.range(0, keep)
                .parallel()
                .mapToObj(c -> {
                    double[] sum = new double[columns[0].length];
                    for (int j = 0; j < columns.length; j++) {
                        double weight = w.getEntry(j, c);
                        for (int i = 0; i < sum.length; i++) sum[i] += weight * columns[j][i];
                    }
                    return sum;
                })
                .toArray(double[][]::new);
    }

    /** Four sums side by side, added in a fixed order: several times as fast as one. */
    private static double dot(double[] a, double[] b) {
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        int i = 0;
        for (; i + 3 < a.length; i += 4) {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }
        for (; i < a.length; i++) s0 += a[i] * b[i];
        return (s0 + s1) + (s2 + s3);
    }
}
