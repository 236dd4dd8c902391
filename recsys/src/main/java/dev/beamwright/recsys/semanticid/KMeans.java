package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.stream.IntStream;

/**
 * Clusters: each row belongs to the nearest of k centroids. Seeded by greedy k-means++ (Arthur and Vassilvitskii, SODA
 * 2007), improved by Lloyd's iteration; a cluster that runs empty is given the row that lies farthest from its own
 * centroid. Large inputs are clustered by a sample, and then all rows assigned. All distances are computed by the
 * backend.
 *
 * @param codes the cluster of each row, I32 (rows)
 * @param centroids (k, columns); where the input has fewer than k different rows some are never the nearest
 */
record KMeans(Tensor codes, Tensor centroids) {
    /** Rows for each cluster that are enough to find its centroid, and enough to choose a seed. */
    private static final int SAMPLE = 256, SEEDING_SAMPLE = 64;

    private static final int ITERATIONS = 50, BALANCED_ITERATIONS = 6;
    /** Lloyd's iteration stops when the squared error falls by less than this share. */
    private static final double CONVERGED = 1e-4;
    /** A squared distance below this share of the squared lengths is rounding. */
    private static final double ROUNDING = 1e-6;

    static KMeans fit(
            Tensor x, int k, Backend backend, Key key, SegmentAllocator memory, Progress progress, String name) {
        Tensor centroids = Tensor.zeros(memory, Shape.of(k, x.shape().dim(-1)));
        try (
                Arena arena = Arena.ofShared();
                Progress.Bar bar = progress.start(name, ITERATIONS)) {
            Tensor some = sample(x, (long) SAMPLE * k, backend, key.fold("sample"), arena);
            Tensor few = sample(some, (long) SEEDING_SAMPLE * k, backend, key.fold("seeding sample"), arena);
            seed(few, centroids, backend, key.fold("seeding"), arena);
            lloyd(some, centroids, backend, arena, bar);
        }
        Tensor codes = Tensor.zeros(memory, Shape.of(x.shape().rows()), DType.I32);
        backend.nearest(codes, null, x, centroids);
        return new KMeans(codes, centroids);
    }

    /**
     * The same with clusters of the same size: none has more than ⌈rows/k⌉ rows. Starts from the centroids of
     * {@link #fit}; in turn rows are assigned evenly and centroids become the means of their rows.
     */
    static KMeans fitBalanced(
            Tensor x, int k, Backend backend, Key key, SegmentAllocator memory, Progress progress, String name) {
        KMeans start = fit(x, k, backend, key, memory, progress, name);
        Tensor centroids = start.centroids();
        try (Progress.Bar bar = progress.start(name + ", evenly", BALANCED_ITERATIONS)) {
            for (int iteration = 1; iteration <= BALANCED_ITERATIONS; iteration++) {
                int[] code = Balanced.assign(x, centroids, backend), size = new int[k];
                for (int c : code) size[c]++;
                start.codes().copyFrom(code);
                if (iteration < BALANCED_ITERATIONS) means(centroids, x, start.codes(), size, backend);
                bar.step(iteration, "");
            }
        }
        return start;
    }

    /** Writes the codes into one column of a table. */
    void copyCodes(int[][] table, int column) {
        for (int r = 0; r < table.length; r++) table[r][column] = codes.getInt(r);
    }

    /** At most {@code most} rows, chosen without replacement, in their order. */
    private static Tensor sample(Tensor x, long most, Backend backend, Key key, SegmentAllocator memory) {
        int rows = x.shape().rows();
        if (rows <= most) return x;
        int[] chosen = Arrays.copyOf(key.permutation(rows), (int) most);
        Arrays.sort(chosen);
        Tensor y = Tensor.uninitialized(memory, Shape.of(chosen.length, x.shape().dim(-1)), DType.F32);
        backend.gather(y, x, Tensor.of(memory, Shape.of(chosen.length), chosen));
        return y;
    }

