package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Gemm.packPanels;
import static dev.beamwright.tensor.cpu.Gemm.packRows;
import static dev.beamwright.tensor.cpu.Gemm.packTransposed;
import static dev.beamwright.tensor.cpu.Gemm.panelBytes;
import static dev.beamwright.tensor.cpu.Gemm.panels;
import static dev.beamwright.tensor.cpu.Gemm.tile;
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
    /** Bytes of queries, keys and values from which on they lie in memory rather than in a cache. */
    private static final long LARGE = 16 << 20;
    /** The most bytes of one sequence that are read ahead, below the size of a second-level cache. */
    private static final long AHEAD = 3 << 19;

    private final AttentionSpec spec;
    private final int heads, dim, width, sequences;
    private final long q, kv, bias, queryOffsets, keyOffsets;
    private final int biasColumns, seed, threshold;
    private final float keepScale;
    private final boolean large;

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
        queryOffsets = offsets(spec.queryOffsets(), sequences, q.shape().rows());
        keyOffsets = offsets(spec.keyOffsets(), sequences, kv.shape().rows());
        large = 4 * (q.shape().size() + kv.shape().size()) > LARGE;
        Dropout dropout = spec.dropout();
        seed = dropout == null ? 0 : dropout.seed();
        threshold = dropout == null ? 0 : dropout.threshold();
        keepScale = dropout == null ? 1 : dropout.scale();
    }

    /** Where so many sequences' offsets lie. Throws {@link IndexOutOfBoundsException} unless they are of these rows. */
    static long offsets(Tensor offsets, int sequences, int rows) {
        for (int s = 0, before = 0; s <= sequences; s++) {
            int at = offsets.getInt(s);
            if (at < before || at > rows) {
                throw new IndexOutOfBoundsException(
                        "sequence offset " + at + " after " + before + " in " + rows + " rows");
            }
            before = at;
        }
        return address(offsets);
    }

    static void forward(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        var attention = new Attention(q, kv, bias, spec);
        attention.clearOutside(address(out), address(lse), out.shape().rows());
        long toOut = address(out), toLse = address(lse);
        attention.each(
                (unit, part) -> attention.forward(unit, toOut, toLse),
                new long[] {attention.q, toOut},
                new long[] {attention.kv});
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
        attention.each(
                (unit, part) -> {
                    long toBias = dbias == null ? 0 : sums + 4L * part * size;
                    attention.backward(unit, toQ, toKv, toBias, address(dout), address(out), address(lse));
                },
                new long[] {attention.q, address(dout), address(out), toQ},
                new long[] {attention.kv, toKv});
        for (int p = 0; dbias != null && p < parts; p++)
            Flat.run(size, Flat::add, address(dbias), address(dbias), sums + 4L * p * size, 0);
    }

    // ---- the batch

    private interface Body {
        void run(Unit unit, int part);
    }

    /** How many blocks of work there are, which depends on the batch alone. */
    private int parts() {
        return Math.min(PARTS, sequences * heads);
    }

    /**
     * Does something for each head of each sequence.
     *
     * @param queries tensors of one row for each query that it uses, or 0
     * @param keys tensors of one row for each key that it uses, or 0
     */
    private void each(Body body, long[] queries, long[] keys) {
        int units = sequences * heads, parts = parts();
        IntConsumer part = p -> {
            int first = (int) ((long) units * p / parts), end = (int) ((long) units * (p + 1) / parts);
            for (int u = first; u < end; u++) {
                Unit unit = new Unit(u / heads, u % heads);
                if (large && (u == first || unit.head == 0)) fetch(unit, queries, keys);
                body.run(unit, p);
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

    /**
     * Reads the rows of a sequence from front to back, before each head reads a few columns of them: from memory that is
     * faster, though not from a cache.
     */
    private void fetch(Unit u, long[] queries, long[] keys) {
        long row = 4L * width, asked = u.queries * row, offered = 2 * u.keys * row;
        if (queries.length * asked + keys.length * offered > AHEAD) return;
        int x = 0;
        for (long t : queries) if (t != 0) x ^= read(t + u.firstQuery * row, asked);
        for (long t : keys) if (t != 0) x ^= read(t + 2 * u.firstKey * row, offered);
        Scratch.get().array(Scratch.TILE, ROWS * COLUMNS)[0] = x; // or C2 would read nothing
    }

    /** Reads memory in order; the result says nothing, but has to be kept somewhere, or C2 would read nothing. */
    static int read(long from, long bytes) {
        int x = 0;
        for (long i = 0; i < bytes; i += 64) x ^= getInt(from + i);
        return x;
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

    /**
     * What is done to one strip and one block of keys, step by step. As an array of these, steps are called and never
     * inlined into one another, which {@link Flat} explains.
     */
    private interface Step {
        void run(Strip s);
    }

    private static final Step[] PACK = {Strip::packKeysT, Strip::packValues};
    private static final Step[] BEGIN = {Strip::packQueries};
    private static final Step[] FORWARD = {
        Strip::scores, Strip::softmax, Strip::grow, Strip::clearUnseen, Strip::drop, Strip::weightedValues
    };
    private static final Step[] FINISH = {Strip::finish};

    private static final Step[] PACK_BACKWARD = {Strip::packKeysT, Strip::packValuesT, Strip::packKeys};
    private static final Step[] BACKWARD = {
        Strip::packQueries,
        Strip::packOuts,
        Strip::scores,
        Strip::weights,
        Strip::valueProducts,
        Strip::dots,
        Strip::slopes,
        Strip::dropSlopes,
        Strip::clearUnseen,
        Strip::clearUnseenSlopes,
        Strip::addToQueries,
        Strip::packQueryPanels,
        Strip::addToKeys,
        Strip::packOutPanels,
        Strip::addToValues
    };

    private static void run(Step[] steps, Strip s) {
        for (Step step : steps) step.run(s);
    }

    private void forward(Unit u, long out, long lse) {
        var s = new Strip(u, out, lse);
        if (u.keys == 0) {
            for (int i = 0; i < u.queries; i++) {
                Flat.fill(u.query(out, i), 0, dim);
                set(u.lse(lse, i), 0);
            }
            return;
        }
        s.allocateForward();
        for (int b = 0; b < s.blocks; b++) {
            s.choose(b);
            run(PACK, s);
        }
        for (s.first = 0; s.first < u.queries; s.first += STRIP) {
            s.rows = Math.min(STRIP, u.queries - s.first);
            run(BEGIN, s);
            for (int b = 0; b < s.blocks && u.seen(s.first + s.rows - 1, b * BLOCK) > 0; b++) {
                s.choose(b);
                run(FORWARD, s);
            }
            run(FINISH, s);
        }
    }

    private void backward(Unit u, long dq, long dkv, long dbias, long dout, long out, long lse) {
        if (u.keys == 0 || u.queries == 0) return;
        var s = new Strip(u, out, lse);
        s.dq = dq;
        s.dkv = dkv;
        s.dout = dout;
        s.allocateBackward();
        for (s.from = 0; s.from < u.keys; s.from += BLOCK) {
            run(PACK_BACKWARD, s);
            for (s.first = 0; s.first < u.queries; s.first += STRIP) {
                s.rows = Math.min(STRIP, u.queries - s.first);
                if (u.seen(s.first + s.rows - 1, s.from) > 0) run(BACKWARD, s);
            }
        }
        if (dbias != 0) s.addToBias(dbias);
    }

    /** The work on one unit: a strip of its queries, a block of its keys, and the scratch memory. */
    private final class Strip {
        final Unit u;
        final Scratch scratch = Scratch.get();
        final long out, lse;
        final int blocks, padded = (int) panels(dim) * COLUMNS;
        /** Whether keys and values are multiplied where they stand: where one tile has all queries, panels do not pay. */
        final boolean inPlace;
        final float[] bias, queries = scratch.array(Scratch.QUERIES, STRIP * LDA);
        /** Scores, then weights. */
        final float[] p = scratch.array(Scratch.SCORES, STRIP * LDA);

        final float[] tile = scratch.array(Scratch.TILE, ROWS * COLUMNS);
        /** The greatest score of each row so far, or the log of its sum. */
        final float[] max = scratch.array(Scratch.MAXIMA, STRIP);
        /** The sum of each row's weights so far, or what its gradients have in common. */
        final float[] sum = scratch.array(Scratch.ROW_SUMS, STRIP);

        /** The strip's first query and its length; the block's first key. */
        int first, rows, from;

        long keysT, values;

        // of the way forward
        float[] results;
        private long allKeysT, allValues;

        // of the way back
        long dq, dkv, dout, valuesT, keys, queryPanels, outPanels;
        float[] outs, ds, slopes;

        Strip(Unit u, long out, long lse) {
            this.u = u;
            this.out = out;
            this.lse = lse;
            blocks = (u.keys + BLOCK - 1) / BLOCK;
            inPlace = u.queries <= ROWS && dim % COLUMNS == 0;
            bias = u.biases(scratch);
        }

        void allocateForward() {
            results = scratch.array(Scratch.RESULTS, STRIP * padded);
            allKeysT = scratch.block(Scratch.KEYS_T, blocks * keyBlock() / 4);
            allValues = scratch.block(Scratch.VALUES, blocks * valueBlock() / 4);
        }

        void allocateBackward() {
            keysT = scratch.block(Scratch.KEYS_T, keyBlock() / 4);
            valuesT = scratch.block(Scratch.VALUES_T, keyBlock() / 4);
            keys = scratch.block(Scratch.KEYS, valueBlock() / 4);
            queryPanels = scratch.block(Scratch.QUERY_PANELS, panels(dim) * panelBytes(STRIP) / 4);
            outPanels = scratch.block(Scratch.OUT_PANELS, panels(dim) * panelBytes(STRIP) / 4);
            outs = scratch.array(Scratch.OUTS, STRIP * LDA);
            ds = scratch.array(Scratch.GRADIENTS, STRIP * LDA);
            slopes = scratch.array(Scratch.DBIAS, u.queries + u.keys + BLOCK);
            Arrays.fill(slopes, 0, u.queries + u.keys + COLUMNS, 0);
        }

        private long keyBlock() {
            return panels(BLOCK) * panelBytes(dim);
        }

        private long valueBlock() {
            return panels(dim) * panelBytes(BLOCK);
        }

        // ---- packing

        void packKeysT() {
            packTransposed(u.key(kv, from), keyStride(), dim, depth(), keysT);
        }

        void packValuesT() {
            packTransposed(u.value(kv, from), keyStride(), dim, depth(), valuesT);
        }

        void packKeys() {
            if (!inPlace) packPanels(u.key(kv, from), keyStride(), depth(), dim, keys);
        }

        void packValues() {
            if (!inPlace) packPanels(u.value(kv, from), keyStride(), depth(), dim, values);
        }

        void choose(int b) {
            from = b * BLOCK;
            keysT = allKeysT + b * keyBlock();
            values = allValues + b * valueBlock();
        }

        void packQueries() {
            packRows(u.query(q, first), queryStride(), rows, dim, queries, 0);
        }

        void packOuts() {
            packRows(u.query(dout, first), queryStride(), rows, dim, outs, 0);
            for (int r = 0; r < rows; r++) max[r] = get(u.lse(lse, first + r));
        }

        void packQueryPanels() {
            if (dkv != 0) packPanels(u.query(q, first), queryStride(), rows, dim, queryPanels);
        }

        void packOutPanels() {
            if (dkv != 0) packPanels(u.query(dout, first), queryStride(), rows, dim, outPanels);
        }

        /** Keys of this block. */
        private int depth() {
            return Math.min(BLOCK, u.keys - from);
        }

        /** Where the bias of row r and the block's first key stands. */
        private int away(int r) {
            return from - (first + r) + u.queries - 1;
        }

        private int seen(int r) {
            return u.seen(first + r, from);
        }

        // ---- products

        /** From row to row of the keys and values that are multiplied. */
        private long rowBytes() {
            return inPlace ? keyStride() : 4 * COLUMNS;
        }

        void scores() {
            products(queries, keysT, p);
        }

        void valueProducts() {
            products(outs, valuesT, ds);
        }

        /** The products of rows of a, {@code dim} long, with the keys or values of the block. */
        private void products(float[] a, long panels, float[] to) {
            int n = seen(rows - 1);
            for (int j = 0; j < n; j += COLUMNS) {
                long panel = panels + j / COLUMNS * panelBytes(dim);
                for (int r = 0; r < rows; r += ROWS) {
                    int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, seen(r + h - 1) - j);
                    if (w > 0) Tile.rows(h, w, a, r * LDA, panel, 4 * COLUMNS, to, r * LDA + j, LDA, dim);
                }
            }
        }

        void weightedValues() {
            for (int j = 0; j < dim; j += COLUMNS) {
                long b = inPlace ? u.value(kv, from) + 4L * j : values + j / COLUMNS * panelBytes(depth());
                for (int r = 0; r < rows; r += ROWS) {
                    int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, dim - j), n = seen(r + h - 1);
                    if (from == 0) {
                        Tile.rows(h, w, p, r * LDA, b, rowBytes(), results, r * padded + j, padded, n);
                    } else {
                        Tile.rows(h, w, p, r * LDA, b, rowBytes(), tile, 0, COLUMNS, n);
                        for (int i = 0; i < h; i++) Weights.add(results, (r + i) * padded + j, tile, i * COLUMNS, w);
                    }
                }
            }
        }

        /** {@code dq += ds · keys}. */
        void addToQueries() {
            for (int j = 0; dq != 0 && j < dim; j += COLUMNS) {
                long b = inPlace ? u.key(kv, from) + 4L * j : keys + j / COLUMNS * panelBytes(depth());
                for (int r = 0; r < rows; r += ROWS) {
                    int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, dim - j);
                    long to = u.query(dq, first + r) + 4L * j;
                    tile(false, h, w, ds, r * LDA, 0, b, rowBytes(), tile, to, queryStride(), seen(r + h - 1), true);
                }
            }
        }

        /** {@code dkeys += dsᵀ · queries}. */
        void addToKeys() {
            if (dkv != 0) addColumns(ds, queryPanels, u.key(dkv, from));
        }

        /** {@code dvalues += pᵀ · dout}. */
        void addToValues() {
            if (dkv != 0) addColumns(p, outPanels, u.value(dkv, from));
        }

        private void addColumns(float[] a, long panels, long to) {
            int n = seen(rows - 1);
            for (int j = 0; j < dim; j += COLUMNS) {
                long panel = panels + j / COLUMNS * panelBytes(rows);
                for (int k = 0; k < n; k += ROWS) {
                    int h = Math.min(ROWS, n - k), w = Math.min(COLUMNS, dim - j);
                    int skip = spec.causal() ? Math.max(0, from + k - first) : 0; // queries before these keys
                    long at = panel + 4L * COLUMNS * skip;
                    long c = to + k * keyStride() + 4L * j;
                    tile(true, h, w, a, skip * LDA + k, LDA, at, 4 * COLUMNS, tile, c, keyStride(), rows - skip, true);
                }
            }
        }

        // ---- within the rows

        /** Adds the biases to the scores and notes where they are greatest; scales what earlier blocks gave. */
        void softmax() {
            for (int r = 0; r < rows; r++) {
                float top = Weights.biased(p, r * LDA, spec.scale(), bias, away(r), seen(r));
                if (from == 0) {
                    max[r] = top;
                    sum[r] = 0;
                } else if (top > max[r]) {
                    float shrink = (float) Math.exp(max[r] - top);
                    max[r] = top;
                    sum[r] *= shrink;
                    Weights.scale(results, r * padded, shrink, dim);
                }
            }
        }

        /** Makes weights of the scores and adds them up. */
        void grow() {
            for (int r = 0; r < rows; r++) sum[r] += Weights.exp(p, r * LDA, max[r], seen(r));
        }

        void clearUnseen() {
            int n = seen(rows - 1);
            if (spec.causal()) for (int r = 0; r < rows; r++) Arrays.fill(p, r * LDA + seen(r), r * LDA + n, 0);
        }

        void clearUnseenSlopes() {
            int n = seen(rows - 1);
            if (spec.causal()) for (int r = 0; r < rows; r++) Arrays.fill(ds, r * LDA + seen(r), r * LDA + n, 0);
        }

        void drop() {
            if (spec.dropout() == null) return;
            for (int r = 0; r < rows; r++) {
                int number = u.dropoutNumber(first + r, from);
                Weights.drop(p, r * LDA, number, seed, threshold, keepScale, seen(r));
            }
        }

        void finish() {
            for (int r = 0; r < rows; r++) {
                Weights.put(u.query(out, first + r), results, r * padded, 1 / sum[r], dim);
                set(u.lse(lse, first + r), max[r] + (float) Math.log(sum[r]));
            }
        }

        /** The weights again, from the log of their sum. */
        void weights() {
            for (int r = 0; r < rows; r++) {
                Weights.biased(p, r * LDA, spec.scale(), bias, away(r), seen(r));
                Weights.exp(p, r * LDA, max[r], seen(r));
            }
        }

        /** out = Σ_j p_j v_j, so Σ_j dp_j p_j = dout · out. */
        void dots() {
            for (int r = 0; r < rows; r++) sum[r] = Rows.dot(u.query(dout, first + r), u.query(out, first + r), dim);
        }

        void slopes() {
            if (spec.dropout() != null) return;
            for (int r = 0; r < rows; r++) {
                Weights.slopes(p, ds, r * LDA, sum[r], spec.scale(), slopes, away(r), seen(r));
            }
        }

        void dropSlopes() {
            if (spec.dropout() == null) return;
            for (int r = 0; r < rows; r++) {
                int number = u.dropoutNumber(first + r, from), at = r * LDA;
                Weights.dropSlopes(p, ds, at, number, seed, threshold, keepScale, sum[r], spec.scale(), seen(r));
                Weights.add(slopes, away(r), ds, at, seen(r));
            }
        }

        /** Adds the slopes of all distances to the gradient of the biases. */
        void addToBias(long dbias) {
            float unscaled = spec.dropout() == null ? 1 : 1 / spec.scale();
            for (int i = 0; i < u.queries + u.keys - 1; i++) {
                long to = dbias + 4L * u.biasIndex(i - u.queries + 1);
                set(to, get(to) + slopes[i] * unscaled);
            }
        }
    }
}
