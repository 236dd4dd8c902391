package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.address;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Storage;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * Weights that do not change for a while: as right operands of products they are packed once, when they are first
 * needed, and not for each product. A step of training takes a weight through a product for every micro-batch, a beam
 * search for every level; and whoever serves a model, for every request.
 */
final class PackedWeights implements Backend.Constants {
    private final List<Packed> all;
    private final Map<Long, Packed> inForce;
    private int bodies; // that run now

    /**
     * @param inForce where products look for a packed operand, by its address
     */
    PackedWeights(List<Tensor> tensors, Map<Long, Packed> inForce) {
        this.all = tensors.stream().filter(t -> t.shape().rank() > 1).map(Packed::new).toList();
        this.inForce = inForce;
    }

    @Override
    public void during(Runnable body) {
        enter();
        try {
            body.run();
        } finally {
            leave();
        }
    }

    private synchronized void enter() {
        if (bodies++ == 0) for (Packed p : all) inForce.put(address(p.tensor), p);
    }

    /** The panels are needed for as long as any thread is in a body. */
    private synchronized void leave() {
        if (--bodies == 0) for (Packed p : all) inForce.remove(address(p.tensor), p);
    }

    @Override
    public void changed() {
        all.forEach(Packed::forget);
    }

    /** One matrix, as it is and transposed. */
    static final class Packed {
        private final Tensor tensor;
        private final MemorySegment[] memory = new MemorySegment[2];
        private final boolean[] done = new boolean[2];

        Packed(Tensor tensor) {
            this.tensor = tensor;
        }

        private synchronized void forget() {
            done[0] = done[1] = false;
        }

        /** Where the panels of the right operand op(b) lie, see {@link Gemm#packAll}; 0 if this is another matrix. */
        synchronized long panels(Tensor b, boolean transposed) {
            if (!b.shape().equals(tensor.shape())) return 0;
            int way = transposed ? 1 : 0, rows = b.shape().rows(), columns = b.shape().dim(-1);
            int k = transposed ? columns : rows, n = transposed ? rows : columns;
            if (memory[way] == null) {
                memory[way] = Arena.ofAuto().allocate(Gemm.packedBytes(k, n), Storage.ALIGNMENT);
            }
            if (!done[way]) Gemm.packAll(address(b), 4L * columns, transposed, k, n, memory[way].address());
            done[way] = true;
            return memory[way].address();
        }
    }
}
