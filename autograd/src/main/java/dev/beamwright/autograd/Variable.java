package dev.beamwright.autograd;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/**
 * A value on the tape and the gradient of the loss with respect to it.
 *
 * <p>The gradient of a parameter is always there and grows until the optimizer clears it. That of a result comes into
 * being on the way back, when the first of those who used the result adds to it, and is gone once it was carried on to
 * the operands: its memory then serves the next one, which finds it in the cache.
 */
public final class Variable {
    private final Tensor value;
    /** Where the gradient of a result takes its memory from; null for parameters and constants. */
    private final Tape tape;

    private Tensor grad;

    private Variable(Tensor value, Tape tape, Tensor grad) {
        if (grad != null && !grad.shape().equals(value.shape())) {
            throw new IllegalArgumentException("a gradient of shape " + grad.shape() + " for " + value.shape());
        }
        this.value = value;
        this.tape = tape;
        this.grad = grad;
    }

    /**
     * A parameter.
     *
     * @param grad of the same shape; null where nobody asks for it
     */
    public Variable(Tensor value, Tensor grad) {
        this(value, null, grad);
    }

    /** A result that was recorded on a tape. */
    Variable(Tensor value, Tape tape) {
        this(value, tape, null);
    }

    /** A value without a gradient. */
    public static Variable constant(Tensor value) {
        return new Variable(value, null, null);
    }

    /** A parameter: zeros, with a gradient of zeros. */
    public static Variable parameter(SegmentAllocator memory, int... dims) {
        Shape shape = Shape.of(dims);
        return new Variable(Tensor.zeros(memory, shape), Tensor.zeros(memory, shape));
    }

    /** What was computed, or a parameter. */
    public Tensor value() {
        return value;
    }

    /** The gradient to add to, zeros if nothing was added yet; null where nobody asks for it. */
    public Tensor grad() {
        if (grad == null && tape != null) {
            grad = tape.gradient(value.shape());
            tape.backend().fill(grad, 0);
        }
        return grad;
    }

    /** What makes a gradient grow: it overwrites what it is given, or adds to it. */
    @FunctionalInterface
    interface Growth {
        void into(Tensor gradient, boolean add);
    }

    /** Lets the gradient grow, if anybody asks for it; the first one to come overwrites. */
    void grow(Growth growth) {
        boolean add = grad != null;
        if (!add && tape != null) grad = tape.gradient(value.shape());
        if (grad != null) growth.into(grad, add);
    }

    /** Takes over a tensor as the gradient, if there is none yet. */
    boolean takeOver(Tensor gradient) {
        if (grad != null || tape == null) return false;
        grad = gradient;
        return true;
    }

    /** The gradient, which from now on is the caller's; null if nobody has added to it. */
    Tensor giveUpGrad() {
        Tensor g = grad;
        grad = null;
        return g;
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
}
