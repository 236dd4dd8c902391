package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@link Attention} in tiles, as in FlashAttention (Dao et al., NeurIPS 2022): a block of 128 threads makes one head of
 * 32 rows, four threads each row, and goes through the keys (or, for the gradient of keys, the queries) 32 at a time,
 * which it brings into local memory. Rows of a block may belong to several sequences: the block goes through the keys of
 * all of them, and pairs from different sequences do not count. For heads of up to 64 columns, a multiple of 4.
 *
 * <p>Local arrays are not handed to helpers: TornadoVM 5.2 would take their addresses for those of Java arrays.
 */
public final class FlashAttention {
    private FlashAttention() {}

    /** Rows of a block. */
    public static final int ROWS = 32;
    /** Threads of a block. */
    public static final int THREADS = 128;
    /** The widest head. */
    public static final int MOST_COLUMNS = 64;

    private static final int LANES = 4; // threads of one row
    private static final int OWN = MOST_COLUMNS / LANES; // columns of one thread
    private static final int LINE = MOST_COLUMNS + 1;

    /** Floats of local memory that a block of {@link #forward} uses: 29 KiB. */
    public static final int FORWARD_LOCAL = 3 * ROWS * LINE + ROWS * (ROWS + 1) + THREADS;
    /** The same for {@link #queryBackward}: 37 KiB. */
    public static final int QUERY_LOCAL = 4 * ROWS * LINE + ROWS * (ROWS + 1);
    /** The same for {@link #keyValueBackward}: 41 KiB. */
    public static final int KEY_VALUE_LOCAL = 4 * ROWS * LINE + 2 * ROWS * (ROWS + 1);

    /** The first row, of the other side, of the sequences that rows from {@code row} on may belong to. */
    private static int begin(IntArray own, IntArray other, int sequences, int row) {
        int s = Attention.sequence(own, sequences, row);
        return other.get(s);
    }

    /** Behind the last row, of the other side, of the sequence that the last of the rows belongs to. */
    private static int end(IntArray own, IntArray other, int sequences, int last) {
        int s = Attention.sequence(own, sequences, last);
        return other.get(s + 1);
    }

