package dev.beamwright.transformer;

import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Key;
import java.lang.foreign.SegmentAllocator;

/**
 * Makes the parameters of a network: each from a random key of its own, in the order in which they are asked for, so
 * that the same seed and the same network give the same parameters.
 */
public final class Initializer {
    private final SegmentAllocator memory;
    private final Key key;
    private int made;

    public Initializer(SegmentAllocator memory, Key key) {
        this.memory = memory;
        this.key = key;
    }

    /** Where the parameters live; for constants that go with them. */
    SegmentAllocator memory() {
        return memory;
    }

    /** A parameter with normal values of mean 0. */
    public Variable normal(double deviation, int... dims) {
        Variable v = Variable.parameter(memory, dims);
        Key k = key.fold(made++);
        for (int i = 0, n = (int) v.size(); i < n; i++) v.value().set(i, (float) (deviation * k.gaussian(i)));
        return v;
    }

    /** A parameter with the same value everywhere. */
    public Variable constant(float value, int... dims) {
        Variable v = Variable.parameter(memory, dims);
        made++;
        for (int i = 0, n = (int) v.size(); i < n; i++) v.value().set(i, value);
        return v;
    }
}
