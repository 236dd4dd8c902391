package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import java.util.function.IntConsumer;
import jdk.incubator.vector.VectorMask;

/** {@link dev.beamwright.tensor.Backend#causalFilter} and its way back, some sequences at a time. */
final class CausalFilter {
    /** Sequences of one block. */
    private static final int BLOCK = 16;

    private final int rows, columns, taps, sequences, blocks;
    private final long weights, offsets;

    CausalFilter(Tensor x, Tensor taps, Tensor offsets) {
        rows = x.shape().rows();
        columns = x.shape().dim(-1);
        this.taps = taps.shape().dim(0);
        sequences = (int) offsets.shape().size() - 1;
        blocks = Math.ceilDiv(sequences, BLOCK);
        weights = address(taps);
        this.offsets = address(offsets);
    }

    void forward(long y, long x) {
        int size = 4 * columns;
        Flat.each((long) rows * columns, (to, a, b, c, n) -> Flat.fillWhole(to, 0, n), y, 0, 0, 0);
        spread(block -> each(block, (t, seen, tap) -> {
            multiplyAdd(y + (long) t * size, x + (long) seen * size, weights + (long) tap * size, columns);
        }));
    }

    /** Adds into gradients, each of which may be 0. */
    void backward(long dx, long dtaps, long dy, long x) {
        int size = 4 * columns, all = taps * columns;
        long partial = Scratch.get().block(Scratch.PARTIALS, (long) blocks * all);
        Flat.fill(partial, 0, Math.multiplyExact(blocks, all));
        spread(block -> each(block, (t, seen, tap) -> {
            long d = dy + (long) t * size, w = (long) tap * size;
            if (dx != 0) multiplyAdd(dx + (long) seen * size, d, weights + w, columns);
            if (dtaps != 0) multiplyAdd(partial + 4L * block * all + w, d, x + (long) seen * size, columns);
        }));
        if (dtaps == 0) return;
        for (int b = 0; b < blocks; b++) Flat.run(all, Flat::add, dtaps, dtaps, partial + 4L * b * all, 0);
    }

    /** A row, one that it sees, and the tap between them. */
    private interface Step {
        void run(int row, int seen, int tap);
    }

    private void each(int block, Step step) {
        for (int s = block * BLOCK; s < Math.min(sequences, (block + 1) * BLOCK); s++) {
            int begin = getInt(offsets + 4L * s), end = getInt(offsets + 4L * s + 4);
            for (int t = begin; t < end; t++) {
                for (int k = 0; k < taps && t - k >= begin; k++) step.run(t, t - k, k);
            }
        }
    }

    private void spread(IntConsumer block) {
        if ((long) rows * columns * taps < Flat.ALONE) for (int b = 0; b < blocks; b++) block.accept(b);
        else Parallel.run(blocks, block);
    }

    /** {@code y += a ⊙ b}. */
    private static void multiplyAdd(long y, long a, long b, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            store(y + 4L * i, load(a + 4L * i, m).fma(load(b + 4L * i, m), load(y + 4L * i, m)), m);
        }
    }
}
