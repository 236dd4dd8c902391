package dev.beamwright.recsys.embedding;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Item vectors brought to another number of columns, as the vectors of a model begin: centred, their largest directions
 * if there are more than columns, turned at random so that no column has more of them than another, rows of length 1.
 */
public final class Projection {
    private Projection() {}

    /**
     * The rows, of length 1; one that is equal to the mean stays 0.
     *
     * @param vectors (items, dimensions)
     * @param columns how many each row shall have; fewer dimensions are spread over all of them
     */
    public static float[][] of(Tensor vectors, int columns, Backend backend, Key key) {
        int n = vectors.shape().dim(0), dims = vectors.shape().dim(1);
        try (Arena memory = Arena.ofShared()) {
            Tensor x = centred(vectors, memory), y = Tensor.zeros(memory, Shape.of(n, columns));
            backend.written(x);
            double[][] directions = dims <= columns ? null : directions(x, columns, backend, key, memory);
            int rank = directions == null ? dims : directions.length;
            double[][] turned = new double[rank][columns];
            for (int d = 0; d < rank; d++) {
                Key direction = key.fold("turn").fold(d);
                Arrays.setAll(turned[d], direction::gaussian);
            }
            Tensor turn = tensor(TruncatedSvd.orthonormal(turned), memory), by = turn;
            if (directions != null) {
                by = Tensor.zeros(memory, Shape.of(dims, columns));
                backend.matmul(by, tensor(directions, memory), true, turn, false, false);
            }
            backend.matmul(y, x, false, by, false, false);
            float[][][] rows = new float[1][][];
            backend.read(y, () -> rows[0] = unitRows(y));
            return rows[0];
        }
    }

    /** The directions in which the rows of x vary most: orthonormal, (at most {@code most}, dimensions). */
    private static double[][] directions(Tensor x, int most, Backend backend, Key key, Arena memory) {
        int dims = x.shape().dim(1);
        Tensor covariance = Tensor.zeros(memory, Shape.of(dims, dims));
        backend.matmul(covariance, x, true, x, false, false);
        int[] offsets = new int[dims + 1], columns = new int[dims * dims];
        for (int i = 0; i <= dims; i++) offsets[i] = i * dims;
        for (int i = 0; i < columns.length; i++) columns[i] = i % dims;
        float[][] values = new float[1][];
        backend.read(covariance, () -> values[0] = covariance.toArray());
        return TruncatedSvd.of(new SparseMatrix(dims, offsets, columns, values[0]), most, key.fold("directions"))
                .left();
    }

    /** The rows less their mean. */
    private static Tensor centred(Tensor vectors, Arena memory) {
        int n = vectors.shape().dim(0), dims = vectors.shape().dim(1);
        float[] values = vectors.toArray();
        for (int d = 0; d < dims; d++) {
            double sum = 0;
            for (int i = 0; i < n; i++) sum += values[i * dims + d];
            for (int i = 0; i < n; i++) values[i * dims + d] -= (float) (sum / n);
        }
        return Tensor.of(memory, vectors.shape(), values);
    }

    private static Tensor tensor(double[][] rows, Arena memory) {
        Tensor t = Tensor.zeros(memory, Shape.of(rows.length, rows[0].length));
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) t.set((long) r * rows[r].length + c, (float) rows[r][c]);
        }
        return t;
    }

    private static float[][] unitRows(Tensor y) {
        int n = y.shape().dim(0), columns = y.shape().dim(1);
        float[][] rows = new float[n][columns];
        for (int i = 0; i < n; i++) {
            double squares = 0;
            for (int c = 0; c < columns; c++) {
                rows[i][c] = y.get((long) i * columns + c);
                squares += (double) rows[i][c] * rows[i][c];
            }
            double by = squares > 1e-12 ? 1 / Math.sqrt(squares) : 0;
            for (int c = 0; c < columns; c++) rows[i][c] *= (float) by;
        }
        return rows;
    }
}
