package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Gemm.packPanels;
import static dev.beamwright.tensor.cpu.Gemm.packRows;
import static dev.beamwright.tensor.cpu.Gemm.packTransposed;
import static dev.beamwright.tensor.cpu.Gemm.panelBytes;
import static dev.beamwright.tensor.cpu.Gemm.panels;
import static dev.beamwright.tensor.cpu.Gemm.write;
import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Lanes.set;
import static dev.beamwright.tensor.cpu.Tile.COLUMNS;
import static dev.beamwright.tensor.cpu.Tile.DEPTH;
import static dev.beamwright.tensor.cpu.Tile.LDA;
import static dev.beamwright.tensor.cpu.Tile.ROWS;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * Attention without ever writing its weights to memory (Dao et al., "FlashAttention", 2022): for one sequence and head,
 * a strip of queries meets the keys block by block; scores, softmax and the product with the values stay in the cache,
 * and the way back computes the weights again from the log of their sum.
 *
 * <p>Scores lie in an array with rows {@link Tile#LDA} apart, so that {@link Tile} can read them by rows (weights times
 * values) as well as by columns (weights, transposed, times gradients). What happens within a row stands in
 * {@link Weights}.
 */
final class Attention {
    /** Queries of one strip. */
    private static final int STRIP = 10 * ROWS;
    /** Keys of one block. */
    private static final int BLOCK = DEPTH;
    /** Into how many blocks of work a batch is cut at most. */
    private static final int PARTS = 64;
    /** Multiplications below which one thread is faster than two. */
    private static final long SMALL = 400_000;

    private final AttentionSpec spec;
    private final int heads, dim, width, sequences;
    private final long q, kv, bias, queryOffsets, keyOffsets;
    private final int biasColumns, seed, threshold;
    private final float keepScale;

    private Attention(Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        this.spec = spec;
        heads = spec.heads();
        dim = spec.headDim();
        width = heads * dim;
        sequences = (int) spec.queryOffsets().shape().size() - 1;
        this.q = address(q);
        this.kv = address(kv);
        this.bias = bias == null ? 0 : address(bias);
        biasColumns = bias == null ? 0 : bias.shape().dim(-1);
        queryOffsets = address(spec.queryOffsets());
        keyOffsets = address(spec.keyOffsets());
        Dropout dropout = spec.dropout();
        seed = dropout == null ? 0 : dropout.seed();
        threshold = dropout == null ? 0 : dropout.threshold();
        keepScale = dropout == null ? 1 : dropout.scale();
    }

    static void forward(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        var attention = new Attention(q, kv, bias, spec);
        attention.clearOutside(address(out), address(lse), out.shape().rows());
        attention.each((unit, part) -> attention.forward(unit, address(out), address(lse)));
    }

    static void backward(
            Tensor dq,
            Tensor dkv,
            Tensor dbias,
            Tensor dout,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor kv,
            Tensor bias,
            AttentionSpec spec) {
        var attention = new Attention(q, kv, bias, spec);
        long toQ = dq == null ? 0 : address(dq), toKv = dkv == null ? 0 : address(dkv);
        int size = dbias == null ? 0 : (int) dbias.shape().size(), parts = attention.parts();
        long sums = Scratch.get().block(Scratch.PARTIALS, (long) parts * size);
        Flat.fill(sums, 0, parts * size);
        attention.each((unit, part) -> {
            long toBias = dbias == null ? 0 : sums + 4L * part * size;
            attention.backward(unit, toQ, toKv, toBias, address(dout), address(out), address(lse));
        });
        for (int p = 0; dbias != null && p < parts; p++)
            Flat.add(address(dbias), address(dbias), sums + 4L * p * size, size);
    }

    // ---- the batch

    private interface Body {
        void run(Unit unit, int part);
    }

    /** How many blocks of work there are, which depends on the batch alone. */
    private int parts() {
        return Math.min(PARTS, sequences * heads);
    }

    private void each(Body body) {
        int units = sequences * heads, parts = parts();
        IntConsumer part = p -> {
            for (int u = (int) ((long) units * p / parts), end = (int) ((long) units * (p + 1) / parts); u < end; u++) {
                body.run(new Unit(u / heads, u % heads), p);
            }
        };
        long work = 0;
        for (int s = 0; s < sequences && work < SMALL; s++) {
            Unit unit = new Unit(s, 0);
            work += (long) unit.queries * unit.keys * width;
        }
        if (work >= SMALL) Parallel.run(parts, part);
        else for (int p = 0; p < parts; p++) part.accept(p);
    }

