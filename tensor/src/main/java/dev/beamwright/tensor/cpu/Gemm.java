package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VB;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.set;
import static dev.beamwright.tensor.cpu.Lanes.store;
import static dev.beamwright.tensor.cpu.Tile.COLUMNS;
import static dev.beamwright.tensor.cpu.Tile.DEPTH;
import static dev.beamwright.tensor.cpu.Tile.LDA;
import static dev.beamwright.tensor.cpu.Tile.ROWS;

import dev.beamwright.tensor.Parallel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The product of matrices, {@code c = op(a) · op(b)} of sizes (m, k) and (k, n): operands are packed into the order in
 * which {@link Tile} reads them, in blocks that stay in the cache (Goto and van de Geijn, "Anatomy of high-performance
 * matrix multiplication", 2008).
 *
 * <ul>
 *   <li>b is packed into <em>panels</em>, {@link Tile#COLUMNS} columns wide: row after row, zeros behind the last column.
 *   <li>a is packed by rows, or by columns in tiles if it is transposed, whatever it takes no transposing to do.
 *   <li>k is cut into blocks of at most {@link Tile#DEPTH}; c is added to once for each of them.
 * </ul>
 *
 * Each element is a sum in the order of k: one chain of fused multiply-adds for each block of k, and the blocks' sums
 * added up in turn. So its bits depend on its row of a, its column of b and the length of k alone: not on how many rows
 * and columns stand beside it, on whether b was packed before, or on the number of threads, and whichever way (few rows,
 * columns shared out, rows shared out) is fastest may be taken. Two ways add up differently, and are chosen by the form
 * and the sizes alone: the long sum of a weight's gradient, and the product with a single column.
 */
final class Gemm {
    /** Up to here, packing b would cost more than it saves. */
    private static final int FEW_ROWS = 8;
    /** Up to here, all rows of a block of a stay in the second-level cache. */
    private static final int RESIDENT_ROWS = 660;
    /** Columns of one block, in the way of {@link #byColumns}. */
    private static final int BLOCK_COLUMNS = 16 * COLUMNS;
    /** Columns of a block of b. */
    private static final int WIDE = 1024 / COLUMNS * COLUMNS;
    /** Up to here, all of b stays in the second-level cache. */
    private static final int RESIDENT_PANELS = 300_000;
    /** Rows whose tiles are computed together, so that they stay in the first-level cache. */
    private static final int GROUP = 2 * ROWS;
    /** Multiplications below which one thread is faster than two. */
    private static final long SMALL = 400_000;

    private Gemm() {}

    /**
     * The row strides are in elements; c has rows of n.
     *
     * @param packed what {@link #packAll} made of b, or 0; only where a is not transposed
     */
    static void multiply(
            long c,
            int m,
            int n,
            int k,
            long a,
            int lda,
            boolean ta,
            long b,
            int ldb,
            boolean tb,
            boolean add,
            long packed) {
        boolean alone = (long) m * n * k < SMALL || Parallel.available() == 1;
        if (n == 1) { // a column is a row of the transposed product, and either way one number behind the other
            var p = new Product(c, 4L * m, 1, m, k, b, 4L * k, false, a, 4L * lda, !ta, add, depth(k));
            if (ta) p.fewRows(alone);
            else p.dots(alone);
            return;
        }
        var p = new Product(c, 4L * n, m, n, k, a, 4L * lda, ta, b, 4L * ldb, tb, add, depth(k));
        if (packed != 0) p.withPanels(packed, alone);
        else if (m <= FEW_ROWS && !ta) p.fewRows(alone);
        else if (ta && !tb && k >= 2048 && k >= 4 * Math.min(m, n) && (long) m * n <= 400_000) p.longSum(alone);
        else if (alone) p.alone();
        else if (k > DEPTH) p.divided();
        else if (m <= RESIDENT_ROWS && n >= 4 * m) p.byColumns(false); // or a would be packed too often
        else p.byRows(false);
    }

    /** The blocks into which k is cut: as few as possible, equally long. */
    private static int depth(int k) {
        int blocks = (k + DEPTH - 1) / DEPTH;
        return blocks == 1 ? k : (k + blocks - 1) / blocks + 15 & ~15;
    }

    private record Product(
            long c,
            long ldc,
            int m,
            int n,
            int k,
            long a,
            long lda,
            boolean ta,
            long b,
            long ldb,
            boolean tb,
            boolean add,
            int depth) {

        private long a(int row, int p) {
            return ta ? a + p * lda + 4L * row : a + row * lda + 4L * p;
        }

        private long b(int p, int column) {
            return tb ? b + column * ldb + 4L * p : b + p * ldb + 4L * column;
        }

        private long c(int row, int column) {
            return c + row * ldc + 4L * column;
        }

        /** Packs rows [from, to) of a, columns [p, p + d). */
        private float[] packA(Scratch scratch, int from, int to, int p, int d) {
            int tiles = (to - from + ROWS - 1) / ROWS;
            float[] packed = scratch.array(Scratch.GEMM_A, tiles * ROWS * LDA + 2 * VL);
            if (ta) packColumns(a(from, p), lda, to - from, d, packed);
            else packRows(a(from, p), lda, to - from, d, packed, 0);
            return packed;
        }

        /** Packs columns [from, to) of b, rows [p, p + d). */
        private void packB(long panels, int from, int to, int p, int d) {
            if (tb) packTransposed(b(p, from), ldb, d, to - from, panels);
            else packPanels(b(p, from), ldb, d, to - from, panels);
        }

        /** On one thread. */
        void alone() {
            if (m <= RESIDENT_ROWS) byColumns(true);
            else if (n > WIDE || (long) k * n > RESIDENT_PANELS) byBlocks();
            else byRows(true);
        }

        /**
         * Where k is cut, each thread has rows or columns of its own, and packs whatever it needs: with b packed by all
         * and for all, they would wait for each other, and read it from a cache that is shared and slow.
         */
        void divided() {
            int threads = Parallel.available();
            boolean rows = m >= 2 * n || m >= 1024 && m >= n;
            int all = rows ? m : n, each = roundUp((all + threads - 1) / threads, rows ? ROWS : COLUMNS);
            Parallel.run((all + each - 1) / each, i -> {
                int from = i * each, size = Math.min(each, all - from);
                (rows ? part(from, size, 0, n) : part(0, m, from, size)).alone();
            });
        }

        /** Rows and columns of it, as a product of their own. */
        private Product part(int row, int rows, int column, int columns) {
            return new Product(
                    c(row, column), ldc, rows, columns, k, a(row, 0), lda, ta, b(0, column), ldb, tb, add, depth);
        }

        /** Blocks of b are packed right before they are used, few enough columns for the second-level cache. */
        private void byBlocks() {
            Scratch scratch = Scratch.get();
            int strip = ta ? 10 * ROWS : GROUP;
            long block = scratch.block(Scratch.GEMM_SHARED, panels(Math.min(n, WIDE)) * panelBytes(depth) / 4);
            for (int j = 0; j < n; j += WIDE) {
                int w = Math.min(WIDE, n - j);
                for (int p = 0; p < k; p += depth) {
                    int d = Math.min(depth, k - p);
                    packB(block, j, j + w, p, d);
                    for (int i = 0; i < m; i += strip) {
                        int rows = Math.min(strip, m - i);
                        float[] packed = packA(scratch, i, i + rows, p, d);
                        sweep(scratch, packed, ta, rows, d, block, w, c(i, j), ldc, add || p > 0);
                    }
                }
            }
        }

        /** Each block packs the panels it needs right before it uses them, and a as often as that takes. */
        void byColumns(boolean alone) {
            int parts = alone ? 1 : 2 * Parallel.available();
            int width = Math.min(BLOCK_COLUMNS, roundUp((n + parts - 1) / parts, COLUMNS));
            run(alone, (n + width - 1) / width, block -> {
                int from = block * width, to = Math.min(n, from + width);
                Scratch scratch = Scratch.get();
                long panels = scratch.block(Scratch.GEMM_B, panels(width) * panelBytes(depth) / 4);
                for (int p = 0; p < k; p += depth) {
                    int d = Math.min(depth, k - p);
                    packB(panels, from, to, p, d);
                    float[] packed = packA(scratch, 0, m, p, d);
                    sweep(scratch, packed, ta, m, d, panels, to - from, c(0, from), ldc, add || p > 0);
                }
            });
        }

        /** All of b is packed first; then rows of a are packed and used, few at a time. */
        void byRows(boolean alone) {
            long blockBytes = panels(n) * panelBytes(depth);
            int blocks = (k + depth - 1) / depth, slice = 4 * COLUMNS, slices = (n + slice - 1) / slice;
            long panels = Scratch.get().block(Scratch.GEMM_SHARED, packedBytes(k, n) / 4);
            run(alone, blocks * slices, i -> {
                int p = i / slices * depth, d = Math.min(depth, k - p), from = i % slices * slice;
                long to = panels + i / slices * blockBytes + from / COLUMNS * panelBytes(d);
                packB(to, from, Math.min(n, from + slice), p, d);
            });
            withPanels(panels, alone);
        }

        /** Rows of a are packed and used, few at a time; where there are few, columns are shared out as well. */
        void withPanels(long panels, boolean alone) {
            long blockBytes = panels(n) * panelBytes(depth);
            int parts = alone ? 1 : 4 * Parallel.available();
            int height = roundUp((m + parts - 1) / parts, GROUP), strip = ta ? 10 * ROWS : GROUP;
            int heights = (m + height - 1) / height;
            int width = Math.min(n, WIDE);
            if (!alone && heights < parts) {
                width = Math.min(width, Math.max(COLUMNS, roundUp((n * heights + parts - 1) / parts, COLUMNS)));
            }
            int w = width, widths = (n + width - 1) / width, together = alone || heights >= parts ? 1 : widths;
            boolean shallow = (long) k * width <= RESIDENT_PANELS; // b stays in the cache: then let c do so too
            run(alone, heights * together, i -> {
                int first = i / together * height, last = Math.min(m, first + height), j = i % together * w;
                if (together > 1) block(panels, blockBytes, first, last, strip, j, Math.min(w, n - j), shallow);
                else
                    for (; j < n; j += w) block(panels, blockBytes, first, last, strip, j, Math.min(w, n - j), shallow);
            });
        }

        /** Rows [first, last) of c, w columns from j on. */
        private void block(
                long panels, long blockBytes, int first, int last, int strip, int j, int w, boolean shallow) {
            Scratch scratch = Scratch.get();
            for (int outer = 0; outer < (shallow ? 1 : k); outer += depth) {
                for (int i = first; i < last; i += strip) {
                    int rows = Math.min(strip, last - i);
                    for (int p = outer; p < (shallow ? k : outer + 1); p += depth) {
                        int d = Math.min(depth, k - p);
                        float[] packed = packA(scratch, i, i + rows, p, d);
                        long from = panels + p / depth * blockBytes + j / COLUMNS * panelBytes(d);
                        sweep(scratch, packed, ta, rows, d, from, w, c(i, j), ldc, add || p > 0);
                    }
                }
            }
        }

        /**
         * For the gradient of a weight, aᵀ · b over many rows: k is cut into a fixed number of parts, each summed on its
         * own, both operands read once from front to back.
         */
        void longSum(boolean alone) {
            int parts = k >= 4096 ? 4 : 2, each = roundUp((k + parts - 1) / parts, DEPTH);
            long size = (long) m * n;
            long sums = Scratch.get().block(Scratch.GEMM_PARTS, parts * size);
            int cuts = alone ? 1 : Math.max(1, Parallel.available() / parts),
                    height = roundUp((m + cuts - 1) / cuts, ROWS);
            run(alone, parts * cuts, i -> {
                int part = i / cuts, first = i % cuts * height, last = Math.min(m, first + height);
                if (first >= last) return;
                Scratch scratch = Scratch.get();
                long panels = scratch.block(Scratch.GEMM_B, panels(n) * panelBytes(DEPTH) / 4);
                for (int p = part * each, end = Math.min(k, p + each); p < end; p += DEPTH) {
                    int d = Math.min(DEPTH, end - p);
                    packB(panels, 0, n, p, d);
                    float[] packed = packA(scratch, first, last, p, d);
                    long to = sums + 4 * (part * size + (long) first * n);
                    sweep(scratch, packed, ta, last - first, d, panels, n, to, 4L * n, p > part * each);
                }
            });
            int chunk = 16384;
            run(alone, (int) ((size + chunk - 1) / chunk), i -> {
                long from = (long) i * chunk;
                int count = (int) Math.min(chunk, size - from);
                addParts(c + 4 * from, sums + 4 * from, 4 * size, parts, count, add);
            });
        }

        /** Whole panels of b are read where they stand; those of a transposed b are packed right before their use. */
        void fewRows(boolean alone) {
            byParts(alone, this::spans);
        }

        /** Dot products with the rows of a transposed b: lanes run along k, which only the column of results does. */
        void dots(boolean alone) {
            byParts(alone, this::dots);
        }

        /** Shares out the columns. */
        private void byParts(boolean alone, Columns part) {
            int parts = alone ? 1 : 4 * Parallel.available();
            int width = roundUp((n + parts - 1) / parts, COLUMNS);
            run(alone, (n + width - 1) / width, i -> part.compute(i * width, Math.min(n, (i + 1) * width)));
        }

        private void spans(int from, int to) {
            Scratch scratch = Scratch.get();
            float[] tile = scratch.array(Scratch.GEMM_TILE, ROWS * COLUMNS);
            for (int p = 0; p < k; p += depth) {
                int d = Math.min(depth, k - p);
                float[] packed = packA(scratch, 0, m, p, d);
                for (int j = from; j < to; j += COLUMNS) {
                    int w = Math.min(COLUMNS, to - j);
                    long rows = b(p, j), stride = ldb;
                    if (tb || w < COLUMNS) {
                        rows = scratch.block(Scratch.GEMM_B, panelBytes(d) / 4);
                        packB(rows, j, j + w, p, d);
                        stride = 4 * COLUMNS;
                    }
                    for (int i = 0; i < m; i += ROWS) {
                        int h = Math.min(ROWS, m - i);
                        Tile.rows(h, w, packed, i * LDA, rows, stride, tile, 0, COLUMNS, d);
                        write(tile, h, w, c(i, j), ldc, add || p > 0);
                    }
                }
            }
        }

        private void dots(int from, int to) {
            float[] four = Scratch.get().array(Scratch.GEMM_TILE, ROWS * COLUMNS);
            for (int j = from; j < to; j += 4) {
                int w = Math.min(4, to - j);
                for (int i = 0; i < m; i++) {
                    long x = a(i, 0), y = b(0, j), z = c(i, j);
                    dot4(x, y, b(0, j + Math.min(1, w - 1)), b(0, j + Math.min(2, w - 1)), b(0, j + w - 1), k, four);
                    four[w - 1] = four[3];
                    for (int q = 0; q < w; q++) set(z + 4L * q, add ? get(z + 4L * q) + four[q] : four[q]);
                }
            }
        }
    }

    /** What computes the columns [from, to) of a product. */
    private interface Columns {
        void compute(int from, int to);
    }

    private static void run(boolean alone, int blocks, java.util.function.IntConsumer body) {
        if (!alone) Parallel.run(blocks, body);
        else for (int i = 0; i < blocks; i++) body.accept(i);
    }

    private static int roundUp(int x, int step) {
        return (x + step - 1) / step * step;
    }

    // ---- packing

    /** The bytes that {@link #packAll} fills. */
    static long packedBytes(int k, int n) {
        int depth = depth(k), blocks = (k + depth - 1) / depth;
        return blocks * panels(n) * panelBytes(depth);
    }

    /** Packs all of a right operand of size (k, n) on this thread, one block of k behind the other. */
    static void packAll(long b, long ldb, boolean transposed, int k, int n, long to) {
        int depth = depth(k);
        for (int p = 0; p < k; p += depth, to += panels(n) * panelBytes(depth)) {
            int d = Math.min(depth, k - p);
            if (transposed) packTransposed(b + 4L * p, ldb, d, n, to);
            else packPanels(b + p * ldb, ldb, d, n, to);
        }
    }

    /** How many panels hold n columns. */
    static long panels(int n) {
        return (n + COLUMNS - 1) / COLUMNS;
    }

    /** Bytes from panel to panel of that many rows; a line apart, so that they share no cache set. */
    static long panelBytes(int depth) {
        return 4L * COLUMNS * depth + 64;
    }

    /** Rows of length k one behind the other, {@link Tile#LDA} apart. */
    static void packRows(long a, long lda, int rows, int k, float[] to, int at) {
        int whole = k / VL * VL;
        VectorMask<Float> tail = rest(whole, k);
        for (int r = 0; r < rows; r++) {
            long from = a + r * lda;
            int t = at + r * LDA;
            for (int i = 0; i < whole; i += VL) load(from + 4L * i).intoArray(to, t + i);
            if (whole < k) load(from + 4L * whole, tail).intoArray(to, t + whole);
        }
    }

    /** Rows of length m cut into tiles, each tile row behind row, {@link #tileFloats} apart. */
    static void packColumns(long a, long lda, int m, int k, float[] to) {
        int whole = 0; // as far as a vector reads no further than its row
        while (whole + Math.max(ROWS, VL) <= m && ROWS <= VL || whole + ROWS <= m && ROWS > VL) whole += ROWS;
        int size = tileFloats(k);
        for (int p = 0; p < k; p++) {
            long from = a + p * lda;
            int t = p * ROWS, i = 0;
            for (; i < whole; i += ROWS, t += size) {
                load(from + 4L * i).intoArray(to, t); // lanes past the tile are overwritten by the next row
                if (ROWS > VL) load(from + 4L * (i + ROWS - VL)).intoArray(to, t + ROWS - VL);
            }
            for (; i < m; i += ROWS, t += size) {
                load(from + 4L * i, rest(i, m)).intoArray(to, t);
                if (ROWS > VL) load(from + 4L * (i + VL), rest(i + VL, m)).intoArray(to, t + VL);
            }
        }
    }

    /** Floats from tile to tile of what {@link #packColumns} packs. */
    static int tileFloats(int depth) {
        return Math.min(ROWS * depth + VL, ROWS * LDA);
    }

    /** Rows of length n cut into panels. */
    static void packPanels(long b, long ldb, int k, int n, long to) {
        int whole = n / COLUMNS * COLUMNS;
        long size = panelBytes(k);
        VectorMask<Float> left = rest(whole, n), right = rest(whole + VL, n);
        for (int p = 0; p < k; p++) {
            long from = b + p * ldb, t = to + 4L * COLUMNS * p;
            for (int j = 0; j < whole; j += COLUMNS, t += size) {
                store(t, load(from + 4L * j));
                store(t + VB, load(from + 4L * j + VB));
            }
            if (whole < n) {
                store(t, load(from + 4L * whole, left));
                store(t + VB, load(from + 4L * whole + VB, right));
            }
        }
    }

    /** The transpose of n rows of length k, cut into panels; their columns from n on hold numbers of no meaning. */
    static void packTransposed(long b, long ldb, int k, int n, long to) {
        int side = Transpose.SIDE, deep = k / side * side;
        for (int j = 0; j < n; j += side) {
            long from = b + j * ldb, t = to + j / COLUMNS * panelBytes(k) + 4L * (j % COLUMNS);
            int rows = Math.min(side, n - j);
            for (int p = 0; p < deep; p += side) {
                Transpose.block(from + 4L * p, ldb, rows, t + 4L * COLUMNS * p, 4L * COLUMNS);
            }
            for (int p = deep; p < k; p++) {
                for (int r = 0; r < side; r++) {
                    set(t + 4L * (COLUMNS * p + r), r < rows ? get(from + r * ldb + 4L * p) : 0);
                }
            }
        }
        for (int j = roundUp(n, side); j % COLUMNS != 0; j += side) {
            long t = to + j / COLUMNS * panelBytes(k) + 4L * (j % COLUMNS);
            for (int p = 0; p < k; p++) Transpose.clear(t + 4L * COLUMNS * p);
        }
    }

    // ---- computing

    /** Everything that packed rows and packed panels give, for one block of k. */
    private static void sweep(
            Scratch scratch, float[] a, boolean ta, int m, int k, long panels, int n, long c, long ldc, boolean add) {
        float[] tile = scratch.array(Scratch.GEMM_TILE, ROWS * COLUMNS);
        int step = ta ? tileFloats(k) : ROWS * LDA;
        long size = panelBytes(k);
        for (int g = 0; g < m; g += GROUP) {
            for (int j = 0; j < n; j += COLUMNS) {
                long panel = panels + j / COLUMNS * size;
                int w = Math.min(COLUMNS, n - j);
                for (int i = g; i < Math.min(m, g + GROUP); i += ROWS) {
                    int h = Math.min(ROWS, m - i), at = i / ROWS * step;
                    tile(ta, h, w, a, at, ROWS, panel, 4 * COLUMNS, tile, c + i * ldc + 4L * j, ldc, k, add);
                }
            }
        }
    }

    /**
     * Puts or adds one tile of up to {@link Tile#ROWS} x {@link Tile#COLUMNS} products to native memory.
     *
     * @param byColumns how a lies, see {@link Tile}; {@code as} matters only if by columns
     * @param through room for a tile that is not whole
     */
    static void tile(
            boolean byColumns,
            int rows,
            int columns,
            float[] a,
            int at,
            int as,
            long b,
            long bs,
            float[] through,
            long c,
            long ldc,
            int k,
            boolean add) {
        if (rows == ROWS && columns == COLUMNS) {
            Tile.whole(byColumns, add, a, at, as, b, bs, c, ldc, k);
            return;
        }
        if (byColumns) Tile.columns(rows, columns, a, at, as, b, bs, through, 0, COLUMNS, k);
        else Tile.rows(rows, columns, a, at, b, bs, through, 0, COLUMNS, k);
        write(through, rows, columns, c, ldc, add);
    }

    /** Puts or adds a part of a tile to where it belongs. */
    private static void write(float[] tile, int rows, int columns, long c, long ldc, boolean add) {
        for (int j = 0; j < columns; j += VL) {
            VectorMask<Float> mask = rest(j, columns);
            long to = c + 4L * j;
            for (int r = 0, at = j; r < rows; r++, at += COLUMNS, to += ldc) {
                FloatVector v = FloatVector.fromArray(F, tile, at);
                store(to, add ? v.add(load(to, mask)) : v, mask);
            }
        }
    }

    private static void addParts(long c, long sums, long stride, int parts, int n, boolean add) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> mask = rest(i, n);
            FloatVector v = load(sums + 4L * i, mask);
            for (int p = 1; p < parts; p++) v = load(sums + p * stride + 4L * i, mask).add(v);
            store(c + 4L * i, add ? v.add(load(c + 4L * i, mask)) : v, mask);
        }
    }

    /** The products of row x with four rows. */
    private static void dot4(long x, long y0, long y1, long y2, long y3, int k, float[] to) {
        FloatVector s0 = FloatVector.zero(F), s1 = s0, s2 = s0, s3 = s0;
        int whole = k / VL * VL;
        for (long i = 0; i < 4L * whole; i += VB) {
            FloatVector v = load(x + i);
            s0 = v.fma(load(y0 + i), s0);
            s1 = v.fma(load(y1 + i), s1);
            s2 = v.fma(load(y2 + i), s2);
            s3 = v.fma(load(y3 + i), s3);
        }
        if (whole < k) {
            VectorMask<Float> mask = rest(whole, k);
            long i = 4L * whole;
            FloatVector v = load(x + i, mask);
            s0 = v.fma(load(y0 + i, mask), s0);
            s1 = v.fma(load(y1 + i, mask), s1);
            s2 = v.fma(load(y2 + i, mask), s2);
            s3 = v.fma(load(y3 + i, mask), s3);
        }
        to[0] = Lanes.sum(s0);
        to[1] = Lanes.sum(s1);
        to[2] = Lanes.sum(s2);
        to[3] = Lanes.sum(s3);
    }
}
