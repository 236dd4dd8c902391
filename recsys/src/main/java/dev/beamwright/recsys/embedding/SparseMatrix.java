package dev.beamwright.recsys.embedding;

import java.util.stream.IntStream;

/**
 * A matrix that is mostly zeros, row by row (CSR).
 *
 * @param columns how many columns there are
 * @param offsets row r has the entries [offsets[r], offsets[r+1])
 * @param column the column of each entry, ascending within a row
 * @param value the value of each entry
 */
record SparseMatrix(int columns, int[] offsets, int[] column, float[] value) {
    int rows() {
        return offsets.length - 1;
    }

    /** {@code A · x} for each x: dense columns in, dense columns out. */
    double[][] times(double[][] x) {
        return IntStream.range(0, x.length).parallel().mapToObj(c -> times(x[c])).toArray(double[][]::new);
    }

    /** {@code Aᵀ · x} for each x. */
    double[][] transposeTimes(double[][] x) {
        return IntStream.range(0, x.length).parallel().mapToObj(c -> transposeTimes(x[c])).toArray(double[][]::new);
    }

    private double[] times(double[] x) {
        double[] y = new double[rows()];
        for (int r = 0; r < y.length; r++) {
            double sum = 0;
            for (int e = offsets[r]; e < offsets[r + 1]; e++) sum += value[e] * x[column[e]];
            y[r] = sum;
        }
        return y;
    }

    private double[] transposeTimes(double[] x) {
        double[] y = new double[columns];
        for (int r = 0; r < x.length; r++) {
            for (int e = offsets[r]; e < offsets[r + 1]; e++) y[column[e]] += value[e] * x[r];
        }
        return y;
    }
}
