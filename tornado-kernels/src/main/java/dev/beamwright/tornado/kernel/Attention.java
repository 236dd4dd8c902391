package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention over a ragged batch, see {@link dev.beamwright.tensor.Backend#attention}. No matrix of scores is ever kept:
 * they are computed anew from queries and keys wherever they are needed, and {@code lse} makes weights of them.
 *
 * <p>{@code reach} is R where there is a bias of 2R-1 distances, else 0. {@code noise} is {@code salt · 65536 + threshold}
 * of the dropout, {@code keep} what kept weights are multiplied by; 0 and 1 for none.
 */
public final class Attention {
    private Attention() {}

    /** Rows of queries that one thread of {@link #biasBackward} goes through. */
    public static final int CHUNK = 64;

    /** The last sequence that begins at or before a row, the first one where there is none. */
    static int sequence(IntArray offsets, int sequences, int row) {
        int low = 0, high = sequences;
        while (high - low > 1) {
            int middle = (low + high) / 2;
            if (offsets.get(middle) <= row) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /**
     * 1 where a row belongs to a sequence, else 0: to be multiplied by. A branch that ends a round of a loop early would be
     * compiled to one that falls through.
     */
    static int inside(IntArray offsets, int s, int row) {
        int begun = offsets.get(s) <= row ? 1 : 0;
        return row < offsets.get(s + 1) ? begun : 0;
    }

    private static float dot(FloatArray a, int at, FloatArray b, int bt, int dim) {
        float sum = 0f;
        for (int d = 0; d < dim; d++) sum += a.get(at + d) * b.get(bt + d);
        return sum;
    }

    /** The bias of head h at a distance. */
    static float biasOf(FloatArray bias, int h, int reach, int distance) {
        float value = 0f;
        if (reach > 0) value = bias.get(h * (2 * reach - 1) + place(reach, distance));
        return value;
    }

    private static int place(int reach, int distance) {
        return TornadoMath.min(TornadoMath.max(distance, 1 - reach), reach - 1) + reach - 1;
    }

    /** What a weight is multiplied by: 0 where it is dropped. */
    static float kept(IntArray key, int noise, float keep, int heads, int row, int h, int j) {
        float factor = keep;
        if (noise > 0) {
            int seed = Random.seed(key.get(0), key.get(1), noise >> 16);
            int element = (int) ((row * (long) heads + h) * 2048L + j);
            if (Random.bits(seed, element) < (noise & 0xffff)) factor = 0f;
        }
        return factor;
    }

    /** The forward pass; one thread makes one head of one row, in two passes over its keys. */
    public static void forward(
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
            int n,
            int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                int i = t / heads, h = t % heads, width = heads * dim, at = i * width + h * dim;
                for (int d = 0; d < dim; d++) out.set(at + d, 0f);
                float total = 0f;
                int s = sequence(queryOffsets, sequences, i);
                int from = queryOffsets.get(s), first = keyOffsets.get(s);
                int keys = (keyOffsets.get(s + 1) - first) * inside(queryOffsets, s, i);
                if (causal == 1) keys = TornadoMath.min(keys, i - from + 1);
                if (keys > 0) {
                    float max = Float.NEGATIVE_INFINITY, sum = 0f;
                    for (int j = 0; j < keys; j++) {
                        float score = dot(q, at, kv, (first + j) * 2 * width + h * dim, dim) * scale
                                + biasOf(bias, h, reach, j - (i - from));
                        if (score > max) {
                            sum = sum * TornadoMath.exp(max - score) + 1f;
                            max = score;
                        } else {
                            sum += TornadoMath.exp(score - max);
                        }
                    }
                    total = TornadoMath.log(sum) + max;
                    for (int j = 0; j < keys; j++) {
                        int k = (first + j) * 2 * width + h * dim;
                        float score = dot(q, at, kv, k, dim) * scale + biasOf(bias, h, reach, j - (i - from));
                        float p = TornadoMath.exp(score - max) / sum * kept(key, noise, keep, heads, i, h, j);
                        for (int d = 0; d < dim; d++) {
                            out.set(at + d, out.get(at + d) + p * kv.get(k + width + d));
                        }
                    }
                }
                lse.set(t, total);
            }
        }
    }

    /** {@code delta[i, h] = dout · out}, which is Σ_j dP_j p_j. */
    public static void delta(FloatArray delta, FloatArray dout, FloatArray out, int dim, int n, int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) delta.set(t, dot(dout, t * dim, out, t * dim, dim));
        }
    }

    /** The gradient of the queries; one thread makes one head of one row. {@code flags} is causal + 2 · add. */
    public static void queryBackward(
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
            int n,
            int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                int i = t / heads, h = t % heads, width = heads * dim, at = i * width + h * dim;
                if (flags < 2) {
                    for (int d = 0; d < dim; d++) dq.set(at + d, 0f);
                }
                int s = sequence(queryOffsets, sequences, i);
                int from = queryOffsets.get(s), first = keyOffsets.get(s);
                int keys = (keyOffsets.get(s + 1) - first) * inside(queryOffsets, s, i);
                if ((flags & 1) == 1) keys = TornadoMath.min(keys, i - from + 1);
                for (int j = 0; j < keys; j++) {
                    int k = (first + j) * 2 * width + h * dim;
                    float score = dot(q, at, kv, k, dim) * scale + biasOf(bias, h, reach, j - (i - from));
                    float p = TornadoMath.exp(score - lse.get(t));
                    float dp = dot(dout, at, kv, k + width, dim) * kept(key, noise, keep, heads, i, h, j);
                    float ds = p * (dp - delta.get(t)) * scale;
                    for (int d = 0; d < dim; d++) dq.set(at + d, dq.get(at + d) + ds * kv.get(k + d));
                }
            }
        }
    }

    /** The gradient of keys and values; one thread makes one head of one key row, from its queries in order. */
    public static void keyValueBackward(
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
            int n,
            int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                int row = t / heads, h = t % heads, width = heads * dim, k = row * 2 * width + h * dim;
                if (flags < 2) {
                    for (int d = 0; d < dim; d++) {
                        dkv.set(k + d, 0f);
                        dkv.set(k + width + d, 0f);
                    }
                }
                int s = sequence(keyOffsets, sequences, row);
                int from = queryOffsets.get(s), j = row - keyOffsets.get(s);
                int begin = (flags & 1) == 1 ? from + j : from;
                int to = queryOffsets.get(s + 1) * inside(keyOffsets, s, row);
                for (int i = begin; i < to; i++) {
                    int at = i * width + h * dim;
                    float score = dot(q, at, kv, k, dim) * scale + biasOf(bias, h, reach, j - (i - from));
                    float p = TornadoMath.exp(score - lse.get(i * heads + h));
                    float factor = kept(key, noise, keep, heads, i, h, j);
                    float dp = dot(dout, at, kv, k + width, dim) * factor;
                    float ds = p * (dp - delta.get(i * heads + h)) * scale;
                    for (int d = 0; d < dim; d++) {
                        dkv.set(k + d, dkv.get(k + d) + ds * q.get(at + d));
                        dkv.set(k + width + d, dkv.get(k + width + d) + p * factor * dout.get(at + d));
                    }
                }
            }
        }
    }

    /**
     * The gradient of the bias from each chunk of query rows: (chunks, heads, 2R-1); one thread makes one head of one
     * chunk, row by row.
     */
    public static void biasBackward(
            FloatArray partial,
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
            int causal,
            int reach,
            int noise,
            float keep,
            int sequences,
            int rows,
            int n) {
        for (@Parallel
        int t = 0; t < n; t++) {
            int h = t % heads, width = heads * dim, begin = t / heads * CHUNK, end = begin + CHUNK;
            int distances = 2 * reach - 1, own = t * distances;
            if (end > rows) end = rows;
            for (int d = 0; d < distances; d++) partial.set(own + d, 0f);
            for (int i = begin; i < end; i++) {
                int s = sequence(queryOffsets, sequences, i), at = i * width + h * dim;
                int from = queryOffsets.get(s), first = keyOffsets.get(s);
                int keys = (keyOffsets.get(s + 1) - first) * inside(queryOffsets, s, i);
                if (causal == 1) keys = TornadoMath.min(keys, i - from + 1);
                for (int j = 0; j < keys; j++) {
                    int k = (first + j) * 2 * width + h * dim, place = own + place(reach, j - (i - from));
                    float score = dot(q, at, kv, k, dim) * scale + biasOf(bias, h, reach, j - (i - from));
                    float p = TornadoMath.exp(score - lse.get(i * heads + h));
                    float dp = dot(dout, at, kv, k + width, dim) * kept(key, noise, keep, heads, i, h, j);
                    partial.set(place, partial.get(place) + p * (dp - delta.get(i * heads + h)));
                }
            }
        }
    }

    /** Joins two attentions of the same queries; one thread joins one head of one row. */
    public static void join(
            FloatArray out, FloatArray lse, FloatArray otherOut, FloatArray otherLse, int dim, int n, int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                float a = lse.get(t), b = otherLse.get(t), max = TornadoMath.max(a, b);
                float total = max + TornadoMath.log(TornadoMath.exp(a - max) + TornadoMath.exp(b - max));
                float share = TornadoMath.exp(a - total), other = TornadoMath.exp(b - total);
                lse.set(t, total);
                for (int j = t * dim; j < (t + 1) * dim; j++) {
                    out.set(j, share * out.get(j) + other * otherOut.get(j));
                }
            }
        }
    }

    /** Collects one level's keys and values of each path: {@code paths[r, level] = kv[ancestors[r, level]]}. */
    public static void path(
            FloatArray paths, FloatArray kv, IntArray ancestors, int level, int depth, int width, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int r = i / width, column = i % width;
                paths.set((r * depth + level) * width + column,
                        kv.get(ancestors.get(r * depth + level) * width + column));
            }
        }
    }

    /**
     * Attention of one decoding step; one thread makes one head of one row.
     *
     * @param paths (rows, depth, 2 · heads · dim): keys and values of the ancestors
     * @param prompted 1 where there are prompts
     */
    public static void beam(
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
            int n,
            int grid) {
        for (@Parallel
        int t = 0; t < grid; t++) {
            if (t < n) {
                int r = t / heads, h = t % heads, width = heads * dim, at = r * width + h * dim;
                int prompt = 0, prompts = 0;
                if (prompted == 1) {
                    prompt = promptOffsets.get(users.get(r));
                    prompts = promptOffsets.get(users.get(r) + 1) - prompt;
                }
                int count = prompts + depth;
                float max = Float.NEGATIVE_INFINITY, sum = 0f;
                for (int d = 0; d < dim; d++) out.set(at + d, 0f);
                for (int j = 0; j < prompts; j++) {
                    int k = (prompt + j) * 2 * width + h * dim;
                    float score = dot(q, at, promptKv, k, dim) * scale + biasOf(bias, h, reach, j - (count - 1));
                    max = TornadoMath.max(max, score);
                }
                for (int j = 0; j < depth; j++) {
                    int k = (r * depth + j) * 2 * width + h * dim;
                    float score = dot(q, at, paths, k, dim) * scale + biasOf(bias, h, reach, prompts + j - (count - 1));
                    max = TornadoMath.max(max, score);
                }
                for (int j = 0; j < prompts; j++) {
                    int k = (prompt + j) * 2 * width + h * dim;
                    float score = dot(q, at, promptKv, k, dim) * scale + biasOf(bias, h, reach, j - (count - 1));
                    float p = TornadoMath.exp(score - max);
                    sum += p;
                    for (int d = 0; d < dim; d++) out.set(at + d, out.get(at + d) + p * promptKv.get(k + width + d));
                }
                for (int j = 0; j < depth; j++) {
                    int k = (r * depth + j) * 2 * width + h * dim;
                    float score = dot(q, at, paths, k, dim) * scale + biasOf(bias, h, reach, prompts + j - (count - 1));
                    float p = TornadoMath.exp(score - max);
                    sum += p;
                    for (int d = 0; d < dim; d++) out.set(at + d, out.get(at + d) + p * paths.get(k + width + d));
                }
                float all = sum == 0f ? 1f : sum; // a row without keys has zeros
                for (int d = 0; d < dim; d++) out.set(at + d, out.get(at + d) / all);
            }
        }
    }
}
