package dev.beamwright.tensor.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes {@code Tile.java}: the same few lines for each height and width of tile, since a loop over rows would not stay
 * in registers.
 */
final class TileGenerator {
    private static final int[] HEIGHTS = {1, 2, 4, 6, 8, 12};
    /** The greatest heights, of vectors of 8 or fewer and of 16. */
    private static final int[] WHOLE = {6, 12};

    private TileGenerator() {}

    /** Writes the file named, as it stands in the sources. */
    public static void main(String[] args) throws IOException {
        Files.writeString(Path.of(args[0]), source());
    }

    static String source() {
        var s = new StringBuilder(HEAD);
        for (boolean columns : new boolean[] {false, true}) {
            for (int width = 2; width >= 1; width--) s.append(table(columns, width));
        }
        for (boolean columns : new boolean[] {false, true}) {
            for (int width = 2; width >= 1; width--) {
                for (int height : HEIGHTS) s.append(tile(columns, height, width));
            }
        }
        for (int height : WHOLE) {
            for (boolean columns : new boolean[] {false, true}) {
                for (boolean add : new boolean[] {false, true}) s.append(whole(columns, height, add));
            }
        }
        return s + "}\n";
    }

    private static String name(boolean columns, int height, int width) {
        return (columns ? "columns" : "rows") + height + "x" + width;
    }

    private static String table(boolean columns, int width) {
        var s = new StringBuilder(
                "\n    private static final Kernel[] %s%d = {".formatted(columns ? "COLUMNS" : "ROWS", width));
        for (int height : HEIGHTS) s.append("\n        Tile::%s,".formatted(name(columns, height, width)));
        return s + "\n    };\n";
    }

    private static String tile(boolean columns, int height, int width) {
        var s = new StringBuilder("\n    private static void %s(\n".formatted(name(columns, height, width)));
        s.append("            float[] a, int ao, int as, long b, long bs, float[] t, int to, int ts, int n) {\n");
        s.append(sums(columns, height, width));
        for (int i = 0; i < height; i++) {
            String at = i == 0 ? "to" : i == 1 ? "to + ts" : "to + %d * ts".formatted(i);
            s.append("        c%d.intoArray(t, %s);\n".formatted(i, at));
            if (width == 2) s.append("        d%d.intoArray(t, %s + VL);\n".formatted(i, at));
        }
        return s + "    }\n";
    }

    private static String whole(boolean columns, int height, boolean add) {
        String name = (add ? "add" : "put") + (columns ? "Columns" : "Rows") + height;
        var s = new StringBuilder("\n    private static void %s(\n".formatted(name));
        s.append("            float[] a, int ao, int as, long b, long bs, long c, long cs, int n) {\n");
        s.append(sums(columns, height, 2));
        for (int i = 0; i < height; i++) {
            for (String[] half : new String[][] {{"c" + i, "c"}, {"d" + i, "c + VB"}}) {
                String sum = add ? ".add(fromMemorySegment(F, ALL, %s, ORDER))".formatted(half[1]) : "";
                s.append("        %s%s.intoMemorySegment(ALL, %s, ORDER);\n".formatted(half[0], sum, half[1]));
            }
            if (i < height - 1) s.append("        c += cs;\n");
        }
        return s + "    }\n";
    }

    private static String sums(boolean columns, int height, int width) {
        var s = new StringBuilder();
        for (int i = 0; i < height; i++) {
            s.append("        FloatVector c%d = zero(F)%s;\n".formatted(i,
                    width == 2 ? ", d%d = c%d".formatted(i, i) : ""));
        }
        s.append("        for (int k = 0; k < n; k++) {\n            FloatVector x = load(b), ");
        s.append(width == 2 ? "y = load(b + VB), v;\n" : "v;\n");
        for (int i = 0; i < height; i++) {
            String at = i == 0 ? "ao" : columns ? "ao + " + i : "ao + %d * LDA".formatted(i);
            s.append("            v = broadcast(F, a[%s]);\n            c%d = v.fma(x, c%d);\n".formatted(at, i, i));
            if (width == 2) s.append("            d%d = v.fma(y, d%d);\n".formatted(i, i));
        }
        return s.append("            ao += %s;\n            b += bs;\n        }\n".formatted(columns ? "as" : "1"))
                .toString();
    }

    private static final String HEAD =
            """
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
                    """;
}
