package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.ALL;
import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.ORDER;
import static dev.beamwright.tensor.cpu.Lanes.VB;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.FloatVector.zero;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost products: a tile of up to {@link #ROWS} x {@link #COLUMNS} sums that stays in registers while
 * k runs, {@code t[i][j] = Σ_k a[i][k] · b[k][j]}.
 *
 * <p>a lies in an array, in one of two ways: by rows, row i at {@code ao + i · LDA}, or by columns, column k at
 * {@code ao + k · as}. b lies in native memory, row k at {@code b + k · bs}, best 64-byte aligned. The sums go to an
 * array t of rows {@code ts} apart; those of a whole tile can also be put or added to native memory at once.
 * (There the Vector API is called without {@link Lanes} between: such a method is so large that C2 goes on
 * inlining only what the JDK itself forces it to, and would box every vector for a call to ours.)
 *
 * <p>Each sum is one chain of fused multiply-adds in the order of k, whichever tile computes it.
 *
 * <p>Written by {@code TileGenerator} among the tests; change that, not this.
 */
final class Tile {
    /** Most rows of a tile: as many sums as registers hold. */
    static final int ROWS = VL == 16 ? 12 : 6;

    /** Most columns of a tile: two vectors. */
    static final int COLUMNS = 2 * VL;

    /** Floats from row to row of an a that lies by rows; not a power of two, so that rows share no cache set. */
    static final int LDA = 272;

    /** The most columns of an a that lies by rows. */
    static final int DEPTH = 256;

    /** Which tile of the tables computes so many rows; rows over are computed from what a holds there. */
    private static final int[] TILE = ROWS == 12
            ? new int[] {0, 0, 1, 2, 2, 4, 4, 4, 4, 5, 5, 5, 5}
            : new int[] {0, 0, 1, 2, 2, 3, 3};

    private Tile() {}

    /** One tile. As tables of these, tiles are called and never inlined, whatever their size. */
    private interface Kernel {
        void run(float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n);
    }

    /** A whole tile that leaves its sums in native memory, at c and rows {@code cs} bytes apart. */
    private interface Whole {
        void run(float[] a, int ao, int as, long b, long bs, long c, long cs, int n);
    }

    /** By rows and by columns, put and added. */
    private static final Whole[] WHOLE = ROWS == 12
            ? new Whole[] {Tile::putRows12, Tile::addRows12, Tile::putColumns12, Tile::addColumns12}
            : new Whole[] {Tile::putRows6, Tile::addRows6, Tile::putColumns6, Tile::addColumns6};

    /** {@link #ROWS} x {@link #COLUMNS} sums, put or added to native memory. */
    static void whole(
            boolean columns,
            boolean add,
            float[] a,
            int ao,
            int as,
            long b,
            long bs,
            long c,
            long cs,
            int n) {
        WHOLE[(columns ? 2 : 0) + (add ? 1 : 0)].run(a, ao, as, b, bs, c, cs, n);
    }

    /** The tile of an a that lies by rows. */
    static void rows(
            int rows, int columns, float[] a, int ao, long b, long bs, float[] t, int to, int ts, int n) {
        (columns > VL ? ROWS2 : ROWS1)[TILE[rows]].run(a, ao, 0, b, bs, t, to, ts, n);
    }

    /** The tile of an a that lies by columns. */
    static void columns(
            int rows, int columns, float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        (columns > VL ? COLUMNS2 : COLUMNS1)[TILE[rows]].run(a, ao, as, b, bs, t, to, ts, n);
    }

    private static final Kernel[] ROWS2 = {
        Tile::rows1x2,
        Tile::rows2x2,
        Tile::rows4x2,
        Tile::rows6x2,
        Tile::rows8x2,
        Tile::rows12x2,
    };

    private static final Kernel[] ROWS1 = {
        Tile::rows1x1,
        Tile::rows2x1,
        Tile::rows4x1,
        Tile::rows6x1,
        Tile::rows8x1,
        Tile::rows12x1,
    };

    private static final Kernel[] COLUMNS2 = {
        Tile::columns1x2,
        Tile::columns2x2,
        Tile::columns4x2,
        Tile::columns6x2,
        Tile::columns8x2,
        Tile::columns12x2,
    };

    private static final Kernel[] COLUMNS1 = {
        Tile::columns1x1,
        Tile::columns2x1,
        Tile::columns4x1,
        Tile::columns6x1,
        Tile::columns8x1,
        Tile::columns12x1,
    };

    private static void rows1x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
    }

    private static void rows2x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
    }

    private static void rows4x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
    }

    private static void rows6x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
    }

    private static void rows8x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
        c6.intoArray(t, to + 6 * ts);
        d6.intoArray(t, to + 6 * ts + VL);
        c7.intoArray(t, to + 7 * ts);
        d7.intoArray(t, to + 7 * ts + VL);
    }

    private static void rows12x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8 * LDA]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9 * LDA]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10 * LDA]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11 * LDA]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
        c6.intoArray(t, to + 6 * ts);
        d6.intoArray(t, to + 6 * ts + VL);
        c7.intoArray(t, to + 7 * ts);
        d7.intoArray(t, to + 7 * ts + VL);
        c8.intoArray(t, to + 8 * ts);
        d8.intoArray(t, to + 8 * ts + VL);
        c9.intoArray(t, to + 9 * ts);
        d9.intoArray(t, to + 9 * ts + VL);
        c10.intoArray(t, to + 10 * ts);
        d10.intoArray(t, to + 10 * ts + VL);
        c11.intoArray(t, to + 11 * ts);
        d11.intoArray(t, to + 11 * ts + VL);
    }

    private static void rows1x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
    }

    private static void rows2x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
    }

    private static void rows4x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
    }

    private static void rows6x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
    }

    private static void rows8x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        FloatVector c6 = zero(F);
        FloatVector c7 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
        c6.intoArray(t, to + 6 * ts);
        c7.intoArray(t, to + 7 * ts);
    }

    private static void rows12x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        FloatVector c6 = zero(F);
        FloatVector c7 = zero(F);
        FloatVector c8 = zero(F);
        FloatVector c9 = zero(F);
        FloatVector c10 = zero(F);
        FloatVector c11 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            v = broadcast(F, a[ao + 8 * LDA]);
            c8 = v.fma(x, c8);
            v = broadcast(F, a[ao + 9 * LDA]);
            c9 = v.fma(x, c9);
            v = broadcast(F, a[ao + 10 * LDA]);
            c10 = v.fma(x, c10);
            v = broadcast(F, a[ao + 11 * LDA]);
            c11 = v.fma(x, c11);
            ao += 1;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
        c6.intoArray(t, to + 6 * ts);
        c7.intoArray(t, to + 7 * ts);
        c8.intoArray(t, to + 8 * ts);
        c9.intoArray(t, to + 9 * ts);
        c10.intoArray(t, to + 10 * ts);
        c11.intoArray(t, to + 11 * ts);
    }

    private static void columns1x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
    }

    private static void columns2x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
    }

    private static void columns4x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
    }

    private static void columns6x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
    }

    private static void columns8x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
        c6.intoArray(t, to + 6 * ts);
        d6.intoArray(t, to + 6 * ts + VL);
        c7.intoArray(t, to + 7 * ts);
        d7.intoArray(t, to + 7 * ts + VL);
    }

    private static void columns12x2(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        d0.intoArray(t, to + VL);
        c1.intoArray(t, to + ts);
        d1.intoArray(t, to + ts + VL);
        c2.intoArray(t, to + 2 * ts);
        d2.intoArray(t, to + 2 * ts + VL);
        c3.intoArray(t, to + 3 * ts);
        d3.intoArray(t, to + 3 * ts + VL);
        c4.intoArray(t, to + 4 * ts);
        d4.intoArray(t, to + 4 * ts + VL);
        c5.intoArray(t, to + 5 * ts);
        d5.intoArray(t, to + 5 * ts + VL);
        c6.intoArray(t, to + 6 * ts);
        d6.intoArray(t, to + 6 * ts + VL);
        c7.intoArray(t, to + 7 * ts);
        d7.intoArray(t, to + 7 * ts + VL);
        c8.intoArray(t, to + 8 * ts);
        d8.intoArray(t, to + 8 * ts + VL);
        c9.intoArray(t, to + 9 * ts);
        d9.intoArray(t, to + 9 * ts + VL);
        c10.intoArray(t, to + 10 * ts);
        d10.intoArray(t, to + 10 * ts + VL);
        c11.intoArray(t, to + 11 * ts);
        d11.intoArray(t, to + 11 * ts + VL);
    }

    private static void columns1x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
    }

    private static void columns2x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
    }

    private static void columns4x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
    }

    private static void columns6x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
    }

    private static void columns8x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        FloatVector c6 = zero(F);
        FloatVector c7 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
        c6.intoArray(t, to + 6 * ts);
        c7.intoArray(t, to + 7 * ts);
    }

    private static void columns12x1(
            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {
        FloatVector c0 = zero(F);
        FloatVector c1 = zero(F);
        FloatVector c2 = zero(F);
        FloatVector c3 = zero(F);
        FloatVector c4 = zero(F);
        FloatVector c5 = zero(F);
        FloatVector c6 = zero(F);
        FloatVector c7 = zero(F);
        FloatVector c8 = zero(F);
        FloatVector c9 = zero(F);
        FloatVector c10 = zero(F);
        FloatVector c11 = zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            v = broadcast(F, a[ao + 8]);
            c8 = v.fma(x, c8);
            v = broadcast(F, a[ao + 9]);
            c9 = v.fma(x, c9);
            v = broadcast(F, a[ao + 10]);
            c10 = v.fma(x, c10);
            v = broadcast(F, a[ao + 11]);
            c11 = v.fma(x, c11);
            ao += as;
            b += bs;
        }
        c0.intoArray(t, to);
        c1.intoArray(t, to + ts);
        c2.intoArray(t, to + 2 * ts);
        c3.intoArray(t, to + 3 * ts);
        c4.intoArray(t, to + 4 * ts);
        c5.intoArray(t, to + 5 * ts);
        c6.intoArray(t, to + 6 * ts);
        c7.intoArray(t, to + 7 * ts);
        c8.intoArray(t, to + 8 * ts);
        c9.intoArray(t, to + 9 * ts);
        c10.intoArray(t, to + 10 * ts);
        c11.intoArray(t, to + 11 * ts);
    }

    private static void putRows6(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += 1;
            b += bs;
        }
        c0.intoMemorySegment(ALL, c, ORDER);
        d0.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.intoMemorySegment(ALL, c, ORDER);
        d1.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.intoMemorySegment(ALL, c, ORDER);
        d2.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.intoMemorySegment(ALL, c, ORDER);
        d3.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.intoMemorySegment(ALL, c, ORDER);
        d4.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.intoMemorySegment(ALL, c, ORDER);
        d5.intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void addRows6(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += 1;
            b += bs;
        }
        c0.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d0.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d1.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d2.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d3.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d4.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d5.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void putColumns6(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += as;
            b += bs;
        }
        c0.intoMemorySegment(ALL, c, ORDER);
        d0.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.intoMemorySegment(ALL, c, ORDER);
        d1.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.intoMemorySegment(ALL, c, ORDER);
        d2.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.intoMemorySegment(ALL, c, ORDER);
        d3.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.intoMemorySegment(ALL, c, ORDER);
        d4.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.intoMemorySegment(ALL, c, ORDER);
        d5.intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void addColumns6(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            ao += as;
            b += bs;
        }
        c0.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d0.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d1.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d2.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d3.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d4.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d5.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void putRows12(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8 * LDA]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9 * LDA]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10 * LDA]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11 * LDA]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += 1;
            b += bs;
        }
        c0.intoMemorySegment(ALL, c, ORDER);
        d0.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.intoMemorySegment(ALL, c, ORDER);
        d1.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.intoMemorySegment(ALL, c, ORDER);
        d2.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.intoMemorySegment(ALL, c, ORDER);
        d3.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.intoMemorySegment(ALL, c, ORDER);
        d4.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.intoMemorySegment(ALL, c, ORDER);
        d5.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c6.intoMemorySegment(ALL, c, ORDER);
        d6.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c7.intoMemorySegment(ALL, c, ORDER);
        d7.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c8.intoMemorySegment(ALL, c, ORDER);
        d8.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c9.intoMemorySegment(ALL, c, ORDER);
        d9.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c10.intoMemorySegment(ALL, c, ORDER);
        d10.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c11.intoMemorySegment(ALL, c, ORDER);
        d11.intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void addRows12(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1 * LDA]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2 * LDA]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3 * LDA]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4 * LDA]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5 * LDA]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6 * LDA]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7 * LDA]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8 * LDA]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9 * LDA]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10 * LDA]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11 * LDA]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += 1;
            b += bs;
        }
        c0.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d0.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d1.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d2.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d3.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d4.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d5.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c6.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d6.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c7.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d7.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c8.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d8.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c9.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d9.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c10.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d10.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c11.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d11.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void putColumns12(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += as;
            b += bs;
        }
        c0.intoMemorySegment(ALL, c, ORDER);
        d0.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.intoMemorySegment(ALL, c, ORDER);
        d1.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.intoMemorySegment(ALL, c, ORDER);
        d2.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.intoMemorySegment(ALL, c, ORDER);
        d3.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.intoMemorySegment(ALL, c, ORDER);
        d4.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.intoMemorySegment(ALL, c, ORDER);
        d5.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c6.intoMemorySegment(ALL, c, ORDER);
        d6.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c7.intoMemorySegment(ALL, c, ORDER);
        d7.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c8.intoMemorySegment(ALL, c, ORDER);
        d8.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c9.intoMemorySegment(ALL, c, ORDER);
        d9.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c10.intoMemorySegment(ALL, c, ORDER);
        d10.intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c11.intoMemorySegment(ALL, c, ORDER);
        d11.intoMemorySegment(ALL, c + VB, ORDER);
    }

    private static void addColumns12(
            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {
        FloatVector c0 = zero(F), d0 = c0;
        FloatVector c1 = zero(F), d1 = c1;
        FloatVector c2 = zero(F), d2 = c2;
        FloatVector c3 = zero(F), d3 = c3;
        FloatVector c4 = zero(F), d4 = c4;
        FloatVector c5 = zero(F), d5 = c5;
        FloatVector c6 = zero(F), d6 = c6;
        FloatVector c7 = zero(F), d7 = c7;
        FloatVector c8 = zero(F), d8 = c8;
        FloatVector c9 = zero(F), d9 = c9;
        FloatVector c10 = zero(F), d10 = c10;
        FloatVector c11 = zero(F), d11 = c11;
        for (int k = 0; k < n; k++) {
            FloatVector x = load(b), y = load(b + VB), v;
            v = broadcast(F, a[ao]);
            c0 = v.fma(x, c0);
            d0 = v.fma(y, d0);
            v = broadcast(F, a[ao + 1]);
            c1 = v.fma(x, c1);
            d1 = v.fma(y, d1);
            v = broadcast(F, a[ao + 2]);
            c2 = v.fma(x, c2);
            d2 = v.fma(y, d2);
            v = broadcast(F, a[ao + 3]);
            c3 = v.fma(x, c3);
            d3 = v.fma(y, d3);
            v = broadcast(F, a[ao + 4]);
            c4 = v.fma(x, c4);
            d4 = v.fma(y, d4);
            v = broadcast(F, a[ao + 5]);
            c5 = v.fma(x, c5);
            d5 = v.fma(y, d5);
            v = broadcast(F, a[ao + 6]);
            c6 = v.fma(x, c6);
            d6 = v.fma(y, d6);
            v = broadcast(F, a[ao + 7]);
            c7 = v.fma(x, c7);
            d7 = v.fma(y, d7);
            v = broadcast(F, a[ao + 8]);
            c8 = v.fma(x, c8);
            d8 = v.fma(y, d8);
            v = broadcast(F, a[ao + 9]);
            c9 = v.fma(x, c9);
            d9 = v.fma(y, d9);
            v = broadcast(F, a[ao + 10]);
            c10 = v.fma(x, c10);
            d10 = v.fma(y, d10);
            v = broadcast(F, a[ao + 11]);
            c11 = v.fma(x, c11);
            d11 = v.fma(y, d11);
            ao += as;
            b += bs;
        }
        c0.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d0.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c1.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d1.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c2.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d2.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c3.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d3.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c4.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d4.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c5.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d5.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c6.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d6.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c7.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d7.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c8.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d8.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c9.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d9.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c10.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d10.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
        c += cs;
        c11.add(fromMemorySegment(F, ALL, c, ORDER)).intoMemorySegment(ALL, c, ORDER);
        d11.add(fromMemorySegment(F, ALL, c + VB, ORDER)).intoMemorySegment(ALL, c + VB, ORDER);
    }
}
