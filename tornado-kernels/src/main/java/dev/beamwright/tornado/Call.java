package dev.beamwright.tornado;

import dev.beamwright.tensor.Tensor;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid;

/**
 * One call of a kernel.
 *
 * @param kept how many of the arrays it writes, the first ones, go on from what they hold; the others are overwritten
 * @param arguments tensors, Integers and Floats, in the order of the method's parameters
 * @param grid of threads for a kernel with a {@code KernelContext}, which is then its first argument; else null
 */
record Call(Kernel kernel, int kept, Object[] arguments, WorkerGrid grid) {
    /** One context for all kernels: every further one costs nodes of a graph. */
    static final KernelContext CONTEXT = new KernelContext();

    /** The tensor that stands at this place among the arrays. */
    Tensor tensor(int place) {
        int seen = 0;
        for (Object a : arguments) if (a instanceof Tensor t && seen++ == place) return t;
        throw new IllegalArgumentException(kernel.name() + " has no array " + place);
    }

    /** This call, if no array that it writes is another of its arguments, too: on that TornadoVM would wait for ever. */
    Call checked() {
        int place = 0;
        for (int i = 0; i < arguments.length; i++) {
            if (!(arguments[i] instanceof Tensor t)) continue;
            if (place++ >= kernel.writes()) return this;
            for (int j = i + 1; j < arguments.length; j++) {
                if (arguments[j] instanceof Tensor other && other.storage() == t.storage()) {
                    throw new IllegalArgumentException(
                            "kernel " + kernel.name() + ": arguments " + i + " and " + j + " are the same tensor");
                }
            }
        }
        return this;
    }

    /** Whether this call adds to its first array, and could as well overwrite it. */
    boolean adds() {
        return kernel.add() >= 0 && ((int) arguments[kernel.add()] & kernel.addBit()) != 0;
    }

    /** The call that overwrites its first array. */
    Call overwriting() {
        Object[] a = arguments.clone();
        a[kernel.add()] = (int) a[kernel.add()] & ~kernel.addBit();
        return new Call(kernel, kept - 1, a, grid);
    }
}