    /** Rows before the first sequence and behind the last one. */
    private void clearOutside(long out, long lse, int rows) {
        int first = getInt(queryOffsets), last = getInt(queryOffsets + 4L * sequences);
        Flat.fill(out, 0, first * width);
        Flat.fill(lse, 0, first * heads);
        Flat.fill(out + 4L * last * width, 0, (rows - last) * width);
        Flat.fill(lse + 4L * last * heads, 0, (rows - last) * heads);
    }

    /** One head of one sequence. */
    private final class Unit {
        final int head, firstQuery, queries, firstKey, keys;

        Unit(int sequence, int head) {
            this.head = head;
            firstQuery = getInt(queryOffsets + 4L * sequence);
            queries = getInt(queryOffsets + 4L * (sequence + 1)) - firstQuery;
            firstKey = getInt(keyOffsets + 4L * sequence);
            keys = getInt(keyOffsets + 4L * (sequence + 1)) - firstKey;
        }

        /** Where this head's columns of a query row begin, in q or a tensor like it. */
        long query(long tensor, int row) {
            return tensor + 4 * ((long) (firstQuery + row) * width + head * dim);
        }

        /** Where this head's columns of a key begin, in kv or a tensor like it. */
        long key(long tensor, int row) {
            return tensor + 4 * ((long) (firstKey + row) * 2 * width + head * dim);
        }

        long value(long tensor, int row) {
            return key(tensor, row) + 4L * width;
        }

        long lse(long tensor, int row) {
            return tensor + 4 * ((long) (firstQuery + row) * heads + head);
        }

        /** How many keys of the block that begins at {@code from} a query sees. */
        int seen(int query, int from) {
            int n = Math.min(BLOCK, keys - from);
            return spec.causal() ? Math.clamp(query - from + 1, 0, n) : n;
        }

        /** The first number of a query's dropout, that of key {@code from}. */
        int dropoutNumber(int query, int from) {
            return ((firstQuery + query) * heads + head) * 2048 + from;
        }

        /** The biases by distance: that of key j seen from query i stands at j - i + queries - 1. */
        float[] biases(Scratch scratch) {
            int n = queries + keys;
            float[] b = scratch.array(Scratch.BIAS, n + BLOCK);
            if (bias == 0) {
                Arrays.fill(b, 0, n + COLUMNS, 0);
                return b;
            }
            for (int i = 0; i < n; i++) b[i] = get(bias + 4L * biasIndex(i - queries + 1));
            return b;
        }

        /** Where the bias of a distance stands among those of all heads. */
        int biasIndex(int distance) {
            int reach = (biasColumns - 1) / 2;
            return head * biasColumns + Math.clamp(distance, -reach, reach) + reach;
        }
    }

    // ---- one head of one sequence

    private long queryStride() {
        return 4L * width;
    }

    private long keyStride() {
        return 8L * width;
    }

    private void forward(Unit u, long out, long lse) {
        if (u.keys == 0) {
            for (int i = 0; i < u.queries; i++) {
                Flat.fill(u.query(out, i), 0, dim);
                set(u.lse(lse, i), 0);
            }
            return;
        }
        Scratch scratch = Scratch.get();
        int blocks = (u.keys + BLOCK - 1) / BLOCK, padded = (int) panels(dim) * COLUMNS;
        long keyBlock = panels(BLOCK) * panelBytes(dim), valueBlock = panels(dim) * panelBytes(BLOCK);
        long keys = scratch.block(Scratch.KEYS_T, blocks * keyBlock / 4);
        long values = scratch.block(Scratch.VALUES, blocks * valueBlock / 4);
        for (int b = 0; b < blocks; b++) {
            int n = Math.min(BLOCK, u.keys - b * BLOCK);
            packTransposed(u.key(kv, b * BLOCK), keyStride(), dim, n, keys + b * keyBlock);
            packPanels(u.value(kv, b * BLOCK), keyStride(), n, dim, values + b * valueBlock);
        }
        float[] bias = u.biases(scratch), queries = scratch.array(Scratch.QUERIES, STRIP * LDA);
        float[] scores = scratch.array(Scratch.SCORES, STRIP * LDA),
                results = scratch.array(Scratch.RESULTS, STRIP * padded);
        float[] max = scratch.array(Scratch.MAXIMA, STRIP), sum = scratch.array(Scratch.ROW_SUMS, STRIP);
        for (int first = 0; first < u.queries; first += STRIP) {
            int rows = Math.min(STRIP, u.queries - first);
            packRows(u.query(q, first), queryStride(), rows, dim, queries, 0);
            for (int b = 0; b < blocks && u.seen(first + rows - 1, b * BLOCK) > 0; b++) {
                int from = b * BLOCK;
                scores(u, first, rows, from, queries, keys + b * keyBlock, scores);
                for (int r = 0; r < rows; r++) {
                    int i = first + r, n = u.seen(i, from), at = r * LDA;
                    float top = Weights.biased(scores, at, spec.scale(), bias, from - i + u.queries - 1, n);
                    if (b == 0) {
                        max[r] = top;
                        sum[r] = Weights.exp(scores, at, top, n);
                    } else if (n > 0) {
                        float greater = Math.max(max[r], top), shrink = (float) Math.exp(max[r] - greater);
                        max[r] = greater;
                        sum[r] = sum[r] * shrink + Weights.exp(scores, at, greater, n);
                        Weights.scale(results, r * padded, shrink, dim);
                    }
                    Arrays.fill(scores, at + n, at + u.seen(u.queries - 1, from), 0);
                    if (spec.dropout() != null) {
                        Weights.drop(scores, at, u.dropoutNumber(i, from), seed, threshold, keepScale, n);
                    }
                }
                weighted(u, first, rows, from, scores, values + b * valueBlock, results, padded, b > 0);
            }
            for (int r = 0; r < rows; r++) {
                Weights.put(u.query(out, first + r), results, r * padded, 1 / sum[r], dim);
                set(u.lse(lse, first + r), max[r] + (float) Math.log(sum[r]));
            }
        }
    }

