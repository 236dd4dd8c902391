package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.SegmentAllocator;

/**
 * Residual k-means: the first level clusters the vectors, each further level clusters what the levels above left over
 * (residual quantisation: Chen, Guan and Wang, "Approximate nearest neighbor search by residual vector quantization",
 * Sensors 2010). An item's codes go from coarse to fine.
 *
 * @param balanced whether no code of a level is given to more than its even share of items
 */
public record ResidualKMeans(int[] widths, boolean balanced) implements Quantizer {
    /** Clusters of whatever size. */
    public ResidualKMeans(int[] widths) {
        this(widths, false);
    }

    @Override
    public Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        int[][] codes = new int[vectors.shape().rows()][widths.length];
        Tensor residual = Tensor.uninitialized(memory, vectors.shape(), DType.F32);
        residual.data().copyFrom(vectors.data());
        KMeans last = null;
        for (int level = 0; level < widths.length; level++) {
            if (last != null) subtract(residual, last, backend);
            String name = "clustering level " + (level + 1) + " of " + widths.length;
            Key levelKey = key.fold(level);
            last = balanced
                    ? KMeans.fitBalanced(residual, widths[level], backend, levelKey, memory, progress, name)
                    : KMeans.fit(residual, widths[level], backend, levelKey, memory, progress, name);
            last.copyCodes(codes, level);
        }
        return new Quantized(new SemanticIds(widths, codes), residual, last.centroids());
    }

    /** Takes from each row the centroid of its cluster. */
    static void subtract(Tensor residual, KMeans clusters, Backend backend) {
        try (Arena arena = Arena.ofShared()) {
            Tensor nearest = Tensor.uninitialized(arena, residual.shape(), DType.F32);
            backend.gather(nearest, clusters.centroids(), clusters.codes());
            backend.accumulate(residual, -1, nearest);
        }
    }
}
