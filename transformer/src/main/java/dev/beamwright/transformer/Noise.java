package dev.beamwright.transformer;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/**
 * Hands out the dropouts of a forward pass, each with a salt of its own. The key is one tensor that changes from step
 * to step.
 */
public final class Noise {
    private final float rate;
    private final Tensor key;
    private int salt;

    /** Dropout at a rate in [0, 1). */
    public Noise(float rate, SegmentAllocator memory) {
        this.rate = rate;
        this.key = rate == 0 ? null : Tensor.zeros(memory, Shape.of(2), DType.I32);
    }

    private Noise() {
        this.rate = 0;
        this.key = null;
    }

    /** No dropout at all. */
    public static Noise none() {
        return new Noise();
    }

    /** Starts a forward pass under a new key. */
    public void begin(Key stepKey) {
        salt = 0;
        if (key != null) stepKey.writeTo(key);
    }

    /** The next dropout, or null where there is none. */
    public Dropout next() {
        return key == null ? null : new Dropout(rate, key, salt++);
    }
}
