package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Searching for the nearest and the best. */
public final class Search {
    private Search() {}

    /** The nearest code of each row by squared Euclidean distance, the lower on a tie; one thread for each row. */
    public static void nearest(
            IntArray codes, FloatArray distances, FloatArray x, FloatArray codebook, int k, int c, int n, int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int best = 0;
                float least = Float.POSITIVE_INFINITY;
                for (int j = 0; j < k; j++) {
                    float sum = 0f;
                    for (int i = 0; i < c; i++) {
                        float d = x.get(r * c + i) - codebook.get(j * c + i);
                        sum += d * d;
                    }
                    if (sum < least) {
                        least = sum;
                        best = j;
                    }
                }
                codes.set(r, best);
                distances.set(r, least);
            }
        }
    }

    /**
     * The logarithm of each row's denominator, see {@link dev.beamwright.tensor.Backend#extendBeams}; one thread for each
     * row. Rows with the score -∞ get no number.
     */
    public static void denominators(
            FloatArray lse,
            FloatArray logits,
            IntArray nodes,
            FloatArray scores,
            IntArray offsets,
            IntArray columns,
            int children,
            float temperature,
            int c,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c, from = 0, to = c;
                if (children == 1) {
                    from = offsets.get(nodes.get(r));
                    to = offsets.get(nodes.get(r) + 1);
                }
                to = scores.get(r) > Float.NEGATIVE_INFINITY ? to : from;
                float max = Float.NEGATIVE_INFINITY, sum = 0f;
                for (int i = from; i < to; i++) {
                    max = TornadoMath.max(max, logits.get(row + code(columns, children, i)) / temperature);
                }
                for (int i = from; i < to; i++) {
                    sum += TornadoMath.exp(logits.get(row + code(columns, children, i)) / temperature - max);
                }
                lse.set(r, TornadoMath.log(sum) + max);
            }
        }
    }

    private static int code(IntArray columns, int children, int i) {
        int code = i;
        if (children == 1) code = columns.get(i);
        return code;
    }

    /**
     * The best children of each user's rows, best first, in as many rounds as there are places: each looks for the best
     * that stands behind the one before. One thread for each user. A place without a child has edge -1 and score -∞.
     */
    public static void extend(
            IntArray rows,
            IntArray edges,
            FloatArray scores,
            FloatArray logits,
            FloatArray lse,
            IntArray nodesBefore,
            FloatArray scoresBefore,
            IntArray offsets,
            IntArray columns,
            IntArray open,
            IntArray barred,
            int opened,
            int bars,
            int before,
            int width,
            float temperature,
            int c,
            int n) {
        for (@Parallel
        int u = 0; u < n; u++) {
            float lastScore = Float.POSITIVE_INFINITY;
            int lastEdge = -1;
            for (int place = 0; place < width; place++) {
                float best = Float.NEGATIVE_INFINITY;
                int bestRow = 0, bestEdge = -1;
                for (int row = u * before; row < (u + 1) * before; row++) {
                    int from = offsets.get(nodesBefore.get(row)), to = offsets.get(nodesBefore.get(row) + 1);
                    to = scoresBefore.get(row) > Float.NEGATIVE_INFINITY ? to : from;
                    for (int e = from; e < to; e++) {
                        float score = scoresBefore.get(row)
                                + (logits.get(row * c + columns.get(e)) / temperature - lse.get(row));
                        int take =
                                behind(score, e, lastScore, lastEdge) * allowed(open, barred, opened, bars, u, e + 1);
                        take = bestEdge < 0 ? take : take * behind(best, bestEdge, score, e);
                        best = take == 1 ? score : best;
                        bestRow = take == 1 ? row : bestRow;
                        bestEdge = take == 1 ? e : bestEdge;
                    }
                }
                rows.set(u * width + place, bestRow);
                edges.set(u * width + place, bestEdge);
                scores.set(u * width + place, best);
                lastScore = best;
                lastEdge = bestEdge;
            }
        }
    }

    /** 1 where a child stands behind another in the order of scores, then of edges, else 0. No branch ends a round of a loop. */
    static int behind(float score, int edge, float otherScore, int otherEdge) {
        int lower = score < otherScore ? 1 : 0, later = edge > otherEdge ? 1 : 0;
        return score == otherScore ? later : lower;
    }

    /** 1 where a node may be reached by a user, else 0. */
    static int allowed(IntArray open, IntArray barred, int opened, int bars, int user, int node) {
        int yes = 1;
        if (opened == 1) yes = TornadoMath.min(open.get(node), 1);
        for (int i = 0; i < bars; i++) yes = barred.get(user * bars + i) == node ? 0 : yes;
        return yes;
    }

    /** Nodes, parents and tokens of the chosen children; one thread for each. */
    public static void children(
            IntArray nodes, IntArray parents, IntArray tokens, IntArray rows, IntArray edges, IntArray columns,
            int firstToken, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int e = edges.get(i), node = 0, parent = 0, token = -1;
                if (e >= 0) {
                    node = e + 1;
                    parent = rows.get(i);
                    token = firstToken + columns.get(e);
                }
                nodes.set(i, node);
                parents.set(i, parent);
                tokens.set(i, token);
            }
        }
    }

    /** {@code after[r] = (before[parents[r]], r)}; one thread for each row. */
    public static void paths(IntArray after, IntArray before, IntArray parents, int depth, int n, int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                for (int l = 0; l < depth; l++) {
                    after.set(r * (depth + 1) + l, before.get(parents.get(r) * depth + l));
                }
                after.set(r * (depth + 1) + depth, r);
            }
        }
    }
}
