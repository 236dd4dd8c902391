package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.set;
import static dev.beamwright.tensor.cpu.Lanes.store;

import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * {@link dev.beamwright.tensor.Backend#childLogits} and its way back. Where all rows are at the root, they share the
 * children, and matrix products do it; elsewhere each row has children of its own, few of them, and products of two rows
 * do. Which way is taken depends on the nodes alone, so a row at the root has the same bits in every batch, and one
 * elsewhere too.
 */
final class ChildLogits {
    /** Products below which one thread is faster than two. */
    private static final int ALONE = 1 << 14;

    private final int rows, columns, width, length, tableRows;
    private final long state, table, lists, nodes, offsets, children;
    private final float gain;

    /**
     * @param width columns of the logits
     */
    ChildLogits(Tensor state, Tensor table, Tensor lists, Tensor gain, SoftmaxMask mask, int width) {
        rows = state.shape().rows();
        columns = state.shape().dim(-1);
        this.width = width;
        length = lists.shape().dim(-1);
        tableRows = table.shape().rows();
        this.state = address(state);
        this.table = address(table);
        this.lists = address(lists);
        nodes = address(mask.nodes());
        offsets = address(mask.offsets());
        children = address(mask.columns());
        this.gain = gain.get(0);
        int most = (int) mask.offsets().shape().size() - 1;
        for (int r = 0; r < rows; r++) if (node(r) >= 0) Objects.checkIndex(node(r), most);
    }

    void forward(long logits, long bias) {
        Flat.each((long) rows * width, (y, a, b, c, n) -> Flat.fillWhole(y, Float.NEGATIVE_INFINITY, n), logits, 0, 0,
                0);
        if (atRoot()) {
            int n = last(0);
            long vectors = childrenOfRoot(n), products = Scratch.get().block(Scratch.CHILD_LOGITS, (long) rows * n);
            Gemm.multiply(products, rows, n, columns, state, columns, false, vectors, columns, true, false, 0);
            for (int r = 0; r < rows; r++) {
                for (int e = 0; e < n; e++) {
                    put(logits, r, e, Math.fma(gain, get(products + 4 * ((long) r * n + e)), get(bias + 4L * e)));
                }
            }
            return;
        }
        int height = 32;
        int blocks = Math.ceilDiv(rows, height);
        spread(blocks, block -> {
            for (int r = block * height; r < Math.min(rows, (block + 1) * height); r++) {
                for (int e = first(r); e < last(r); e++) {
                    float product = 0;
                    for (int s = 0; s < length; s++) {
                        int row = row(e, s);
                        if (row >= 0) product += Rows.dot(state(r), table + 4L * row * columns, columns);
                    }
                    put(logits, r, e, Math.fma(gain, product, get(bias + 4L * e)));
                }
            }
        });
    }

    /** Adds into gradients, each of which may be 0. */
    void backward(long dstate, long dtable, long dgain, long dbias, long dlogits) {
        // u[n] = Σ_e g · v_e, from which dstate and dgain follow
        long u = Scratch.get().block(Scratch.CHILD_SUMS, (long) rows * columns);
        if (atRoot()) atRootBackward(u, dtable, dlogits);
        else {
            // Each block owns some columns, and goes through the rows in their order.
            int most = Math.ceilDiv(columns, VL), blocks = Math.min(most, Parallel.available());
            int part = Math.ceilDiv(most, blocks) * VL;
            spread(Math.ceilDiv(columns, part), block -> {
                int from = block * part, n = Math.min(part, columns - from);
                for (int r = 0; r < rows; r++) rowBackward(r, 4L * from, n, u, dtable, dlogits);
            });
        }
        if (dstate != 0) {
            for (int r = 0; r < rows; r++) {
                addScaled(dstate + 4L * r * columns, gain, u + 4L * r * columns, columns);
            }
        }
        if (dgain != 0) {
            double sum = 0;
            for (int r = 0; r < rows; r++) sum += Rows.dot(state(r), u + 4L * r * columns, columns);
            set(dgain, (float) (get(dgain) + sum));
        }
        if (dbias == 0) return;
        for (int r = 0; r < rows; r++) {
            for (int e = first(r); e < last(r); e++) {
                set(dbias + 4L * e, get(dbias + 4L * e) + get(at(dlogits, r, e)));
            }
        }
    }

    /** What one row adds, within n columns from an offset of {@code from} bytes on. */
    private void rowBackward(int r, long from, int n, long u, long dtable, long dlogits) {
        long sum = u + 4L * r * columns + from;
        Flat.fill(sum, 0, n);
        for (int e = first(r); e < last(r); e++) {
            float g = get(at(dlogits, r, e));
            if (g == 0) continue;
            for (int s = 0; s < length; s++) {
                int row = row(e, s);
                if (row < 0) continue;
                long o = 4L * row * columns + from;
                addScaled(sum, g, table + o, n);
                if (dtable != 0) addScaled(dtable + o, gain * g, state(r) + from, n);
            }
        }
    }

    private void atRootBackward(long u, long dtable, long dlogits) {
        int n = last(0);
        long vectors = childrenOfRoot(n), g = Scratch.get().block(Scratch.CHILD_LOGITS, (long) rows * n);
        for (int r = 0; r < rows; r++) {
            for (int e = 0; e < n; e++) set(g + 4 * ((long) r * n + e), get(at(dlogits, r, e)));
        }
        Gemm.multiply(u, rows, columns, n, g, n, false, vectors, columns, false, false, 0);
        if (dtable == 0) return;
        // the vectors are no longer needed
        Gemm.multiply(vectors, n, columns, rows, g, n, true, state, columns, false, false, 0);
        for (int e = 0; e < n; e++) {
            for (int s = 0; s < length; s++) {
                int row = row(e, s);
                if (row >= 0) addScaled(dtable + 4L * row * columns, gain, vectors + 4L * e * columns, columns);
            }
        }
    }

    /** The vectors of the root's n children, one behind the other. */
    private long childrenOfRoot(int n) {
        long vectors = Scratch.get().block(Scratch.CHILD_VECTORS, (long) n * columns);
        Flat.fill(vectors, 0, n * columns);
        for (int e = 0; e < n; e++) {
            long v = vectors + 4L * e * columns;
            for (int s = 0; s < length; s++) {
                int row = row(e, s);
                if (row >= 0) Flat.run(columns, Flat::add, v, v, table + 4L * row * columns, 0);
            }
        }
        return vectors;
    }

    /** Whether all rows have reached node 0, whose edges are the first ones. */
    private boolean atRoot() {
        for (int r = 0; r < rows; r++) if (node(r) != 0) return false;
        return true;
    }

    private void spread(int blocks, java.util.function.IntConsumer block) {
        long products = 0;
        for (int r = 0; r < rows && products < ALONE; r++) products += (long) (last(r) - first(r)) * columns;
        if (products < ALONE) for (int b = 0; b < blocks; b++) block.accept(b);
        else Parallel.run(blocks, block);
    }

    private int node(int row) {
        return getInt(nodes + 4L * row);
    }

    private int first(int row) {
        return node(row) < 0 ? 0 : getInt(offsets + 4L * node(row));
    }

    private int last(int row) {
        return node(row) < 0 ? 0 : getInt(offsets + 4L * node(row) + 4);
    }

    /** Entry s of the list of an edge. */
    private int row(int edge, int s) {
        int row = getInt(lists + 4 * ((long) edge * length + s));
        return row < 0 ? row : Objects.checkIndex(row, tableRows);
    }

    private long state(int row) {
        return state + 4L * row * columns;
    }

    /** Where the logit of an edge stands. */
    private long at(long logits, int row, int edge) {
        return logits + 4 * ((long) row * width + getInt(children + 4L * edge));
    }

    private void put(long logits, int row, int edge, float value) {
        set(at(logits, row, edge), value);
    }

    /** {@code y += alpha · x}. */
    private static void addScaled(long y, float alpha, long x, int n) {
        FloatVector by = FloatVector.broadcast(F, alpha);
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            store(y + 4L * i, load(x + 4L * i, m).fma(by, load(y + 4L * i, m)), m);
        }
    }
}
