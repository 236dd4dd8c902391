package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Choosing rows of a table, adding to them, and turning them. */
public final class Rows {
    private Rows() {}

    /** {@code y[n] = Σ_s table[rows[n, s]]}; one thread for each element of y. A negative row number adds nothing. */
    public static void gather(FloatArray y, FloatArray table, IntArray rows, int c, int s, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int at = i / c * s, column = i % c;
                float sum = 0f;
                for (int q = 0; q < s; q++) {
                    int row = rows.get(at + q);
                    if (row >= 0) sum += table.get(row * c + column);
                }
                y.set(i, sum);
            }
        }
    }

    /** {@code rows[n, s] = lists[ids[n], s]}, -1 for a negative id; one thread for each element. */
    public static void expand(IntArray rows, IntArray lists, IntArray ids, int s, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int id = ids.get(i / s), row = lists.get(TornadoMath.max(id, 0) * s + i % s);
                rows.set(i, id >= 0 ? row : -1);
            }
        }
    }

    /**
     * Lists, for each chunk of the entries and each row of the table, the entries that name the row, in ascending order:
     * the first in {@code head[chunk, row]}, the one behind entry e in {@code next[e]}, -1 at the end. One thread for
     * each list; it goes backwards through its chunk.
     */
    public static void list(
            IntArray head, IntArray next, IntArray rows, int entries, int tableRows, int chunk, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int row = i % tableRows, from = i / tableRows * chunk, to = from + chunk;
                if (to > entries) to = entries;
                int first = -1;
                for (int e = to - 1; e >= from; e--) {
                    if (rows.get(e) == row) {
                        next.set(e, first);
                        first = e;
                    }
                }
                head.set(i, first);
            }
        }
    }

    /** {@code dtable[row] (+)= Σ dy[e / s]} over the listed entries e, chunk by chunk; one thread for each element. */
    public static void collect(
            FloatArray dtable,
            FloatArray dy,
            IntArray head,
            IntArray next,
            int tableRows,
            int c,
            int s,
            int chunks,
            int add,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int row = i / c, column = i % c;
                float sum = add == 1 ? dtable.get(i) : 0f;
                for (int k = 0; k < chunks; k++) {
                    int e = head.get(k * tableRows + row);
                    while (e >= 0) {
                        sum += dy.get(e / s * c + column);
                        e = next.get(e);
                    }
                }
                dtable.set(i, sum);
            }
        }
    }

    /**
     * Rotary embedding in place: one thread turns a pair of columns in all heads of a row.
     *
     * @param sign 1, or -1 to turn back
     */
    public static void rotary(
            FloatArray x,
            IntArray positions,
            int width,
            int columns,
            int headDim,
            float theta,
            int sign,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int half = headDim / 2, row = i / half, j = i % half;
                double angle = positions.get(row) * TornadoMath.pow((double) theta, -2.0 * j / headDim);
                float cos = (float) TornadoMath.cos(angle), sin = (float) (sign * TornadoMath.sin(angle));
                for (int head = 0; head < columns; head += headDim) {
                    int first = row * width + head + j, second = first + half;
                    float a = x.get(first), b = x.get(second);
                    x.set(first, a * cos - b * sin);
                    x.set(second, a * sin + b * cos);
                }
            }
        }
    }
}