    /** The products of a strip's rows of a, {@code dim} long, with the keys or values of a block. */
    private void scores(Unit u, int first, int rows, int from, float[] a, long panels, float[] to) {
        int n = u.seen(first + rows - 1, from);
        for (int j = 0; j < n; j += COLUMNS) {
            long panel = panels + j / COLUMNS * panelBytes(dim);
            for (int r = 0; r < rows; r += ROWS) {
                Tile.rows(
                        Math.min(ROWS, rows - r),
                        Math.min(COLUMNS, n - j),
                        a,
                        r * LDA,
                        panel,
                        4 * COLUMNS,
                        to,
                        r * LDA + j,
                        LDA,
                        dim);
            }
        }
    }

    /** Puts or adds weights times values. */
    private void weighted(
            Unit u, int first, int rows, int from, float[] p, long values, float[] to, int padded, boolean add) {
        int depth = Math.min(BLOCK, u.keys - from);
        float[] tile = Scratch.get().array(Scratch.TILE, ROWS * COLUMNS);
        for (int j = 0; j < dim; j += COLUMNS) {
            long panel = values + j / COLUMNS * panelBytes(depth);
            for (int r = 0; r < rows; r += ROWS) {
                int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, dim - j);
                int n = u.seen(first + r + h - 1, from);
                if (add) {
                    Tile.rows(h, w, p, r * LDA, panel, 4 * COLUMNS, tile, 0, COLUMNS, n);
                    for (int i = 0; i < h; i++) Weights.add(to, (r + i) * padded + j, tile, i * COLUMNS, w);
                } else {
                    Tile.rows(h, w, p, r * LDA, panel, 4 * COLUMNS, to, r * padded + j, padded, n);
                }
            }
        }
    }

    private void backward(Unit u, long dq, long dkv, long dbias, long dout, long out, long lse) {
        if (u.keys == 0 || u.queries == 0) return;
        Scratch scratch = Scratch.get();
        long keysT = scratch.block(Scratch.KEYS_T, panels(BLOCK) * panelBytes(dim) / 4);
        long valuesT = scratch.block(Scratch.VALUES_T, panels(BLOCK) * panelBytes(dim) / 4);
        long keys = scratch.block(Scratch.KEYS, panels(dim) * panelBytes(BLOCK) / 4);
        long queryPanels = scratch.block(Scratch.QUERY_PANELS, panels(dim) * panelBytes(STRIP) / 4);
        long outPanels = scratch.block(Scratch.OUT_PANELS, panels(dim) * panelBytes(STRIP) / 4);
        float[] bias = u.biases(scratch), slopes = scratch.array(Scratch.DBIAS, u.queries + u.keys + BLOCK);
        float[] queries = scratch.array(Scratch.QUERIES, STRIP * LDA), outs = scratch.array(Scratch.OUTS, STRIP * LDA);
        float[] p = scratch.array(Scratch.SCORES, STRIP * LDA), ds = scratch.array(Scratch.GRADIENTS, STRIP * LDA);
        Arrays.fill(slopes, 0, u.queries + u.keys + COLUMNS, 0);
        for (int from = 0; from < u.keys; from += BLOCK) {
            int n = Math.min(BLOCK, u.keys - from);
            packTransposed(u.key(kv, from), keyStride(), dim, n, keysT);
            packTransposed(u.value(kv, from), keyStride(), dim, n, valuesT);
            packPanels(u.key(kv, from), keyStride(), n, dim, keys);
            for (int first = 0; first < u.queries; first += STRIP) {
                int rows = Math.min(STRIP, u.queries - first);
                if (u.seen(first + rows - 1, from) == 0) continue;
                packRows(u.query(q, first), queryStride(), rows, dim, queries, 0);
                packRows(u.query(dout, first), queryStride(), rows, dim, outs, 0);
                scores(u, first, rows, from, queries, keysT, p);
                scores(u, first, rows, from, outs, valuesT, ds);
                for (int r = 0; r < rows; r++) {
                    int i = first + r, seen = u.seen(i, from), at = r * LDA, away = from - i + u.queries - 1;
                    Weights.biased(p, at, spec.scale(), bias, away, seen);
                    Weights.exp(p, at, get(u.lse(lse, i)), seen);
                    float dot = Weights.dot(u.query(dout, i), u.query(out, i), dim);
                    if (spec.dropout() == null) {
                        Weights.slopes(p, ds, at, dot, spec.scale(), slopes, away, seen);
                    } else {
                        int number = u.dropoutNumber(i, from);
                        Weights.dropSlopes(p, ds, at, number, seed, threshold, keepScale, dot, spec.scale(), seen);
                        Weights.add(slopes, away, ds, at, seen);
                    }
                    Arrays.fill(p, at + seen, at + n, 0);
                    Arrays.fill(ds, at + seen, at + n, 0);
                }
                if (dq != 0) addRows(u, first, rows, from, ds, keys, dq);
                if (dkv == 0) continue;
                packPanels(u.query(q, first), queryStride(), rows, dim, queryPanels);
                packPanels(u.query(dout, first), queryStride(), rows, dim, outPanels);
                addColumns(u, first, rows, from, ds, queryPanels, u.key(dkv, from));
                addColumns(u, first, rows, from, p, outPanels, u.value(dkv, from));
            }
        }
        if (dbias == 0) return;
        float unscaled = spec.dropout() == null ? 1 : 1 / spec.scale();
        for (int i = 0; i < u.queries + u.keys - 1; i++) {
            long to = dbias + 4L * u.biasIndex(i - u.queries + 1);
            set(to, get(to) + slopes[i] * unscaled);
        }
    }

    /** {@code dq += ds · keys} for a strip. */
    private void addRows(Unit u, int first, int rows, int from, float[] ds, long keys, long dq) {
        int depth = Math.min(BLOCK, u.keys - from);
        float[] tile = Scratch.get().array(Scratch.TILE, ROWS * COLUMNS);
        for (int j = 0; j < dim; j += COLUMNS) {
            long panel = keys + j / COLUMNS * panelBytes(depth);
            for (int r = 0; r < rows; r += ROWS) {
                int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, dim - j);
                Tile.rows(h, w, ds, r * LDA, panel, 4 * COLUMNS, tile, 0, COLUMNS, u.seen(first + r + h - 1, from));
                write(tile, 0, COLUMNS, h, w, u.query(dq, first + r) + 4L * j, queryStride(), true);
            }
        }
    }

    /** {@code to += weightsᵀ · panels}, a row for each key of a block; the panels hold a row for each query of a strip. */
    private void addColumns(Unit u, int first, int rows, int from, float[] weights, long panels, long to) {
        int n = u.seen(first + rows - 1, from);
        float[] tile = Scratch.get().array(Scratch.TILE, ROWS * COLUMNS);
        for (int j = 0; j < dim; j += COLUMNS) {
            long panel = panels + j / COLUMNS * panelBytes(rows);
            for (int k = 0; k < n; k += ROWS) {
                int h = Math.min(ROWS, n - k), w = Math.min(COLUMNS, dim - j);
                int skip = spec.causal() ? Math.max(0, from + k - first) : 0; // queries before these keys
                long at = panel + 4L * COLUMNS * skip;
                Tile.columns(h, w, weights, skip * LDA + k, LDA, at, 4 * COLUMNS, tile, 0, COLUMNS, rows - skip);
                write(tile, 0, COLUMNS, h, w, to + k * keyStride() + 4L * j, keyStride(), true);
            }
        }
    }
}
