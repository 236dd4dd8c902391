package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/** Codes drawn at random, the control: what a model gains over these is what the meaning of the codes is worth. */
public record RandomCodes(int[] widths) implements Quantizer {
    @Override
    public Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        int[][] codes = new int[vectors.shape().rows()][widths.length];
        for (int level = 0; level < widths.length; level++) {
            for (int item = 0; item < codes.length; item++) {
                codes[item][level] = key.fold(level).below(item, widths[level]);
            }
        }
        return Quantized.of(new SemanticIds(widths, codes));
    }
}
