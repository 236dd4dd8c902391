package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.IntStream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.SingularValueDecomposition;

/**
 * Product quantisation: the columns are cut into one slice for each level, and each slice is clustered by itself (Jégou,
 * Douze and Schmid, "Product quantization for nearest neighbor search", PAMI 2011). The levels have no order: none is
 * coarser than another.
 *
 * @param rotated whether the vectors are turned first, so that the slices lose less (Ge, He, Ke and Sun, "Optimized
 *     product quantization", PAMI 2014, the form without assumptions): in turn the slices are clustered, and the vectors
 *     are turned by the rotation R = U Vᵀ that brings them nearest to what the codes stand for, U S Vᵀ being the
 *     singular value decomposition of (vectors)ᵀ (what the codes stand for); of all rounds the best is kept. The first
 *     rotation is to the principal axes, dealt out so that the slices have variances of about the same product
 */
public record ProductQuantizer(int[] widths, boolean rotated) implements Quantizer {
    private static final int ROUNDS = 8;
    /** Makes the logarithm of every variance positive, so that a slice grows with each axis. */
    private static final double LOG_RANGE = 12 * Math.log(10);

    /** Slices of the vectors as they are. */
    public ProductQuantizer(int[] widths) {
        this(widths, false);
    }

    @Override
    public Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        int levels = widths.length, columns = vectors.shape().dim(-1);
        if (columns < levels) {
            throw new UserError("product quantisation into " + levels + " levels needs vectors of at least " + levels
                    + " dimensions, these have " + columns);
        }
        if (!rotated) return slices(vectors, backend, key, memory, progress).quantized();
        Arena held = Arena.ofShared(); // of the best so far
        try (Progress.Bar bar = progress.start("rotating", ROUNDS)) {
            Slices best = slices(vectors, backend, key, held, Progress.silent());
            RealMatrix rotation = principalAxes(vectors, backend);
            for (int round = 0; round < ROUNDS; round++) {
                Arena now = Arena.ofShared();
                Slices found = slices(turned(vectors, rotation, backend, now), backend, key, now, Progress.silent());
                if (round + 1 < ROUNDS) rotation = towards(vectors, found.decoded(), backend);
                boolean better = found.error() < best.error();
                if (better) best = found;
                (better ? held : now).close();
                if (better) held = now;
                bar.step(round + 1, String.format(
                        Locale.ROOT, "squared error %.4g per item", best.error() / vectors.shape().rows()));
            }
            Quantized q = best.quantized();
            return new Quantized(q.ids(), copy(q.lastInput(), memory), copy(q.lastCodebook(), memory));
        } finally {
            held.close();
        }
    }

    private static Tensor copy(Tensor x, SegmentAllocator memory) {
        Tensor y = Tensor.uninitialized(memory, x.shape(), x.dtype());
        MemorySegment.copy(x.data(), 0, y.data(), 0, x.shape().size() * x.dtype().bytes());
        return y;
    }

    /**
     * What one clustering of the slices found.
     *
     * @param decoded what the codes stand for, (items, columns)
     * @param error the squared distance of the vectors from it
     */
    private record Slices(Quantized quantized, Tensor decoded, double error) {}

    private Slices slices(
            Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        int levels = widths.length, rows = vectors.shape().rows(), columns = vectors.shape().dim(-1);
        int[][] codes = new int[rows][levels];
        Tensor decoded = Tensor.uninitialized(memory, vectors.shape(), DType.F32), slice = null;
        KMeans last = null;
        double error = 0;
        for (int level = 0; level < levels; level++) {
            int from = (int) ((long) columns * level / levels), to = (int) ((long) columns * (level + 1) / levels);
            slice = columns(vectors, from, to, memory);
            String name = "clustering slice " + (level + 1) + " of " + levels;
            last = KMeans.fit(slice, widths[level], backend, key.fold(level), memory, progress, name);
            last.copyCodes(codes, level);
            for (int r = 0; r < rows; r++) {
                for (int i = 0; i < to - from; i++) {
                    float value = last.centroids().get((long) codes[r][level] * (to - from) + i);
                    double d = slice.get((long) r * (to - from) + i) - value;
                    error += d * d;
                    decoded.set((long) r * columns + from + i, value);
                }
            }
        }
        return new Slices(new Quantized(new SemanticIds(widths, codes), slice, last.centroids()), decoded, error);
    }

    /** The rotation that brings vectors nearest to a target (orthogonal Procrustes problem; Schönemann, 1966). */
    private static RealMatrix towards(Tensor vectors, Tensor target, Backend backend) {
        var svd = new SingularValueDecomposition(product(vectors, target, backend));
        return svd.getU().multiply(svd.getVT());
    }

    /**
     * The principal axes as columns: by falling variance, each goes to the slice with the smallest product of variances
     * so far that has a column left.
     */
    private RealMatrix principalAxes(Tensor vectors, Backend backend) {
        int n = vectors.shape().dim(-1), levels = widths.length;
        RealMatrix moments = product(vectors, vectors, backend);
        var axes = new EigenDecomposition(moments.add(moments.transpose()).scalarMultiply(0.5)); // exactly symmetric
        double[] values = axes.getRealEigenvalues();
        int[] next = new int[levels];
        double[] logProduct = new double[levels];
        for (int l = 0; l < levels; l++) next[l] = (int) ((long) n * l / levels);
        RealMatrix rotation = new Array2DRowRealMatrix(n, n);
        IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -values[i])).forEach(axis -> {
            int slice = -1;
            for (int l = 0; l < levels; l++) {
                boolean full = next[l] == (int) ((long) n * (l + 1) / levels);
                if (!full && (slice < 0 || logProduct[l] < logProduct[slice])) slice = l;
            }
            rotation.setColumnVector(next[slice]++, axes.getEigenvector(axis));
            logProduct[slice] += Math.log(Math.max(values[axis], 1e-12 * values[0]) / values[0]) + LOG_RANGE;
        });
        return rotation;
    }

    /** aᵀ b. */
    private static RealMatrix product(Tensor a, Tensor b, Backend backend) {
        int n = a.shape().dim(-1);
        RealMatrix m = new Array2DRowRealMatrix(n, n);
        try (Arena arena = Arena.ofShared()) {
            Tensor product = Tensor.zeros(arena, Shape.of(n, n));
            backend.matmul(product, a, true, b, false, false);
            for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) m.setEntry(i, j, product.get((long) i * n + j));
        }
        return m;
    }

    private static Tensor turned(Tensor vectors, RealMatrix rotation, Backend backend, SegmentAllocator memory) {
        int n = vectors.shape().dim(-1);
        Tensor turned = Tensor.uninitialized(memory, vectors.shape(), DType.F32);
        try (Arena arena = Arena.ofShared()) {
            Tensor r = Tensor.zeros(arena, Shape.of(n, n));
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) r.set((long) i * n + j, (float) rotation.getEntry(i, j));
            }
            backend.matmul(turned, vectors, false, r, false, false);
        }
        return turned;
    }

    private static Tensor columns(Tensor x, int from, int to, SegmentAllocator memory) {
        int rows = x.shape().rows(), all = x.shape().dim(-1), some = to - from, bytes = x.dtype().bytes();
        Tensor y = Tensor.uninitialized(memory, Shape.of(rows, some), DType.F32);
        for (long r = 0; r < rows; r++) {
            MemorySegment.copy(x.data(), (r * all + from) * bytes, y.data(), r * some * bytes, (long) some * bytes);
        }
        return y;
    }
}
