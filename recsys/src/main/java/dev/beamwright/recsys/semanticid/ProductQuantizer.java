package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * Product quantisation: the columns are cut into one slice for each level, and each slice is clustered by itself (Jégou,
 * Douze and Schmid, "Product quantization for nearest neighbor search", PAMI 2011). The levels have no order: none is
 * coarser than another.
 */
public record ProductQuantizer(int[] widths) implements Quantizer {
    @Override
    public Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        int levels = widths.length, columns = vectors.shape().dim(-1);
        if (columns < levels) {
            throw new UserError("product quantisation into " + levels + " levels needs vectors of at least " + levels
                    + " dimensions, these have " + columns);
        }
        int[][] codes = new int[vectors.shape().rows()][levels];
        Tensor slice = null;
        KMeans last = null;
        for (int level = 0; level < levels; level++) {
            int from = (int) ((long) columns * level / levels), to = (int) ((long) columns * (level + 1) / levels);
            slice = columns(vectors, from, to, memory);
            String name = "clustering slice " + (level + 1) + " of " + levels;
            last = KMeans.fit(slice, widths[level], backend, key.fold(level), memory, progress, name);
            last.copyCodes(codes, level);
        }
        return new Quantized(new SemanticIds(widths, codes), slice, last.centroids());
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