    /**
     * Each next centroid is a row drawn with a chance proportional to its squared distance from the nearest centroid so
     * far; of {@code 2 + ln k} rows drawn, the one that lowers the sum of these distances most.
     */
    private static void seed(Tensor x, Tensor centroids, Backend backend, Key key, SegmentAllocator memory) {
        int rows = x.shape().rows(), k = centroids.shape().rows(), tries = 2 + (int) Math.log(k);
        double[] norm = squaredNorms(x), distance = new double[rows], cumulated = new double[rows];
        Tensor candidates = Tensor.zeros(memory, Shape.of(tries, x.shape().dim(-1)));
        Tensor products = Tensor.zeros(memory, Shape.of(rows, tries));
        int[] drawn = new int[tries];

        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        Arrays.fill(drawn, key.below(0, rows));
        for (int c = 0; c < k; c++) {
            if (c > 0) {
                double total = 0;
                for (int r = 0; r < rows; r++) cumulated[r] = total += distance[r];
                if (total == 0) return; // every row is a centroid already
                for (int t = 0; t < tries; t++) {
                    drawn[t] = firstAbove(key.fold(c).uniform(t) * total, cumulated);
                }
            }
            for (int t = 0; t < tries; t++) copyRow(x, drawn[t], candidates, t);
            backend.matmul(products, x, false, candidates, true, false); // |x - c|² = |x|² + |c|² - 2 x·c
            float[] product = products.toArray();
            int best = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int t = 0; t < tries; t++) {
                double sum = 0;
                for (int r = 0; r < rows; r++) {
                    sum += Math.min(distance[r], distance(norm[r], norm[drawn[t]], product[r * tries + t]));
                }
                if (sum < least) {
                    least = sum;
                    best = t;
                }
            }
            for (int r = 0; r < rows; r++) {
                double d = distance(norm[r], norm[drawn[best]], product[r * tries + best]);
                distance[r] = Math.min(distance[r], d);
            }
            distance[drawn[best]] = 0;
            copyRow(x, drawn[best], centroids, c);
        }
    }

    private static void lloyd(
            Tensor x, Tensor centroids, Backend backend, SegmentAllocator memory, Progress.Bar bar) {
        int rows = x.shape().rows(), k = centroids.shape().rows();
        Tensor codes = Tensor.zeros(memory, Shape.of(rows), DType.I32);
        Tensor distances = Tensor.zeros(memory, Shape.of(rows));
        double before = Double.MAX_VALUE;
        for (int iteration = 1; iteration <= ITERATIONS; iteration++) {
            backend.nearest(codes, distances, x, centroids);
            int[] code = codes.toIntArray(), size = new int[k];
            float[] distance = distances.toArray();
            double error = 0;
            for (int r = 0; r < rows; r++) {
                error += distance[r];
                size[code[r]]++;
            }
            bar.step(iteration, "squared error %.4g per item".formatted(error / rows));
            boolean repaired = fillEmpty(code, distance, size);
            if (!repaired && before - error <= CONVERGED * before) break;
            before = error;

            codes.copyFrom(code);
            means(centroids, x, codes, size, backend);
        }
    }

    /** Moves each centroid to the mean of its rows. */
    private static void means(Tensor centroids, Tensor x, Tensor codes, int[] size, Backend backend) {
        int columns = x.shape().dim(-1);
        backend.fill(centroids, 0);
        backend.gatherBackward(centroids, x, codes); // the sum of each cluster's rows
        for (int c = 0; c < size.length; c++) {
            for (long i = (long) c * columns; i < (c + 1L) * columns; i++) {
                centroids.set(i, centroids.get(i) / Math.max(1, size[c]));
            }
        }
    }

    /** Gives each empty cluster the farthest row that is not alone in its cluster. Returns whether it gave any. */
    private static boolean fillEmpty(int[] code, float[] distance, int[] size) {
        int[] empty = IntStream.range(0, size.length).filter(c -> size[c] == 0).toArray();
        if (empty.length == 0) return false;
        Iterator<Integer> farthest = IntStream.range(0, code.length)
                .boxed()
                .sorted(Comparator.comparing(r -> -distance[r])) // stable: the lower row on a tie
                .iterator();
        boolean gave = false;
        for (int c : empty) {
            while (farthest.hasNext()) {
                int r = farthest.next();
                if (distance[r] <= 0) return gave;
                if (size[code[r]] == 1) continue;
                size[code[r]]--;
                code[r] = c;
                size[c] = 1;
                gave = true;
                break;
            }
        }
        return gave;
    }

    private static double distance(double normA, double normB, double product) {
        double d = normA + normB - 2 * product;
        return d > ROUNDING * (normA + normB) ? d : 0;
    }

    static double[] squaredNorms(Tensor x) {
        int rows = x.shape().rows(), columns = x.shape().dim(-1);
        double[] norms = new double[rows];
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < columns; i++) {
                double v = x.get((long) r * columns + i);
                norms[r] += v * v;
            }
        }
        return norms;
    }

    /** The first index whose cumulated sum exceeds the number. */
    private static int firstAbove(double number, double[] cumulated) {
        int low = 0, high = cumulated.length - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (cumulated[middle] > number) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    private static void copyRow(Tensor from, int row, Tensor to, int toRow) {
        long bytes = (long) from.shape().dim(-1) * from.dtype().bytes();
        MemorySegment.copy(from.data(), row * bytes, to.data(), toRow * bytes, bytes);
    }
}
