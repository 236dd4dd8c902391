package dev.beamwright.recsys.embedding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tensor.Key;
import it.unimi.dsi.fastutil.floats.FloatArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.SingularValueDecomposition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TruncatedSvdTest {
    @ParameterizedTest
    @CsvSource({"40, 25, 5", "25, 40, 25", "7, 3, 3", "1, 9, 4"})
    void agreesWithAnExactDecomposition(int rows, int columns, int rank) {
        Key key = Key.of(3);
        double[][] dense = new double[rows][columns];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                if (key.fold(r).uniform(c) < 0.3) dense[r][c] = (float) (key.fold(r).gaussian(c) / (1 + c));
            }
        }
        TruncatedSvd ours = TruncatedSvd.of(sparse(dense), rank, Key.of(1));
        var exact = new SingularValueDecomposition(new Array2DRowRealMatrix(dense));
        int most = Math.min(rank, exact.getRank());
        assertThat(ours.values()).hasSize(most);
        for (int i = 0; i < most; i++) {
            assertThat(ours.values()[i]).isCloseTo(exact.getSingularValues()[i], within(1e-6));
            double along = 0; // the same vector, but for its sign
            for (int r = 0; r < rows; r++) along += ours.left()[i][r] * exact.getU().getEntry(r, i);
            assertThat(Math.abs(along)).as("vector %d", i).isCloseTo(1, within(1e-3));
        }
    }

    @Test
    void findsTheRankOfADeficientMatrix() {
        double[][] dense = new double[30][20];
        for (int r = 0; r < 30; r++) for (int c = 0; c < 20; c++) dense[r][c] = r % 2 == 0 ? c + 1 : 20 - c;
        assertThat(TruncatedSvd.of(sparse(dense), 10, Key.of(1)).values()).hasSize(2);
        assertThat(TruncatedSvd.of(sparse(new double[5][4]), 3, Key.of(1)).values()).isEmpty();
        assertThat(TruncatedSvd.of(new SparseMatrix(0, new int[4], new int[0], new float[0]), 3, Key.of(1)).values())
                .isEmpty();
    }

    private static SparseMatrix sparse(double[][] dense) {
        int[] offsets = new int[dense.length + 1];
        var column = new IntArrayList();
        var value = new FloatArrayList();
        for (int r = 0; r < dense.length; r++) {
            for (int c = 0; c < dense[r].length; c++) {
                if (dense[r][c] == 0) continue;
                column.add(c);
                value.add((float) dense[r][c]);
            }
            offsets[r + 1] = column.size();
        }
        return new SparseMatrix(dense[0].length, offsets, column.toIntArray(), value.toFloatArray());
    }
}
