package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@link Attention#beam} in blocks: 128 threads make one head of 32 rows, four threads each row, and go once through the
 * prompts of the rows' users, 32 keys at a time in local memory, as {@link FlashAttention#forward} does; each row's own
 * ancestors, a few, follow from global memory. Numerators stay in registers. For heads of up to 64 columns, a multiple of
 * 4; rows of one user should stand together, since a block goes through all prompts between the first and the last.
 *
 * <p>With N rows, H heads of D columns, P keys of a prompt and A ancestors: {@code 4 N H D (P + A)} flops;
 * {@code 8 H D (P N / 32 + A N)} bytes of keys and values where a user has 32 rows or more; 5 barriers for each 32 keys.
 * {@link Attention#beam} reads the keys of a prompt twice for each row, and its output once for each key.
 */
public final class BeamBlocks {
    private BeamBlocks() {}

    /** Rows of a block. */
    public static final int ROWS = FlashAttention.ROWS;
    /** Threads of a block. */
    public static final int THREADS = FlashAttention.THREADS;

    private static final int LANES = THREADS / ROWS; // threads of one row
    private static final int OWN = FlashAttention.MOST_COLUMNS / LANES; // columns of one thread
    private static final int LINE = FlashAttention.MOST_COLUMNS + 1;

    /** Floats of local memory that a block uses: 29 KiB. */
    public static final int LOCAL = 3 * ROWS * LINE + ROWS * (ROWS + 1) + THREADS;

    /** As {@link Attention#beam}, for {@code rows} rows; the grid is (128 · blocks of rows, heads). */
    public static void beam(
            KernelContext context,
            FloatArray out,
            FloatArray q,
            FloatArray promptKv,
            IntArray promptOffsets,
            IntArray users,
            FloatArray paths,
            FloatArray bias,
            int prompted,
            int depth,
            int heads,
            int dim,
            float scale,
            int reach,
            int rows) {
        float[] qs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ks = context.allocateFloatLocalArray(ROWS * LINE);
        float[] vs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ps = context.allocateFloatLocalArray(ROWS * (ROWS + 1));
        float[] sums = context.allocateFloatLocalArray(THREADS);
        float[] acc = new float[OWN];
        int t = context.localIdx, r = t / LANES, lane = t % LANES, h = context.groupIdy, width = heads * dim;
        int first = context.groupIdx * ROWS, i = first + r, own = dim / LANES;
        int known = TornadoMath.min(i, rows - 1), end = TornadoMath.min(first + ROWS, rows);
        for (int e = t; e < ROWS * dim; e += THREADS) {
            int line = e / dim, d = e % dim, source = TornadoMath.min(first + line, rows - 1);
            qs[line * LINE + d] = q.get(source * width + h * dim + d);
        }
        int prompt = 0, prompts = 0, firstKey = 0, lastKey = 0;
        if (prompted == 1) {
            prompt = promptOffsets.get(users.get(known));
            prompts = promptOffsets.get(users.get(known) + 1) - prompt;
            firstKey = promptOffsets.get(users.get(first));
            for (int other = first; other < end; other++) {
                firstKey = TornadoMath.min(firstKey, promptOffsets.get(users.get(other)));
                lastKey = TornadoMath.max(lastKey, promptOffsets.get(users.get(other) + 1));
            }
        }
        int count = prompts + depth;
        for (int d = 0; d < OWN; d++) acc[d] = 0f;
        float max = Float.NEGATIVE_INFINITY, sum = 0f;
        for (int tile = firstKey; tile < lastKey; tile += ROWS) {
            for (int e = t; e < ROWS * dim; e += THREADS) {
                int line = e / dim, d = e % dim, source = tile + line;
                float ksValue = 0f, vsValue = 0f;
                if (source < lastKey) {
                    ksValue = promptKv.get(source * 2 * width + h * dim + d);
                    vsValue = promptKv.get(source * 2 * width + width + h * dim + d);
                }
                ks[line * LINE + d] = ksValue;
                vs[line * LINE + d] = vsValue;
            }
            context.localBarrier();
            for (int c = lane; c < ROWS; c += LANES) {
                int j = tile + c - prompt;
                float score = Float.NEGATIVE_INFINITY;
                if (j >= 0 && j < prompts) {
                    float qk = 0f;
                    for (int d = 0; d < dim; d++) qk += qs[r * LINE + d] * ks[c * LINE + d];
                    score = qk * scale + Attention.biasOf(bias, h, reach, j - (count - 1));
                }
                ps[r * (ROWS + 1) + c] = score;
            }
            context.localBarrier();
            float most = max;
            for (int c = 0; c < ROWS; c++) most = TornadoMath.max(most, ps[r * (ROWS + 1) + c]);
            float shrink = 1f;
            if (most > max) {
                shrink = max == Float.NEGATIVE_INFINITY ? 0f : TornadoMath.exp(max - most);
                max = most;
            }
            context.localBarrier();
            sum *= shrink;
            for (int c = lane; c < ROWS; c += LANES) {
                int j = tile + c - prompt;
                float p = 0f;
                if (j >= 0 && j < prompts) {
                    p = TornadoMath.exp(ps[r * (ROWS + 1) + c] - max);
                    sum += p;
                }
                ps[r * (ROWS + 1) + c] = p;
            }
            context.localBarrier();
            for (int d = 0; d < own; d++) acc[d] = acc[d] * shrink;
            for (int c = 0; c < ROWS; c++) {
                float p = ps[r * (ROWS + 1) + c];
                for (int d = 0; d < own; d++) acc[d] = acc[d] + p * vs[c * LINE + lane * own + d];
            }
            context.localBarrier();
        }
        sums[t] = sum;
        context.localBarrier();
        float total = sums[r * LANES] + sums[r * LANES + 1] + sums[r * LANES + 2] + sums[r * LANES + 3];
        for (int j = 0; j < depth; j++) {
            int k = (known * depth + j) * 2 * width + h * dim;
            float qk = 0f;
            for (int d = 0; d < dim; d++) qk += qs[r * LINE + d] * paths.get(k + d);
            float score = qk * scale + Attention.biasOf(bias, h, reach, prompts + j - (count - 1));
            float most = TornadoMath.max(max, score);
            float shrink = max == Float.NEGATIVE_INFINITY ? 0f : TornadoMath.exp(max - most);
            float p = TornadoMath.exp(score - most);
            total = total * shrink + p;
            for (int d = 0; d < own; d++) {
                acc[d] = acc[d] * shrink + p * paths.get(k + width + lane * own + d);
            }
            max = most;
        }
        float share = total == 0f ? 0f : 1f / total; // a row without keys has zeros
        if (i < rows) {
            for (int d = 0; d < own; d++) out.set(i * width + h * dim + lane * own + d, acc[d] * share);
        }
    }
}
