package dev.beamwright.tornado;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BeamSpec;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Step;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tornado.kernel.Attention;
import dev.beamwright.tornado.kernel.FlashAttention;
import dev.beamwright.tornado.kernel.RowBlocks;
import dev.beamwright.tornado.kernel.TensorCores;
import dev.beamwright.tornado.kernel.TiledMatrix;
import java.util.List;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.WorkerGrid2D;

/**
 * The kernels of {@code dev.beamwright.tornado.kernel} behind the names of {@link Backend}. Each method here makes one or
 * a few {@link Call}s; the {@link Runner} decides whether these are executed on the spot, one by one, or noted down as
 * part of a captured step.
 */
final class TornadoBackend implements Backend {
    /** Threads of a block; the number of threads is a multiple of it. */
    private static final int BLOCK = 128;

    private final Runner runner;
    private final Products products;
    private final Tensor noFloats, noInts; // stand where an argument is null

    TornadoBackend(Runner runner, Products products) {
        this.runner = runner;
        this.products = products;
        noFloats = Tensor.zeros(java.lang.foreign.Arena.global(), Shape.of(1));
        noInts = Tensor.zeros(java.lang.foreign.Arena.global(), Shape.of(2), DType.I32);
    }

    /** On the same device, with products in another precision. */
    TornadoBackend with(Products other) {
        return new TornadoBackend(runner, other);
    }

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public Step capture(Runnable body) {
        return () -> runner.captured(body);
    }

    @Override
    public boolean records() {
        return runner.records();
    }

    /** Tasks and graphs of the captured body that ran last. */
    int[] lastProgram() {
        return runner.lastProgram();
    }

    /** n rounded up to one of four sizes for each power of two, so that few sizes are compiled for. */
    @Override
    public int rows(int n) {
        if (!records()) return n;
        int step = Math.max(4, Integer.highestOneBit(Math.max(1, n - 1)) / 4);
        if (products != Products.FP32 && n > TensorCores.TILE) step = Math.max(TensorCores.TILE, step);
        return (n + step - 1) / step * step;
    }

    @Override
    public void written(Tensor t) {
        runner.written(t);
    }

    @Override
    public void read(Tensor t, Runnable then) {
        runner.read(t, then);
    }

    // ---- how a call is made

    private static int size(Tensor t) {
        return Math.toIntExact(t.shape().size());
    }

    private static int grid(int n) {
        return Math.ceilDiv(n, BLOCK) * BLOCK;
    }

    /** See {@link Call}: the first {@code kept} of the written arrays go on from what they hold. */
    private void run(Kernel kernel, int kept, Object... arguments) {
        runner.run(new Call(kernel, kept, arguments, null).checked());
    }

    /** The same for a kernel that takes a context, on a grid of its own. */
    private void runOn(WorkerGrid grid, Kernel kernel, int kept, Object... arguments) {
        Object[] all = new Object[arguments.length + 1];
        all[0] = Call.CONTEXT;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        runner.run(new Call(kernel, kept, all, grid).checked());
    }

    private static Object orNone(Tensor t, Tensor none) {
        return t == null ? none : t;
    }

    private Tensor scratch(DType type, int... dims) {
        return Tensor.uninitialized(runner.scratch(), Shape.of(dims), type);
    }

    /** Into chunks of how many rows sums are cut: at least 64 rows each, at most 256 chunks. */
    private static int chunk(int rows) {
        return Math.max(64, Math.ceilDiv(rows, 256));
    }

    // ---- matrix products

