package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@link Search#denominators} and {@link Search#extend} in blocks of threads: the scores of all children are written once,
 * 32 threads for each row, and then a block for each user takes the best of them.
 *
 * <p>With N rows of C codes, B users, B·W rows afterwards: {@link #candidates} reads {@code 12 N C} bytes (8 N C of them
 * from a cache) and writes {@code 4 N C}, with {@code 8 N C} flops and an exponential for each code, and 10 barriers.
 * {@link #best} reads {@code 4 N C} bytes once and {@code 4 N C / 256} more in each of its W rounds, with 10 barriers a
 * round. For 32 users, W = 20 and C = 256 that is 1.3 MB and 200 barriers, where {@link Search#extend} has one thread go
 * through 5,120 children 20 times.
 */
public final class SearchBlocks {
    private SearchBlocks() {}

    /** Threads of a block of {@link #candidates}. */
    public static final int ROW_THREADS = RowBlocks.THREADS;
    /** Threads of a block of {@link #best}, which serves one user. */
    public static final int THREADS = 256;
    /** Floats of local memory that a block of {@link #candidates} uses. */
    public static final int ROW_LOCAL = 2 * ROW_THREADS;
    /** Floats and ints of local memory that a block of {@link #best} uses. */
    public static final int LOCAL = 3 * THREADS;

    private static final int LANES = ROW_THREADS / RowBlocks.ROWS;

    private static int column(IntArray columns, int children, int from, int i) {
        int column = i;
        if (children == 1) column = columns.get(from + i);
        return column;
    }

    /**
     * The score of each row's i-th child in {@code candidates[row, i]}, -∞ for those that must not be reached and where there
     * is none. 32 threads for each row, a block of {@link #ROW_THREADS} for {@link RowBlocks#ROWS} rows.
     *
     * @param before rows of a user
     * @param n rows
     */
    public static void candidates(
            KernelContext context,
            FloatArray candidates,
            FloatArray logits,
            IntArray nodes,
            FloatArray scores,
            IntArray offsets,
            IntArray columns,
            IntArray open,
            IntArray barred,
            int opened,
            int bars,
            int children,
            int before,
            float temperature,
            int c,
            int n) {
        float[] tops = context.allocateFloatLocalArray(ROW_THREADS);
        float[] sums = context.allocateFloatLocalArray(ROW_THREADS);
        int t = context.localIdx, lane = t % LANES, r = context.groupIdx * RowBlocks.ROWS + t / LANES;
        int known = TornadoMath.min(r, n - 1), row = known * c;
        float score = scores.get(known);
        int from = offsets.get(nodes.get(known)), count = offsets.get(nodes.get(known) + 1) - from;
        count = score > Float.NEGATIVE_INFINITY ? count : 0;
        int summed = children == 1 ? count : c;
        float top = Float.NEGATIVE_INFINITY, sum = 0f;
        for (int i = lane; i < summed; i += LANES) {
            top = TornadoMath.max(top, logits.get(row + column(columns, children, from, i)) / temperature);
        }
        tops[t] = top;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) tops[t] = TornadoMath.max(tops[t], tops[t + width]);
            context.localBarrier();
        }
        float max = tops[t - lane];
        for (int i = lane; i < summed; i += LANES) {
            sum += TornadoMath.exp(logits.get(row + column(columns, children, from, i)) / temperature - max);
        }
        sums[t] = sum;
        context.localBarrier();
        for (int width = LANES / 2; width > 0; width /= 2) {
            if (lane < width) sums[t] += sums[t + width];
            context.localBarrier();
        }
        float lse = TornadoMath.log(sums[t - lane]) + max;
        int end = r < n ? c : 0;
        for (int i = lane; i < end; i += LANES) {
            float value = Float.NEGATIVE_INFINITY;
            if (i < count) {
                float reached = score + (logits.get(row + columns.get(from + i)) / temperature - lse);
                int yes = Search.allowed(open, barred, opened, bars, known / before, from + i + 1);
                value = yes == 1 ? reached : Float.NEGATIVE_INFINITY;
            }
            candidates.set(row + i, value);
        }
    }

    /**
     * As {@link Search#extend}, from {@link #candidates}; a block of {@link #THREADS} for each user. Each thread keeps the
     * best of every 256th child; in each round the block takes the best of these, and its owner looks for its next one.
     */
    public static void best(
            KernelContext context,
            IntArray rows,
            IntArray edges,
            FloatArray scores,
            FloatArray candidates,
            IntArray nodesBefore,
            IntArray offsets,
            int before,
            int width,
            int c) {
        float[] bests = context.allocateFloatLocalArray(THREADS);
        int[] bestEdges = context.allocateIntLocalArray(THREADS);
        int[] bestPlaces = context.allocateIntLocalArray(THREADS);
        int t = context.localIdx, u = context.groupIdx, all = before * c;
        float lastScore = Float.POSITIVE_INFINITY, own = Float.NEGATIVE_INFINITY;
        int lastEdge = -1, ownEdge = -1, ownPlace = -1, owner = t;
        for (int round = 0; round < width; round++) {
            int end = owner == t ? all : 0; // only whose child was taken looks for another
            own = owner == t ? Float.NEGATIVE_INFINITY : own;
            ownEdge = owner == t ? -1 : ownEdge;
            ownPlace = owner == t ? -1 : ownPlace;
            for (int i = t; i < end; i += THREADS) {
                float score = candidates.get(u * all + i);
                int edge = offsets.get(nodesBefore.get(u * before + i / c)) + i % c;
                int real = score > Float.NEGATIVE_INFINITY ? 1 : 0;
                int take = Search.behind(score, edge, lastScore, lastEdge) * real;
                take = ownEdge < 0 ? take : take * Search.behind(own, ownEdge, score, edge);
                own = take == 1 ? score : own;
                ownEdge = take == 1 ? edge : ownEdge;
                ownPlace = take == 1 ? i : ownPlace;
            }
            bests[t] = own;
            bestEdges[t] = ownEdge;
            bestPlaces[t] = ownPlace;
            context.localBarrier();
            for (int half = THREADS / 2; half > 0; half /= 2) {
                if (t < half) {
                    int other = t + half, there = bestEdges[other] >= 0 ? 1 : 0;
                    int better = Search.behind(bests[t], bestEdges[t], bests[other], bestEdges[other]);
                    int take = bestEdges[t] < 0 ? there : there * better;
                    bests[t] = take == 1 ? bests[other] : bests[t];
                    bestPlaces[t] = take == 1 ? bestPlaces[other] : bestPlaces[t];
                    bestEdges[t] = take == 1 ? bestEdges[other] : bestEdges[t];
                }
                context.localBarrier();
            }
            lastScore = bests[0];
            lastEdge = bestEdges[0];
            int place = bestPlaces[0], row = u * before + TornadoMath.max(place, 0) / c;
            owner = place < 0 ? -1 : place % THREADS;
            if (t == 0) {
                rows.set(u * width + round, row);
                edges.set(u * width + round, lastEdge);
                scores.set(u * width + round, lastScore);
            }
            context.localBarrier();
        }
    }
}
