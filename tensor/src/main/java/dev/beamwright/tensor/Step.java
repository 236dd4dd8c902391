package dev.beamwright.tensor;

/** A body of kernel calls that can be run again and again, over the same tensors. */
@FunctionalInterface
public interface Step {
    /** Runs the body once. */
    void run();
}
