package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The logits of the children of trie nodes and their gradients, see {@link dev.beamwright.tensor.Backend#childLogits}. The
 * vector of a child is summed from the table's rows wherever it is needed. With E the edges of all rows' nodes together,
 * C columns and lists of S: {@code 2 E C} flops and about {@code 4 E C (S + 1)} bytes from caches for each of
 * {@link #logits}, {@link #vectorSums} and {@link #edgeVectors}.
 */
public final class Heads {
    private Heads() {}

    /** One column of the vector of an edge's child. */
    private static float child(FloatArray table, IntArray lists, int edge, int s, int c, int column) {
        float sum = 0f;
        for (int q = 0; q < s; q++) {
            int row = lists.get(edge * s + q);
            float value = table.get(TornadoMath.max(row, 0) * c + column);
            sum += row >= 0 ? value : 0f;
        }
        return sum;
    }

    /** How many children a row has: none where its node is negative. */
    private static int children(IntArray nodes, IntArray offsets, int row) {
        int node = nodes.get(row), known = TornadoMath.max(node, 0);
        int count = offsets.get(known + 1) - offsets.get(known);
        return node >= 0 ? count : 0;
    }

    private static int firstEdge(IntArray nodes, IntArray offsets, int row) {
        return offsets.get(TornadoMath.max(nodes.get(row), 0));
    }

    /** {@code logits[n, columns[e]] = gain · (state[n] · v_e) + bias[e]}; one thread for each row and place of a child. */
    public static void logits(
            FloatArray logits,
            FloatArray state,
            FloatArray table,
            IntArray lists,
            FloatArray gain,
            FloatArray bias,
            IntArray nodes,
            IntArray offsets,
            IntArray columns,
            int s,
            int c,
            int width,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int row = i / width, place = i % width;
                if (place < children(nodes, offsets, row)) {
                    int e = firstEdge(nodes, offsets, row) + place;
                    float product = 0f;
                    for (int j = 0; j < c; j++) product += state.get(row * c + j) * child(table, lists, e, s, c, j);
                    logits.set(row * width + columns.get(e), gain.get(0) * product + bias.get(e));
                }
            }
        }
    }

    /** {@code sums[n] = Σ_e dlogits[n, columns[e]] · v_e}, in the order of e; one thread for each element. */
    public static void vectorSums(
            FloatArray sums,
            FloatArray dlogits,
            FloatArray table,
            IntArray lists,
            IntArray nodes,
            IntArray offsets,
            IntArray columns,
            int s,
            int c,
            int width,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int row = i / c, from = firstEdge(nodes, offsets, row), to = from + children(nodes, offsets, row);
                float sum = 0f;
                for (int e = from; e < to; e++) {
                    sum += dlogits.get(row * width + columns.get(e)) * child(table, lists, e, s, c, i % c);
                }
                sums.set(i, sum);
            }
        }
    }

    /**
     * {@code vectors[e] = gain · Σ_n dlogits[n, columns[e]] · state[n]} over the rows that stand at the edge's node, in
     * their order; one thread for each element.
     *
     * @param head the first row of each node, see {@link Rows#list}
     * @param next the row behind each row
     */
    public static void edgeVectors(
            FloatArray vectors,
            FloatArray dlogits,
            FloatArray state,
            FloatArray gain,
            IntArray head,
            IntArray next,
            IntArray offsets,
            IntArray columns,
            int trieNodes,
            int c,
            int width,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int e = i / c, column = columns.get(e), row = head.get(Attention.sequence(offsets, trieNodes, e));
                float sum = 0f;
                while (row >= 0) {
                    sum += dlogits.get(row * width + column) * state.get(row * c + i % c);
                    row = next.get(row);
                }
                vectors.set(i, gain.get(0) * sum);
            }
        }
    }

    /** {@code dbias[e] (+)= Σ_n dlogits[n, columns[e]]}, as in {@link #edgeVectors}; one thread for each edge. */
    public static void edgeBias(
            FloatArray dbias,
            FloatArray dlogits,
            IntArray head,
            IntArray next,
            IntArray offsets,
            IntArray columns,
            int trieNodes,
            int width,
            int add,
            int n,
            int grid) {
        for (@Parallel
        int e = 0; e < grid; e++) {
            if (e < n) {
                int column = columns.get(e), row = head.get(Attention.sequence(offsets, trieNodes, e));
                float sum = add == 1 ? dbias.get(e) : 0f;
                while (row >= 0) {
                    sum += dlogits.get(row * width + column);
                    row = next.get(row);
                }
                dbias.set(e, sum);
            }
        }
    }
}
