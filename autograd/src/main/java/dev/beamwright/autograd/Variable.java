package dev.beamwright.autograd;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/**
 * A value on the tape and the gradient of the loss with respect to it.
 *
 * @param value what was computed, or a parameter
 * @param grad of the same shape; null where nobody asks for it
 */
public record Variable(Tensor value, Tensor grad) {
    public Variable {
        if (grad != null && !grad.shape().equals(value.shape())) {
            throw new IllegalArgumentException("a gradient of shape " + grad.shape() + " for " + value.shape());
        }
    }

    /** A value without a gradient. */
    public static Variable constant(Tensor value) {
        return new Variable(value, null);
    }

    /** A parameter: zeros, with a gradient of zeros. */
    public static Variable parameter(SegmentAllocator memory, int... dims) {
        Shape shape = Shape.of(dims);
        return new Variable(Tensor.zeros(memory, shape), Tensor.zeros(memory, shape));
    }

    public Shape shape() {
        return value.shape();
    }

    /** The length of one dimension; a negative axis counts from the end. */
    public int dim(int axis) {
        return shape().dim(axis);
    }

    /** How many elements there are. */
    public long size() {
        return shape().size();
    }

    /** The same elements, and the same gradient, under another shape. */
    public Variable reshape(int... dims) {
        return new Variable(value.reshape(dims), grad == null ? null : grad.reshape(dims));
    }
}
