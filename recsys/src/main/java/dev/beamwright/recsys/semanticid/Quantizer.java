package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/** A way from item vectors to one code for each level. The codes may collide; a {@link CollisionPolicy} comes after. */
public sealed interface Quantizer permits ResidualKMeans, RqVae, ProductQuantizer, RandomCodes {
    /** The number of codes of each level. */
    int[] widths();

    /**
     * Gives each item its codes. The same key gives the same codes on the same backend.
     *
     * @param vectors (items, dimensions)
     * @param memory what the result's tensors are cut from
     */
    Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress);
}