    /** As {@link Attention#forward}, for {@code rows} rows; the grid is (128 · blocks of rows, heads). */
    public static void forward(
            KernelContext context,
            FloatArray out,
            FloatArray lse,
            FloatArray q,
            FloatArray kv,
            FloatArray bias,
            IntArray queryOffsets,
            IntArray keyOffsets,
            IntArray key,
            int heads,
            int dim,
            float scale,
            int causal,
            int reach,
            int noise,
            float keep,
            int sequences,
            int rows) {
        float[] qs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ks = context.allocateFloatLocalArray(ROWS * LINE);
        float[] vs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ps = context.allocateFloatLocalArray(ROWS * (ROWS + 1));
        float[] sums = context.allocateFloatLocalArray(THREADS);
        float[] acc = new float[OWN];
        int t = context.localIdx, r = t / LANES, lane = t % LANES, h = context.groupIdy, width = heads * dim;
        int first = context.groupIdx * ROWS, i = first + r, own = dim / LANES;
        int last = TornadoMath.min(first + ROWS, rows) - 1;
        for (int e = t; e < ROWS * dim; e += THREADS) {
            int line = e / dim, d = e % dim, source = first + line;
            float qsValue = 0f;
            if (source < rows) {
                qsValue = q.get(source * width + h * dim + d);
            }
            qs[line * LINE + d] = qsValue;
        }
        int s = Attention.sequence(queryOffsets, sequences, i);
        int from = queryOffsets.get(s), keyFirst = keyOffsets.get(s);
        int keys = (keyOffsets.get(s + 1) - keyFirst) * Attention.inside(queryOffsets, s, i);
        if (causal == 1) keys = TornadoMath.min(keys, i - from + 1);
        int begin = begin(queryOffsets, keyOffsets, sequences, first);
        int end = end(queryOffsets, keyOffsets, sequences, last);
        for (int d = 0; d < OWN; d++) acc[d] = 0f;
        float max = Float.NEGATIVE_INFINITY, sum = 0f;
        for (int tile = begin; tile < end; tile += ROWS) {
            for (int e = t; e < ROWS * dim; e += THREADS) {
                int line = e / dim, d = e % dim, source = tile + line;
                float ksValue = 0f, vsValue = 0f;
                if (source < end) {
                    ksValue = kv.get(source * 2 * width + h * dim + d);
                    vsValue = kv.get(source * 2 * width + width + h * dim + d);
                }
                ks[line * LINE + d] = ksValue;
                vs[line * LINE + d] = vsValue;
            }
            context.localBarrier();
            for (int c = lane; c < ROWS; c += LANES) {
                int j = tile + c - keyFirst;
                float score = Float.NEGATIVE_INFINITY;
                if (j >= 0 && j < keys) {
                    float qk = 0f;
                    for (int d = 0; d < dim; d++) qk += qs[r * LINE + d] * ks[c * LINE + d];
                    score = qk * scale + Attention.biasOf(bias, h, reach, j - (i - from));
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
                int j = tile + c - keyFirst;
                float p = 0f;
                if (j >= 0 && j < keys) {
                    p = TornadoMath.exp(ps[r * (ROWS + 1) + c] - max);
                    sum += p;
                    p = p * Attention.kept(key, noise, keep, heads, i, h, j);
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
        if (i < rows) {
            float share = keys > 0 ? 1f / total : 0f;
            for (int d = 0; d < own; d++) out.set(i * width + h * dim + lane * own + d, acc[d] * share);
            if (lane == 0) {
                float logSum = 0f;
                if (keys > 0) logSum = TornadoMath.log(total) + max;
                lse.set(i * heads + h, logSum);
            }
        }
    }

    /** As {@link Attention#queryBackward}. */
    public static void queryBackward(
            KernelContext context,
            FloatArray dq,
            FloatArray dout,
            FloatArray delta,
            FloatArray lse,
            FloatArray q,
            FloatArray kv,
            FloatArray bias,
            IntArray queryOffsets,
            IntArray keyOffsets,
            IntArray key,
            int heads,
            int dim,
            float scale,
            int flags,
            int reach,
            int noise,
            float keep,
            int sequences,
            int rows) {
        float[] qs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] dos = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ks = context.allocateFloatLocalArray(ROWS * LINE);
        float[] vs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ds = context.allocateFloatLocalArray(ROWS * (ROWS + 1));
        float[] acc = new float[OWN];
        int t = context.localIdx, r = t / LANES, lane = t % LANES, h = context.groupIdy, width = heads * dim;
        int first = context.groupIdx * ROWS, i = first + r, own = dim / LANES;
        int last = TornadoMath.min(first + ROWS, rows) - 1;
        for (int e = t; e < ROWS * dim; e += THREADS) {
            int line = e / dim, d = e % dim, source = first + line;
            float qsValue = 0f, dosValue = 0f;
            if (source < rows) {
                qsValue = q.get(source * width + h * dim + d);
                dosValue = dout.get(source * width + h * dim + d);
            }
            qs[line * LINE + d] = qsValue;
            dos[line * LINE + d] = dosValue;
        }
        int s = Attention.sequence(queryOffsets, sequences, i);
        int from = queryOffsets.get(s), keyFirst = keyOffsets.get(s), known = TornadoMath.min(i, rows - 1);
        int keys = (keyOffsets.get(s + 1) - keyFirst) * Attention.inside(queryOffsets, s, i);
        if ((flags & 1) == 1) keys = TornadoMath.min(keys, i - from + 1);
        float logSum = lse.get(known * heads + h), dotOut = delta.get(known * heads + h);
        int begin = begin(queryOffsets, keyOffsets, sequences, first);
        int end = end(queryOffsets, keyOffsets, sequences, last);
        for (int d = 0; d < OWN; d++) acc[d] = 0f;
        for (int tile = begin; tile < end; tile += ROWS) {
            for (int e = t; e < ROWS * dim; e += THREADS) {
                int line = e / dim, d = e % dim, source = tile + line;
                float ksValue = 0f, vsValue = 0f;
                if (source < end) {
                    ksValue = kv.get(source * 2 * width + h * dim + d);
                    vsValue = kv.get(source * 2 * width + width + h * dim + d);
                }
                ks[line * LINE + d] = ksValue;
                vs[line * LINE + d] = vsValue;
            }
            context.localBarrier();
            for (int c = lane; c < ROWS; c += LANES) {
                int j = tile + c - keyFirst;
                float g = 0f;
                if (j >= 0 && j < keys) {
                    float qk = 0f, dv = 0f;
                    for (int d = 0; d < dim; d++) {
                        qk += qs[r * LINE + d] * ks[c * LINE + d];
                        dv += dos[r * LINE + d] * vs[c * LINE + d];
                    }
                    float score = qk * scale + Attention.biasOf(bias, h, reach, j - (i - from));
                    float dp = dv * Attention.kept(key, noise, keep, heads, i, h, j);
                    g = TornadoMath.exp(score - logSum) * (dp - dotOut) * scale;
                }
                ds[r * (ROWS + 1) + c] = g;
            }
            context.localBarrier();
            for (int c = 0; c < ROWS; c++) {
                float g = ds[r * (ROWS + 1) + c];
                for (int d = 0; d < own; d++) acc[d] = acc[d] + g * ks[c * LINE + lane * own + d];
            }
            context.localBarrier();
        }
        if (i < rows) {
            for (int d = 0; d < own; d++) {
                int at = i * width + h * dim + lane * own + d;
                float before = flags >= 2 ? dq.get(at) : 0f;
                dq.set(at, before + acc[d]);
            }
        }
    }

    /** As {@link Attention#keyValueBackward}, for {@code rows} rows of keys. */
    public static void keyValueBackward(
            KernelContext context,
            FloatArray dkv,
            FloatArray dout,
            FloatArray delta,
            FloatArray lse,
            FloatArray q,
            FloatArray kv,
            FloatArray bias,
            IntArray queryOffsets,
            IntArray keyOffsets,
            IntArray key,
            int heads,
            int dim,
            float scale,
            int flags,
            int reach,
            int noise,
            float keep,
            int sequences,
            int rows) {
        float[] ks = context.allocateFloatLocalArray(ROWS * LINE);
        float[] vs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] qs = context.allocateFloatLocalArray(ROWS * LINE);
        float[] dos = context.allocateFloatLocalArray(ROWS * LINE);
        float[] ps = context.allocateFloatLocalArray(ROWS * (ROWS + 1));
        float[] ds = context.allocateFloatLocalArray(ROWS * (ROWS + 1));
        float[] dk = new float[OWN];
        float[] dv = new float[OWN];
        int t = context.localIdx, r = t / LANES, lane = t % LANES, h = context.groupIdy, width = heads * dim;
        int first = context.groupIdx * ROWS, row = first + r, own = dim / LANES;
        int last = TornadoMath.min(first + ROWS, rows) - 1;
        for (int e = t; e < ROWS * dim; e += THREADS) {
            int line = e / dim, d = e % dim, source = first + line;
            float ksValue = 0f, vsValue = 0f;
            if (source < rows) {
                ksValue = kv.get(source * 2 * width + h * dim + d);
                vsValue = kv.get(source * 2 * width + width + h * dim + d);
            }
            ks[line * LINE + d] = ksValue;
            vs[line * LINE + d] = vsValue;
        }
        int s = Attention.sequence(keyOffsets, sequences, row);
        int from = queryOffsets.get(s), j = row - keyOffsets.get(s);
        int seenFrom = (flags & 1) == 1 ? from + j : from;
        int to = queryOffsets.get(s + 1) * Attention.inside(keyOffsets, s, row);
        int begin = begin(keyOffsets, queryOffsets, sequences, first);
        int end = end(keyOffsets, queryOffsets, sequences, last);
        for (int d = 0; d < OWN; d++) {
            dk[d] = 0f;
            dv[d] = 0f;
        }
        for (int tile = begin; tile < end; tile += ROWS) {
            for (int e = t; e < ROWS * dim; e += THREADS) {
                int line = e / dim, d = e % dim, source = tile + line;
                float qsValue = 0f, dosValue = 0f;
                if (source < end) {
                    qsValue = q.get(source * width + h * dim + d);
                    dosValue = dout.get(source * width + h * dim + d);
                }
                qs[line * LINE + d] = qsValue;
                dos[line * LINE + d] = dosValue;
            }
            context.localBarrier();
            for (int c = lane; c < ROWS; c += LANES) {
                int i = tile + c;
                float p = 0f, g = 0f;
                if (i >= seenFrom && i < to) {
                    float qk = 0f, dov = 0f;
                    for (int d = 0; d < dim; d++) {
                        qk += qs[c * LINE + d] * ks[r * LINE + d];
                        dov += dos[c * LINE + d] * vs[r * LINE + d];
                    }
                    float score = qk * scale + Attention.biasOf(bias, h, reach, j - (i - from));
                    float factor = Attention.kept(key, noise, keep, heads, i, h, j);
                    float dp = dov * factor;
                    p = TornadoMath.exp(score - lse.get(i * heads + h));
                    g = p * (dp - delta.get(i * heads + h)) * scale;
                    p = p * factor;
                }
                ps[r * (ROWS + 1) + c] = p;
                ds[r * (ROWS + 1) + c] = g;
            }
            context.localBarrier();
            for (int c = 0; c < ROWS; c++) {
                float p = ps[r * (ROWS + 1) + c], g = ds[r * (ROWS + 1) + c];
                for (int d = 0; d < own; d++) {
                    dk[d] = dk[d] + g * qs[c * LINE + lane * own + d];
                    dv[d] = dv[d] + p * dos[c * LINE + lane * own + d];
                }
            }
            context.localBarrier();
        }
        if (row < rows) {
            for (int d = 0; d < own; d++) {
                int at = row * 2 * width + h * dim + lane * own + d;
                float k = flags >= 2 ? dkv.get(at) : 0f, v = flags >= 2 ? dkv.get(at + width) : 0f;
                dkv.set(at, k + dk[d]);
                dkv.set(at + width, v + dv[d]);
            }
        }
    }
}
