package dev.beamwright.autograd;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One training step: hands out the step's memory, remembers how to walk back, and forgets both on close.
 *
 * <p>All activations and their gradients live in one workspace, cut front to back and reused from the front by the next
 * step, so the same step asks for the same addresses every time. A gradient is only needed from the first use of its
 * variable on the way back to the last, so few memories serve the gradients of all.
 */
public final class Tape implements AutoCloseable {
    private final Backend backend;
    private final Workspace memory;
    private final boolean gradients;
    private final List<Runnable> wayBack = new ArrayList<>();
    /** Memories of gradients that were carried on, by their number of elements. */
    private final Map<Long, Deque<Tensor>> free = new HashMap<>();
    /** Whether an operand has taken over the gradient that is being carried on. */
    private boolean takenOver;

    private Tape(Backend backend, Workspace memory, boolean gradients) {
        this.backend = backend;
        this.memory = memory;
        this.gradients = gradients;
    }

    /** A tape that can be walked back. The workspace is its own until it is closed. */
    public static Tape training(Backend backend, Workspace memory) {
        return new Tape(backend, memory, true);
    }

    /** A tape that only computes values: nothing is remembered, and every gradient is null. */
    public static Tape inference(Backend backend, Workspace memory) {
        return new Tape(backend, memory, false);
    }

    /** A tape that only computes values, in this one's memory. It is not closed, but forgotten with this one. */
    public Tape inference() {
        return new Tape(backend, memory, false);
    }

    public Backend backend() {
        return backend;
    }

    /** Whether this tape can be walked back. */
    public boolean trains() {
        return gradients;
    }

    /** Memory for a kernel's output, not cleared; it lives until this tape is closed. */
    public Tensor allocate(Shape shape) {
        return Tensor.uninitialized(memory, shape, DType.F32);
    }

    /** Memory for integers, not cleared. */
    public Tensor allocateInts(int... dims) {
        return Tensor.uninitialized(memory, Shape.of(dims), DType.I32);
    }

    /** A tensor of this step that holds these integers. */
    public Tensor ints(int... values) {
        Tensor t = Tensor.of(memory, Shape.of(values.length), values);
        backend.written(t);
        return t;
    }

    /** A tensor of this step that holds these numbers. */
    public Tensor floats(float... values) {
        Tensor t = Tensor.of(memory, Shape.of(values.length), values);
        backend.written(t);
        return t;
    }

    /**
     * The same for one integer of each of some rows, or of offsets into them; on a device it may become longer, see
     * {@link Backend#rows}.
     *
     * @param filler what stands behind: -1 for rows that do not exist, the last offset for sequences without rows
     */
    public Tensor rowInts(int filler, int... values) {
        int[] padded = Arrays.copyOf(values, backend.rows(values.length));
        Arrays.fill(padded, values.length, padded.length, filler);
        return ints(padded);
    }

    /** The same for one number of each of some rows, 0 behind them. */
    public Tensor rowFloats(float... values) {
        return floats(Arrays.copyOf(values, backend.rows(values.length)));
    }

    /** A result, and the step that carries its gradient to the operands. */
    public Variable record(Tensor value, Pullback pullback) {
        if (!gradients) return Variable.constant(value);
        var y = new Variable(value, this);
        wayBack.add(() -> {
            Tensor dy = y.giveUpGrad();
            if (dy == null) return; // nothing that counts was made of this result
            takenOver = false;
            pullback.accept(dy);
            if (!takenOver) free.computeIfAbsent(dy.shape().size(), size -> new ArrayDeque<>()).push(dy);
        });
        return y;
    }

    /** Memory for a gradient, not cleared: that which was used last. */
    Tensor gradient(Shape shape) {
        Deque<Tensor> used = free.get(shape.size());
        return used == null || used.isEmpty() ? allocate(shape) : used.pop().reshape(shape.toArray());
    }

    /**
     * Adds dy to the gradient of x, or makes it that gradient. For the last thing that a pullback does with its dy.
     */
    void carry(Tensor dy, Variable x) {
        if (!takenOver && x.takeOver(dy)) takenOver = true;
        else if (x.grad() != null) backend.accumulate(x.grad(), 1, dy);
    }

    /** A step of the way back for a kernel that changed its operand in place. */
    void recordInPlace(Runnable pullback) {
        if (gradients) wayBack.add(pullback);
    }

    /** Walks back from a loss of one element: the gradients of all parameters grow by that of the loss. */
    public void backward(Variable loss) {
        if (loss.size() != 1) throw new IllegalArgumentException("a loss has one element, this has " + loss.shape());
        backend.fill(loss.grad(), 1);
        for (int i = wayBack.size() - 1; i >= 0; i--) wayBack.get(i).run();
    }

    @Override
    public void close() {
        wayBack.clear();
        free.clear();
        memory.reset();
    }

    /** Given the gradient of a result, which it may use up, adds to the gradients of its operands. */
    @FunctionalInterface
    public interface Pullback {
        /** Adds to the operands' gradients. */
        void accept(Tensor dy);
    }
}