    @Override
    public void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate) {
        int m = c.shape().rows(), n = c.shape().dim(-1);
        int k = transposeA ? a.shape().rows() : a.shape().dim(-1), add = accumulate ? 1 : 0;
        if (m == 1 && n == 1) {
            int chunk = chunk(k), chunks = Math.ceilDiv(k, chunk);
            Tensor partial = scratch(DType.F32, chunks);
            run(Kernels.PRODUCTS, 0, partial, a, b, k, chunk, chunks, grid(chunks));
            run(Kernels.TOTAL, add, c, partial, 0, chunks, add, 1);
            return;
        }
        int ta = transposeA ? 1 : 0, tb = transposeB ? 1 : 0;
        boolean whole = m % TensorCores.TILE == 0 && n % TensorCores.TILE == 0 && k % TensorCores.DEPTH == 0;
        if (products != Products.FP32 && whole) onTensorCores(c, a, b, m, n, k, ta, tb, add);
        else if (runner.fits(Kernels.TILED_MATMUL) && Math.min(m, n) >= 16 && k >= 8) tiled(c, a, b, m, n, k, ta, tb, add);
        else run(Kernels.MATMUL, add, c, a, b, m, n, k, ta, tb, add, grid(m * n));
    }

    /** In tiles; where they are too few to keep a device busy, the depth is cut into parts that are added afterwards. */
    private void tiled(Tensor c, Tensor a, Tensor b, int m, int n, int k, int ta, int tb, int add) {
        int tiles = Math.ceilDiv(m, TiledMatrix.TILE), across = Math.ceilDiv(n, TiledMatrix.TILE);
        int parts = Math.max(1, Math.min(k / 512, 512 / (tiles * across)));
        int part = Math.ceilDiv(Math.ceilDiv(k, parts), 16) * 16;
        parts = Math.ceilDiv(k, part);
        WorkerGrid grid = new WorkerGrid2D(across * TiledMatrix.THREADS, parts * tiles * TiledMatrix.THREADS);
        grid.setLocalWork(TiledMatrix.THREADS, TiledMatrix.THREADS, 1);
        if (parts == 1) {
            runOn(grid, Kernels.TILED_MATMUL, add, c, a, b, m, n, k, ta, tb, add, part, tiles);
            return;
        }
        Tensor partial = scratch(DType.F32, parts, m * n);
        runOn(grid, Kernels.TILED_MATMUL, 0, partial, a, b, m, n, k, ta, tb, 0, part, tiles);
        run(Kernels.CHUNKS, add, c, partial, parts, add, m * n, grid(m * n));
    }

    /** The same with operands of 16 bits, for whole tiles. These kernels only overwrite: what adds does so afterwards. */
    private void onTensorCores(Tensor c, Tensor a, Tensor b, int m, int n, int k, int ta, int tb, int add) {
        Kernel kernel = products == Products.BF16 ? Kernels.BRAIN_MATMUL : Kernels.HALF_MATMUL;
        int tiles = m / TensorCores.TILE, across = n / TensorCores.TILE;
        int parts = Math.max(1, Math.min(k / 512, 512 / (tiles * across)));
        int part = Math.ceilDiv(Math.ceilDiv(k, parts), TensorCores.DEPTH) * TensorCores.DEPTH;
        parts = Math.ceilDiv(k, part);
        WorkerGrid grid = new WorkerGrid2D(across * TensorCores.THREADS, parts * tiles);
        grid.setLocalWork(TensorCores.THREADS, 1, 1);
        boolean direct = parts == 1 && add == 0;
        Tensor product = direct ? c : scratch(DType.F32, parts, m * n);
        runOn(grid, kernel, 0, product, a, b, m, n, k, ta, tb, part, tiles);
        if (!direct) run(Kernels.CHUNKS, add, c, product, parts, add, m * n, grid(m * n));
    }

    // ---- element by element

    @Override
    public void fill(Tensor y, float value) {
        run(Kernels.FILL, 0, y, value, size(y), grid(size(y)));
    }

    @Override
    public void accumulate(Tensor y, float alpha, Tensor x) {
        // An array must not be both written and read as another argument.
        if (y.storage() == x.storage()) run(Kernels.GROW, 1, y, 1 + alpha, size(y), grid(size(y)));
        else run(Kernels.SCALED, 1, y, x, alpha, 1, size(y), grid(size(y)));
    }

    @Override
    public void accumulate(Tensor y, Tensor alpha, Tensor x) {
        run(Kernels.SCALED_BY, 1, y, alpha, x, 1, size(y), grid(size(y)));
    }

    @Override
    public void scale(Tensor y, Tensor factor) {
        run(Kernels.GROW_BY, 1, y, factor, size(y), grid(size(y)));
    }

    @Override
    public void add(Tensor y, Tensor a, Tensor b) {
        run(Kernels.SUM, 0, y, a, b, size(y), grid(size(y)));
    }

    @Override
    public void multiply(Tensor y, Tensor a, Tensor b) {
        run(Kernels.PRODUCT, 0, y, a, b, 0, size(y), grid(size(y)));
    }

    @Override
    public void multiplyBackward(Tensor da, Tensor db, Tensor dy, Tensor a, Tensor b) {
        if (da != null) run(Kernels.PRODUCT, 1, da, dy, b, 1, size(dy), grid(size(dy)));
        if (db != null) run(Kernels.PRODUCT, 1, db, dy, a, 1, size(dy), grid(size(dy)));
    }

    @Override
    public void addBias(Tensor y, Tensor x, Tensor bias) {
        run(Kernels.BIAS, 0, y, x, bias, x.shape().dim(-1), size(x), grid(size(x)));
    }

    @Override
    public void addBiasBackward(Tensor dbias, Tensor dy) {
        int rows = dy.shape().rows(), c = dy.shape().dim(-1), chunk = chunk(rows), chunks = Math.ceilDiv(rows, chunk);
        Tensor partial = scratch(DType.F32, chunks, c);
        run(Kernels.COLUMNS, 0, partial, dy, rows, c, chunk, chunks * c, grid(chunks * c));
        addChunks(dbias, partial, chunks);
    }

    private void addChunks(Tensor y, Tensor partial, int chunks) {
        run(Kernels.CHUNKS, 1, y, partial, chunks, 1, size(y), grid(size(y)));
    }

    @Override
    public void relu(Tensor y, Tensor x) {
        if (y.storage() == x.storage()) run(Kernels.RELU_IN_PLACE, 1, y, size(y), grid(size(y)));
        else run(Kernels.RELU, 0, y, x, size(y), grid(size(y)));
    }

    @Override
    public void reluBackward(Tensor dx, Tensor dy, Tensor y) {
        reluDropoutBackward(dx, dy, y, 1, true);
    }

    @Override
    public void gelu(Tensor y, Tensor x) {
        run(Kernels.GELU, 0, y, x, size(y), grid(size(y)));
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dy, Tensor x) {
        run(Kernels.GELU_BACKWARD, 1, dx, dy, x, 1, size(x), grid(size(x)));
    }

    @Override
    public void swiGlu(Tensor y, Tensor gateUp) {
        run(Kernels.SWI_GLU, 0, y, gateUp, y.shape().dim(-1), size(y), grid(size(y)));
    }

    @Override
    public void swiGluBackward(Tensor dgateUp, Tensor dy, Tensor gateUp) {
        run(Kernels.SWI_GLU_BACKWARD, 1, dgateUp, dy, gateUp, dy.shape().dim(-1), 1, size(dy), grid(size(dy)));
    }

    @Override
    public void dropout(Tensor y, Tensor x, Dropout d) {
        dropout(y, x, d, 0);
    }

    @Override
    public void dropoutBackward(Tensor dx, Tensor dy, Dropout d) {
        dropout(dx, dy, d, 1);
    }

    private void dropout(Tensor y, Tensor x, Dropout d, int add) {
        written(d.key());
        int n = size(y);
        run(Kernels.DROPOUT, add, y, x, d.key(), d.salt(), d.threshold(), d.scale(), add, n, grid(n));
    }

    @Override
    public void addDropout(Tensor y, Tensor x, Tensor branch, Dropout d) {
        written(d.key());
        int n = size(y);
        run(Kernels.ADD_DROPOUT, 0, y, x, branch, d.key(), d.salt(), d.threshold(), d.scale(), n, grid(n));
    }

    @Override
    public void reluDropout(Tensor y, Tensor x, Dropout d) {
        if (y.storage() != x.storage()) {
            relu(y, x);
            reluDropout(y, y, d);
            return;
        }
        written(d.key());
        int n = size(y);
        run(Kernels.RELU_DROPOUT, 1, y, d.key(), d.salt(), d.threshold(), d.scale(), n, grid(n));
    }

    @Override
    public void reluDropoutBackward(Tensor dx, Tensor dy, Tensor y, float scale, boolean accumulate) {
        int n = size(y), add = accumulate ? 1 : 0;
        run(Kernels.RELU_BACKWARD, add, dx, dy, y, scale, add, n, grid(n));
    }

    // ---- norms

    private static WorkerGrid rowBlocks(int rows) {
        var grid = new WorkerGrid1D(Math.ceilDiv(rows, RowBlocks.ROWS) * RowBlocks.THREADS);
        grid.setLocalWork(RowBlocks.THREADS, 1, 1);
        return grid;
    }

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
        int n = x.shape().rows(), c = x.shape().dim(-1);
        if (runner.fits(Kernels.BLOCK_RMS)) runOn(rowBlocks(n), Kernels.BLOCK_RMS, 0, y, rstd, x, weight, c, eps, n);
        else run(Kernels.RMS, 0, y, rstd, x, weight, c, eps, n, grid(n));
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd, Tensor weight) {
        int n = x.shape().rows(), c = x.shape().dim(-1), chunk = chunk(n), chunks = Math.ceilDiv(n, chunk);
        if (dx != null && runner.fits(Kernels.BLOCK_RMS_BACKWARD)) {
            runOn(rowBlocks(n), Kernels.BLOCK_RMS_BACKWARD, 1, dx, dy, x, rstd, weight, c, 1, n);
        } else if (dx != null) {
            run(Kernels.RMS_BACKWARD, 1, dx, dy, x, rstd, weight, c, 1, n, grid(n));
        }
        if (dweight == null) return;
        Tensor partial = scratch(DType.F32, chunks, c);
        run(Kernels.RMS_WEIGHT, 0, partial, dy, x, rstd, n, c, chunk, chunks * c, grid(chunks * c));
        addChunks(dweight, partial, chunks);
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        int n = x.shape().rows(), c = x.shape().dim(-1);
        if (runner.fits(Kernels.BLOCK_LAYER)) runOn(rowBlocks(n), Kernels.BLOCK_LAYER, 0, y, mean, rstd, x, weight, bias, c, eps, n);
        else run(Kernels.LAYER, 0, y, mean, rstd, x, weight, bias, c, eps, n, grid(n));
    }

    @Override
    public void layerNormBackward(
            Tensor dx, Tensor dweight, Tensor dbias, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight) {
        int n = x.shape().rows(), c = x.shape().dim(-1), chunk = chunk(n), chunks = Math.ceilDiv(n, chunk);
        if (dx != null && runner.fits(Kernels.BLOCK_LAYER_BACKWARD)) {
            runOn(rowBlocks(n), Kernels.BLOCK_LAYER_BACKWARD, 1, dx, dy, x, mean, rstd, weight, c, 1, n);
        } else if (dx != null) {
            run(Kernels.LAYER_BACKWARD, 1, dx, dy, x, mean, rstd, weight, c, 1, n, grid(n));
        }
        if (dbias != null) addBiasBackward(dbias, dy);
        if (dweight == null) return;
        Tensor partial = scratch(DType.F32, chunks, c);
        run(Kernels.LAYER_WEIGHT, 0, partial, dy, x, mean, rstd, n, c, chunk, chunks * c, grid(chunks * c));
        addChunks(dweight, partial, chunks);
    }

    // ---- rows

    @Override
    public void gather(Tensor y, Tensor table, Tensor rows) {
        int c = table.shape().dim(-1), s = size(rows) / y.shape().rows();
        run(Kernels.GATHER, 0, y, table, rows, c, s, size(y), grid(size(y)));
    }

    @Override
    public void gatherBackward(Tensor dtable, Tensor dy, Tensor rows) {
        scatter(dtable, dy, rows, size(rows) / dy.shape().rows());
    }

    /** {@code dtable[rows[e]] += dy[e / s]} for all entries e, in order. */
    private void scatter(Tensor dtable, Tensor dy, Tensor rows, int s) {
        int c = dy.shape().dim(-1), entries = size(rows), tableRows = dtable.shape().rows(), n = size(dtable);
        int chunk = Math.max(256, Math.ceilDiv(entries, 64)), chunks = Math.ceilDiv(entries, chunk);
        Lists lists = lists(rows, tableRows, chunk);
        run(Kernels.COLLECT, 1, dtable, dy, lists.head, lists.next, tableRows, c, s, chunks, 1, n, grid(n));
    }

    private record Lists(Tensor head, Tensor next) {}

    /** For each chunk of the entries and each row, the entries that name the row. */
    private Lists lists(Tensor rows, int tableRows, int chunk) {
        int entries = size(rows), n = Math.ceilDiv(entries, chunk) * tableRows;
        var lists = new Lists(scratch(DType.I32, n), scratch(DType.I32, entries));
        run(Kernels.LIST, 0, lists.head, lists.next, rows, entries, tableRows, chunk, n, grid(n));
        return lists;
    }

    @Override
    public void gatherLists(Tensor y, Tensor table, Tensor lists, Tensor ids) {
        gather(y, table, expanded(lists, ids));
    }

    @Override
    public void gatherListsBackward(Tensor dtable, Tensor dy, Tensor lists, Tensor ids) {
        scatter(dtable, dy, expanded(lists, ids), lists.shape().dim(-1));
    }

    private Tensor expanded(Tensor lists, Tensor ids) {
        int s = lists.shape().dim(-1), n = size(ids) * s;
        Tensor rows = scratch(DType.I32, n);
        run(Kernels.EXPAND, 0, rows, lists, ids, s, n, grid(n));
        return rows;
    }

    @Override
    public void causalFilter(Tensor y, Tensor x, Tensor taps, Tensor offsets) {
        int c = x.shape().dim(-1), n = size(x);
        run(Kernels.FILTER, 0, y, x, taps, ages(x, offsets), c, taps.shape().dim(0), n, grid(n));
    }

    @Override
    public void causalFilterBackward(Tensor dx, Tensor dtaps, Tensor dy, Tensor x, Tensor taps, Tensor offsets) {
        int rows = x.shape().rows(), c = x.shape().dim(-1), n = size(x), taken = taps.shape().dim(0);
        Tensor ages = ages(x, offsets);
        if (dx != null) run(Kernels.FILTER_BACKWARD, 1, dx, dy, taps, ages, c, taken, 1, n, grid(n));
        if (dtaps == null) return;
        int chunk = chunk(rows), chunks = Math.ceilDiv(rows, chunk), all = chunks * taken * c;
        Tensor partial = scratch(DType.F32, chunks, taken * c);
        run(Kernels.FILTER_TAPS, 0, partial, dy, x, ages, rows, c, taken, chunk, all, grid(all));
        addChunks(dtaps, partial, chunks);
    }

    private Tensor ages(Tensor x, Tensor offsets) {
        int rows = x.shape().rows();
        Tensor ages = scratch(DType.I32, rows);
        run(Kernels.AGES, 0, ages, offsets, size(offsets) - 1, rows, grid(rows));
        return ages;
    }

    @Override
    public void rotary(Tensor x, Tensor positions, int columns, int headDim, float theta, boolean inverse) {
        int n = x.shape().rows() * (headDim / 2), sign = inverse ? -1 : 1;
        run(Kernels.ROTARY, 1, x, positions, x.shape().dim(-1), columns, headDim, theta, sign, n, grid(n));
    }

    // ---- attention

    /** What attention kernels are told of a bias and a dropout. */
    private record Extras(Object bias, int reach, Object key, int noise, float keep) {}

    private Extras extras(Tensor bias, Dropout d) {
        if (d != null) written(d.key());
        return new Extras(
                orNone(bias, noFloats),
                bias == null ? 0 : (bias.shape().dim(-1) + 1) / 2,
                d == null ? noInts : d.key(),
                d == null ? 0 : d.salt() * 65536 + d.threshold(),
                d == null ? 1f : d.scale());
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        Extras e = extras(bias, spec.dropout());
        int rows = q.shape().rows(), n = rows * spec.heads(), sequences = size(spec.queryOffsets()) - 1;
        if (flash(Kernels.FLASH, spec)) {
            runOn(
                    flashGrid(rows, spec.heads()), Kernels.FLASH, 0, out, lse, q, kv, e.bias, spec.queryOffsets(),
                    spec.keyOffsets(), e.key, spec.heads(), spec.headDim(), spec.scale(), spec.causal() ? 1 : 0,
                    e.reach, e.noise, e.keep, sequences, rows);
            return;
        }
        run(
                Kernels.ATTENTION, 0, out, lse, q, kv, e.bias, spec.queryOffsets(), spec.keyOffsets(), e.key,
                spec.heads(), spec.headDim(), spec.scale(), spec.causal() ? 1 : 0, e.reach, e.noise, e.keep, sequences,
                n, grid(n));
    }

    private boolean flash(Kernel form, AttentionSpec spec) {
        return runner.fits(form) && spec.headDim() % 4 == 0 && spec.headDim() <= FlashAttention.MOST_COLUMNS;
    }

    private static WorkerGrid flashGrid(int rows, int heads) {
        var grid = new WorkerGrid2D(Math.ceilDiv(rows, FlashAttention.ROWS) * FlashAttention.THREADS, heads);
        grid.setLocalWork(FlashAttention.THREADS, 1, 1);
        return grid;
    }

    @Override
    public void attentionBackward(
            Tensor dq,
            Tensor dkv,
            Tensor dbias,
            Tensor dout,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor kv,
            Tensor bias,
            AttentionSpec spec) {
        Extras e = extras(bias, spec.dropout());
        int rows = q.shape().rows(), heads = spec.heads(), n = rows * heads, nk = kv.shape().rows() * heads;
        int sequences = size(spec.queryOffsets()) - 1, causal = spec.causal() ? 1 : 0;
        Tensor delta = scratch(DType.F32, rows, heads);
        run(Kernels.DELTA, 0, delta, dout, out, spec.headDim(), n, grid(n));
        if (dq != null && flash(Kernels.FLASH_QUERY, spec)) {
            runOn(
                    flashGrid(rows, heads), Kernels.FLASH_QUERY, 1, dq, dout, delta, lse, q, kv, e.bias,
                    spec.queryOffsets(), spec.keyOffsets(), e.key, heads, spec.headDim(), spec.scale(), causal + 2,
                    e.reach, e.noise, e.keep, sequences, rows);
        } else if (dq != null) {
            run(
                    Kernels.QUERY_BACKWARD, 1, dq, dout, delta, lse, q, kv, e.bias, spec.queryOffsets(),
                    spec.keyOffsets(), e.key, heads, spec.headDim(), spec.scale(), causal + 2, e.reach, e.noise, e.keep,
                    sequences, n, grid(n));
        }
        if (dkv != null && flash(Kernels.FLASH_KEY_VALUE, spec)) {
            runOn(
                    flashGrid(nk / heads, heads), Kernels.FLASH_KEY_VALUE, 1, dkv, dout, delta, lse, q, kv, e.bias,
                    spec.queryOffsets(), spec.keyOffsets(), e.key, heads, spec.headDim(), spec.scale(), causal + 2,
                    e.reach, e.noise, e.keep, sequences, nk / heads);
        } else if (dkv != null) {
            run(
                    Kernels.KEY_VALUE_BACKWARD, 1, dkv, dout, delta, lse, q, kv, e.bias, spec.queryOffsets(),
                    spec.keyOffsets(), e.key, heads, spec.headDim(), spec.scale(), causal + 2, e.reach, e.noise, e.keep,
                    sequences, nk, grid(nk));
        }
        if (dbias != null) {
            int chunks = Math.ceilDiv(rows, Attention.CHUNK);
            Tensor partial = scratch(DType.F32, chunks, size(dbias));
            run(
                    Kernels.BIAS_BACKWARD, 0, partial, dout, delta, lse, q, kv, e.bias, spec.queryOffsets(),
                    spec.keyOffsets(), e.key, heads, spec.headDim(), spec.scale(), causal, e.reach, e.noise, e.keep,
                    sequences, rows, chunks * heads);
            addChunks(dbias, partial, chunks);
        }
    }

    @Override
    public void joinAttention(Tensor out, Tensor lse, Tensor otherOut, Tensor otherLse) {
        int n = size(lse), dim = size(out) / n;
        run(Kernels.JOIN, 2, out, lse, otherOut, otherLse, dim, n, grid(n));
    }

    @Override
    public void beamAttention(
            Tensor out,
            Tensor q,
            Tensor promptKv,
            Tensor promptOffsets,
            Tensor users,
            List<Tensor> levels,
            Tensor ancestors,
            Tensor bias,
            int heads,
            float scale) {
        int rows = q.shape().rows(), width = 2 * q.shape().dim(-1), depth = levels.size(), n = rows * heads;
        Tensor paths = depth == 0 ? noFloats : scratch(DType.F32, rows, depth, width);
        for (int level = 0; level < depth; level++) {
            int kept = level == 0 ? 0 : 1, all = rows * width;
            run(Kernels.PATH, kept, paths, levels.get(level), ancestors, level, depth, width, all, grid(all));
        }
        Extras e = extras(bias, null);
        run(
                Kernels.BEAM, 0, out, q, orNone(promptKv, noFloats), orNone(promptOffsets, noInts), users, paths,
                e.bias, promptKv == null ? 0 : 1, depth, heads, width / 2 / heads, scale, e.reach, n, grid(n));
    }

    // ---- beam search

    @Override
    public void extendBeams(
            Tensor nodes,
            Tensor scores,
            Tensor parents,
            Tensor tokens,
            Tensor logits,
            Tensor nodesBefore,
            Tensor scoresBefore,
            BeamSpec spec) {
        int n = logits.shape().rows(), c = logits.shape().dim(-1), all = size(nodes), users = all / spec.width();
        Tensor lse = scratch(DType.F32, n), rows = scratch(DType.I32, all), edges = scratch(DType.I32, all);
        run(
                Kernels.DENOMINATORS, 0, lse, logits, nodesBefore, scoresBefore, spec.offsets(), spec.columns(),
                spec.children() ? 1 : 0, spec.temperature(), c, n, grid(n));
        run(
                Kernels.EXTEND, 0, rows, edges, scores, logits, lse, nodesBefore, scoresBefore, spec.offsets(),
                spec.columns(), orNone(spec.open(), noInts), orNone(spec.barred(), noInts), spec.open() == null ? 0 : 1,
                spec.barred() == null ? 0 : spec.barred().shape().dim(-1), spec.before(), spec.width(),
                spec.temperature(), c, users);
        run(
                Kernels.CHILDREN, 0, nodes, parents, tokens, rows, edges, spec.columns(), spec.firstToken(), all,
                grid(all));
    }

    @Override
    public void extendPaths(Tensor after, Tensor before, Tensor parents) {
        int n = after.shape().dim(0), depth = after.shape().dim(-1) - 1;
        run(Kernels.PATHS, 0, after, orNone(before, noInts), parents, depth, n, grid(n));
    }

    // ---- heads

    @Override
    public void childLogits(
            Tensor logits, Tensor state, Tensor table, Tensor lists, Tensor gain, Tensor bias, SoftmaxMask mask) {
        int n = size(logits), c = state.shape().dim(-1), s = lists.shape().dim(-1);
        fill(logits, Float.NEGATIVE_INFINITY);
        run(
                Kernels.CHILD_LOGITS, 1, logits, state, table, lists, gain, bias, mask.nodes(), mask.offsets(),
                mask.columns(), s, c, logits.shape().dim(-1), n, grid(n));
    }

    @Override
    public void childLogitsBackward(
            Tensor dstate,
            Tensor dtable,
            Tensor dgain,
            Tensor dbias,
            Tensor dlogits,
            Tensor state,
            Tensor table,
            Tensor lists,
            Tensor gain,
            SoftmaxMask mask) {
        int rows = state.shape().rows(), c = state.shape().dim(-1), n = rows * c, width = dlogits.shape().dim(-1);
        int edges = lists.shape().dim(0), s = lists.shape().dim(-1), trieNodes = size(mask.offsets()) - 1;
        if (dstate != null || dgain != null) {
            Tensor sums = scratch(DType.F32, rows, c);
            run(
                    Kernels.VECTOR_SUMS, 0, sums, dlogits, table, lists, mask.nodes(), mask.offsets(), mask.columns(),
                    s, c, width, n, grid(n));
            if (dstate != null) accumulate(dstate, gain, sums);
            if (dgain != null) matmul(dgain, state.reshape(1, n), false, sums.reshape(1, n), true, true);
        }
        if (dtable == null && dbias == null) return;
        Lists at = lists(mask.nodes(), trieNodes, rows); // the rows at each node
        if (dbias != null) {
            run(
                    Kernels.EDGE_BIAS, 1, dbias, dlogits, at.head, at.next, mask.offsets(), mask.columns(), trieNodes,
                    width, 1, edges, grid(edges));
        }
        if (dtable == null) return;
        Tensor vectors = scratch(DType.F32, edges, c);
        int all = edges * c;
        run(
                Kernels.EDGE_VECTORS, 0, vectors, dlogits, state, gain, at.head, at.next, mask.offsets(),
                mask.columns(), trieNodes, c, width, all, grid(all));
        scatter(dtable, vectors, lists, s);
    }

    // ---- losses

    @Override
    public void crossEntropy(Tensor loss, Tensor nll, Tensor dlogits, Tensor logits, Tensor targets, Tensor weights) {
        int n = logits.shape().rows(), c = logits.shape().dim(-1), wanted = dlogits == null ? 0 : 1;
        Tensor gradient = dlogits == null ? scratch(DType.F32, 1) : dlogits;
        if (runner.fits(Kernels.BLOCK_CROSS_ENTROPY)) {
            runOn(rowBlocks(n), Kernels.BLOCK_CROSS_ENTROPY, 0, nll, gradient, logits, targets, weights, wanted, c, n);
        } else {
            run(Kernels.CROSS_ENTROPY, 0, nll, gradient, logits, targets, weights, wanted, c, n, grid(n));
        }
        matmul(loss, nll.reshape(1, n), false, weights.reshape(1, n), true, false);
    }

    @Override
    public void logProbability(
            Tensor logProb, Tensor denominator, Tensor logits, Tensor targets, SoftmaxMask mask, float temperature) {
        Mask m = mask(mask);
        int n = logits.shape().rows(), c = logits.shape().dim(-1);
        run(
                Kernels.LOG_PROBABILITY, 0, logProb, denominator, logits, targets, m.nodes, m.offsets, m.columns,
                m.used,
                temperature, c, n, grid(n));
    }

    @Override
    public void logProbabilityBackward(
            Tensor dlogits,
            Tensor dlogProb,
            Tensor denominator,
            Tensor logits,
            Tensor targets,
            SoftmaxMask mask,
            float temperature) {
        Mask m = mask(mask);
        int n = logits.shape().rows(), c = logits.shape().dim(-1);
        run(
                Kernels.LOG_PROBABILITY_BACKWARD, 1, dlogits, dlogProb, denominator, logits, targets, m.nodes,
                m.offsets,
                m.columns, m.used, temperature, 1, c, n, grid(n));
    }

    @Override
    public void topMargin(Tensor margin, Tensor rivals, Tensor logits, Tensor targets, int k, SoftmaxMask mask) {
        Mask m = mask(mask);
        int n = logits.shape().rows(), c = logits.shape().dim(-1);
        run(
                Kernels.TOP_MARGIN, 0, margin, rivals, logits, targets, m.nodes, m.offsets, m.columns, m.used, k, c, n,
                grid(n));
    }

    @Override
    public void topMarginBackward(Tensor dlogits, Tensor dmargin, Tensor rivals, Tensor targets) {
        int n = dlogits.shape().rows(), c = dlogits.shape().dim(-1);
        run(Kernels.TOP_MARGIN_BACKWARD, 1, dlogits, dmargin, rivals, targets, c, n, grid(n));
    }

    private record Mask(Object nodes, Object offsets, Object columns, int used) {}

    private Mask mask(SoftmaxMask m) {
        return m == null ? new Mask(noInts, noInts, noInts, 0) : new Mask(m.nodes(), m.offsets(), m.columns(), 1);
    }

    // ---- optimization

    @Override
    public void squaredNorm(Tensor sum, int index, Tensor x) {
        int n = size(x), chunk = Math.max(64, Math.ceilDiv(n, 1024)), chunks = Math.ceilDiv(n, chunk);
        Tensor partial = scratch(DType.F32, chunks);
        run(Kernels.PRODUCTS, 0, partial, x, x, n, chunk, chunks, grid(chunks));
        run(Kernels.TOTAL, 1, sum, partial, index, chunks, 0, 1);
    }

    @Override
    public void clip(Tensor state, Tensor settings, Tensor norms, float limit) {
        run(Kernels.CLIP, 0, state, settings, norms, limit, size(norms), 1);
    }

    @Override
    public void adamW(
            Tensor parameter,
            Tensor gradient,
            Tensor m,
            Tensor v,
            Tensor state,
            float beta1,
            float beta2,
            float eps,
            float decay) {
        int n = size(parameter);
        run(Kernels.ADAM_W, 4, parameter, gradient, m, v, state, beta1, beta2, eps, decay, n, grid(n));
    }

    // ---- quantization

    @Override
    public void nearest(Tensor codes, Tensor distances, Tensor x, Tensor codebook) {
        int n = x.shape().rows(), c = x.shape().dim(-1), k = codebook.shape().rows();
        Tensor least = distances == null ? scratch(DType.F32, n) : distances;
        run(Kernels.NEAREST, 0, codes, least, x, codebook, k, c, n, grid(n));
    }
}
