package dev.beamwright.autograd.check;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * One operation with operands of a chosen size. The list {@link OpCases#all()} drives the contract of every backend,
 * the gradient check, and the benchmark of single operations, so that a new operation is tested everywhere by one
 * entry.
 *
 * @param name of the operation
 * @param maker makes the operands
 */
public record OpCase(String name, Maker maker) {
    /**
     * An operation with its operands.
     *
     * @param inputs whose gradients are compared
     * @param output runs the operation on a tape
     */
    public record Instance(List<Variable> inputs, Function<Tape, Variable> output) {}

    /** Makes the operands of an operation. */
    @FunctionalInterface
    public interface Maker {
        /** Operands whose columns, or heads, are {@code size} wide. */
        Instance make(Operands operands, int size);
    }

    /** The operation with few rows of this size, cut from this memory, the same each time. */
    public Instance make(SegmentAllocator memory, int size) {
        return make(memory, size, 1);
    }

    /** The same with {@code times} as many rows, as a benchmark needs them. */
    public Instance make(SegmentAllocator memory, int size, int times) {
        return maker.make(new Operands(memory, Key.of(11).fold(name).fold(size), times), size);
    }

    @Override
    public String toString() {
        return name;
    }

    /** Cuts operands from a memory and fills them at random, the same each time. */
    public static final class Operands {
        private final SegmentAllocator memory;
        private final int times;
        private Key key;

        Operands(SegmentAllocator memory, Key key, int times) {
            this.memory = memory;
            this.key = key;
            this.times = times;
        }

        /** How many rows most operands have. */
        public int rows() {
            return rows(11);
        }

        /** So many rows, or as many times more as were asked for. */
        public int rows(int few) {
            return few * times;
        }

        /** Offsets into such rows. */
        public Tensor offsets(int... few) {
            return ints(Arrays.stream(few).map(this::rows).toArray());
        }

        /** A variable with values uniform in [-1, 1). */
        public Variable uniform(int... dims) {
            return uniformBetween(-1, 1, dims);
        }

        /** A variable with values uniform in [low, high). */
        public Variable uniformBetween(double low, double high, int... dims) {
            Variable v = Variable.parameter(memory, dims);
            key = key.fold("next");
            for (int i = 0, n = (int) v.size(); i < n; i++) {
                v.value().set(i, (float) (low + (high - low) * key.uniform(i)));
            }
            return v;
        }

        /** Numbers without a gradient. */
        public Tensor numbers(int... dims) {
            return uniform(dims).value();
        }

        /** These integers. */
        public Tensor ints(int... values) {
            return Tensor.of(memory, Shape.of(values.length), values);
        }

        /** {@code n} integers in [0, bound), every seventh of them -1 if {@code gaps}. */
        public Tensor below(int bound, int n, boolean gaps) {
            key = key.fold("next");
            int[] values = new int[n];
            for (int i = 0; i < n; i++) values[i] = gaps && i % 7 == 3 ? -1 : key.below(i, bound);
            return ints(values);
        }

        /** A dropout under a fixed key. */
        public Dropout dropout(float rate) {
            return new Dropout(rate, ints(123456789, -987654321), 5);
        }
    }
}
