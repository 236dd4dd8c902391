package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Lanes.keep;
import static dev.beamwright.tensor.cpu.Lanes.set;
import static dev.beamwright.tensor.cpu.Lanes.setInt;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;

/**
 * Kernels on the Vector API; what it does not override runs as in {@link ScalarBackend}. Here operands become addresses
 * and work becomes blocks; what is done to one block stands in {@link Gemm}, {@link Flat}, {@link Rows} and others.
 */
final class VectorBackend extends ScalarBackend {
    @Override
    public String name() {
        return "vector-" + Lanes.F.vectorBitSize(); // sums of more lanes are other bits
    }

    /** The address of a tensor that may be null, which is then 0. */
    private static long addressOrZero(Tensor t) {
        return t == null ? 0 : address(t);
    }

    private final Map<Long, PackedWeights.Packed> constants = new ConcurrentHashMap<>();

    @Override
    public Backend.Constants constants(List<Tensor> tensors) {
        return new PackedWeights(tensors, constants);
    }

    // ---- matrix products

    @Override
    public void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate) {
        int m = c.shape().rows(), n = c.shape().dim(-1);
        int lda = a.shape().dim(-1), ldb = b.shape().dim(-1);
        int k = transposeA ? a.shape().rows() : lda;
        PackedWeights.Packed packed = transposeA || constants.isEmpty() ? null : constants.get(address(b));
        long panels = packed == null ? 0 : packed.panels(b, transposeB);
        Gemm.multiply(address(c), m, n, k, address(a), lda, transposeA, address(b), ldb, transposeB, accumulate,
                panels);
        keep(c, a, b, packed);
    }

    // ---- element by element

    /** Runs a kernel over all of y and operands of its size, each of which may be null. */
    private static void each(Flat.Kernel kernel, Tensor y, Tensor a, Tensor b, Tensor c) {
        Flat.each(y.shape().size(), kernel, address(y), addressOrZero(a), addressOrZero(b), addressOrZero(c));
        keep(y, a, b, c);
    }

    @Override
    public void fill(Tensor y, float value) {
        each((to, a, b, c, n) -> Flat.fillWhole(to, value, n), y, null, null, null);
    }

    @Override
    public void accumulate(Tensor y, float alpha, Tensor x) {
        each((to, from, b, c, n) -> Flat.accumulate(to, alpha, from, n), y, x, null, null);
    }

    @Override
    public void add(Tensor y, Tensor a, Tensor b) {
        each(Flat::add, y, a, b, null);
    }

    @Override
    public void multiply(Tensor y, Tensor a, Tensor b) {
        each(Flat::multiply, y, a, b, null);
    }

    @Override
    public void multiplyBackward(Tensor da, Tensor db, Tensor dy, Tensor a, Tensor b) {
        if (da != null) each(Flat::multiplyAdd, da, dy, b, null);
        if (db != null) each(Flat::multiplyAdd, db, dy, a, null);
    }

    @Override
    public void addBias(Tensor y, Tensor x, Tensor bias) {
        int c = x.shape().dim(-1);
        long to = address(y), from = address(x), row = address(bias);
        Rows.each(x.shape().rows(), c, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) Flat.run(c, Flat::add, to + 4 * r * c, from + 4 * r * c, row, 0);
        });
        keep(y, x, bias);
    }

    @Override
    public void addBiasBackward(Tensor dbias, Tensor dy) {
        int c = dy.shape().dim(-1);
        long d = address(dy);
        Rows.summing(dy.shape().rows(), c, c, address(dbias), (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) Flat.run(c, Flat::add, sums, sums, d + 4 * r * c, 0);
        });
        keep(dbias, dy);
    }

    @Override
    public void relu(Tensor y, Tensor x) {
        each(Flat::relu, y, x, null, null);
    }

    @Override
    public void reluBackward(Tensor dx, Tensor dy, Tensor y) {
        each(Flat::reluBackward, dx, dy, y, null);
    }

    @Override
    public void gelu(Tensor y, Tensor x) {
        each(Flat::gelu, y, x, null, null);
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dy, Tensor x) {
        each(Flat::geluBackward, dx, dy, x, null);
    }

    @Override
    public void swiGlu(Tensor y, Tensor gateUp) {
        int c = y.shape().dim(-1);
        long to = address(y), gate = address(gateUp), up = gate + 4L * c;
        Rows.each(y.shape().rows(), 2 * c, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) {
                Flat.run(c, Flat::swiGlu, to + 4 * r * c, gate + 8 * r * c, up + 8 * r * c, 0);
            }
        });
        keep(y, gateUp);
    }

    @Override
    public void swiGluBackward(Tensor dgateUp, Tensor dy, Tensor gateUp) {
        int c = dy.shape().dim(-1);
        long dgate = address(dgateUp), dup = dgate + 4L * c, d = address(dy), gate = address(gateUp),
                up = gate + 4L * c;
        Rows.each(dy.shape().rows(), 2 * c, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) {
                long o = 8 * r * c, row = d + 4 * r * c;
                Flat.run(c, Flat::swiGluBackwardGate, dgate + o, row, gate + o, up + o);
                Flat.run(c, Flat::swiGluBackwardUp, dup + o, row, gate + o, 0);
            }
        });
        keep(dgateUp, dy, gateUp);
    }

    @Override
    public void dropout(Tensor y, Tensor x, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold(), size = Math.toIntExact(x.shape().size());
        float scale = dropout.scale();
        long to = address(y), from = address(x);
        Flat.each(size & ~31, (o, n) -> {
            Flat.dropout(to + o, from + o, (int) (o / 4), seed, threshold, scale, n);
        });
        for (int i = size & ~31; i < size; i++) {
            put(y.data(), i, Dropout.keeps(seed, threshold, i) ? at(x.data(), i) * scale : 0);
        }
        keep(y, x);
    }

    @Override
    public void dropoutBackward(Tensor dx, Tensor dy, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold(), size = Math.toIntExact(dy.shape().size());
        float scale = dropout.scale();
        long to = address(dx), from = address(dy);
        Flat.each(size & ~31, (o, n) -> {
            Flat.dropoutBackward(to + o, from + o, (int) (o / 4), seed, threshold, scale, n);
        });
        for (int i = size & ~31; i < size; i++) {
            if (Dropout.keeps(seed, threshold, i)) add(dx.data(), i, at(dy.data(), i) * scale);
        }
        keep(dx, dy);
    }

    @Override
    public void addDropout(Tensor y, Tensor x, Tensor branch, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold(), size = Math.toIntExact(x.shape().size());
        float scale = dropout.scale();
        long to = address(y), from = address(x), other = address(branch);
        Flat.each(size & ~31, (o, n) -> {
            Flat.addDropout(to + o, from + o, other + o, (int) (o / 4), seed, threshold, scale, n);
        });
        for (int i = size & ~31; i < size; i++) {
            float kept = Dropout.keeps(seed, threshold, i) ? at(branch.data(), i) * scale : 0;
            put(y.data(), i, at(x.data(), i) + kept);
        }
        keep(y, x, branch);
    }

    @Override
    public void reluDropout(Tensor y, Tensor x, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold(), size = Math.toIntExact(x.shape().size());
        float scale = dropout.scale();
        long to = address(y), from = address(x);
        Flat.each(size & ~31, (o, n) -> {
            Flat.reluDropout(to + o, from + o, (int) (o / 4), seed, threshold, scale, n);
        });
        for (int i = size & ~31; i < size; i++) {
            put(y.data(), i, Dropout.keeps(seed, threshold, i) ? Math.max(0, at(x.data(), i)) * scale : 0);
        }
        keep(y, x);
    }

    @Override
    public void reluDropoutBackward(Tensor dx, Tensor dy, Tensor y, float scale, boolean accumulate) {
        if (accumulate) each((d, a, b, c, n) -> Flat.reluDropoutBackward(d, a, b, scale, n), dx, dy, y, null);
        else each((d, a, b, c, n) -> Flat.scaleWherePositive(d, a, b, scale, n), dx, dy, y, null);
    }

    // ---- norms

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
        int c = x.shape().dim(-1);
        long to = address(y), scales = address(rstd), from = address(x), w = address(weight);
        Rows.each(
                x.shape().rows(),
                c,
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) kept[k] = Rows.squares(from + 4L * r * c, 0, c);
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        kept[k] = (float) (1 / Math.sqrt(kept[k] / c + eps));
                        set(scales + 4L * r, kept[k]);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        Rows.rmsNorm(to + 4L * r * c, from + 4L * r * c, w, kept[k], c);
                    }
                });
        keep(y, rstd, x, weight);
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd, Tensor weight) {
        int c = x.shape().dim(-1);
        long to = addressOrZero(dx), d = address(dy), from = address(x), scales = address(rstd), w = address(weight);
        Rows.summing(
                x.shape().rows(),
                c,
                c,
                addressOrZero(dweight),
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) kept[k] = get(scales + 4L * r);
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        long row = 4L * r * c;
                        kept[k + 1] = Rows.rmsNormSums(sums, d + row, from + row, w, kept[k], c) / c;
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; to != 0 && r < last; r++, k += 2) {
                        long row = 4L * r * c;
                        Rows.rmsNormBackward(to + row, d + row, from + row, w, kept[k], kept[k + 1], c);
                    }
                });
        keep(dx, dweight, dy, x, rstd, weight);
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        int c = x.shape().dim(-1);
        long to = address(y), means = address(mean), scales = address(rstd), from = address(x);
        long w = address(weight), b = address(bias);
        Rows.each(
                x.shape().rows(),
                c,
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) kept[k] = Rows.sum(from + 4L * r * c, c) / c;
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        kept[k + 1] = Rows.squares(from + 4L * r * c, kept[k], c);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        kept[k + 1] = (float) (1 / Math.sqrt(kept[k + 1] / c + eps));
                        set(means + 4L * r, kept[k]);
                        set(scales + 4L * r, kept[k + 1]);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        Rows.layerNorm(to + 4L * r * c, from + 4L * r * c, w, b, kept[k], kept[k + 1], c);
                    }
                });
        keep(y, mean, rstd, x, weight, bias);
    }

    @Override
    public void layerNormBackward(
            Tensor dx, Tensor dweight, Tensor dbias, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight) {
        int c = x.shape().dim(-1);
        long to = addressOrZero(dx), d = address(dy), from = address(x), w = address(weight);
        long means = address(mean), scales = address(rstd);
        long both = Scratch.get().block(Scratch.SUMS, 2L * c);
        Flat.fill(both, 0, 2 * c);
        Rows.summing(
                x.shape().rows(),
                c,
                2 * c,
                both,
                (first, last, kept, sums) -> {
                    for (long r = first; r < last; r++) {
                        Rows.layerNormSums(sums, d + 4 * r * c, from + 4 * r * c, get(means + 4 * r),
                                get(scales + 4 * r), c);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; to != 0 && r < last; r++, k += 2) {
                        kept[k] = Rows.dot(d + 4L * r * c, w, c) / c;
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; to != 0 && r < last; r++, k += 2) {
                        long row = 4L * r * c;
                        float mu = get(means + 4L * r), s = get(scales + 4L * r);
                        kept[k + 1] = Rows.layerNormDot(d + row, from + row, w, mu, s, c) / c;
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; to != 0 && r < last; r++, k += 2) {
                        long row = 4L * r * c;
                        float mu = get(means + 4L * r), s = get(scales + 4L * r);
                        Rows.layerNormBackward(to + row, d + row, from + row, mu, s, w, kept[k], kept[k + 1], c);
                    }
                });
        if (dweight != null) Flat.run(c, Flat::add, address(dweight), address(dweight), both, 0);
        if (dbias != null) Flat.run(c, Flat::add, address(dbias), address(dbias), both + 4L * c, 0);
        keep(dx, dweight, dbias, dy, x, mean, rstd, weight);
    }

    // ---- rows

    @Override
    public void gather(Tensor y, Tensor table, Tensor rows) {
        int n = y.shape().rows(), c = table.shape().dim(-1), s = (int) (rows.shape().size() / n);
        int tableRows = table.shape().rows();
        long to = address(y), from = address(table), numbers = address(rows);
        Rows.each(n, c, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) {
                long row = to + 4 * r * c;
                Flat.fill(row, 0, c);
                for (int q = 0; q < s; q++) {
                    int number = below(tableRows, getInt(numbers + 4 * (r * s + q)));
                    if (number >= 0) Flat.run(c, Flat::add, row, row, from + 4L * number * c, 0);
                }
            }
        });
        keep(y, table, rows);
    }

    /** Each block owns some columns, and goes through the rows in their order. */
    @Override
    public void gatherBackward(Tensor dtable, Tensor dy, Tensor rows) {
        int n = dy.shape().rows(), c = dtable.shape().dim(-1), s = (int) (rows.shape().size() / n);
        int tableRows = dtable.shape().rows();
        long to = address(dtable), from = address(dy), numbers = address(rows);
        int blocks = (long) n * s * c < 1 << 16 ? 1 : Parallel.available();
        int width = Math.ceilDiv(Math.ceilDiv(c, blocks), Lanes.VL) * Lanes.VL;
        Parallel.run(Math.ceilDiv(c, width), block -> {
            long column = 4L * block * width;
            int count = Math.min(width, c - block * width);
            for (long r = 0; r < n; r++) {
                for (int q = 0; q < s; q++) {
                    int number = below(tableRows, getInt(numbers + 4 * (r * s + q)));
                    if (number < 0) continue;
                    long row = to + 4L * number * c + column;
                    Flat.run(count, Flat::add, row, row, from + 4 * r * c + column, 0);
                }
            }
        });
        keep(dtable, dy, rows);
    }

    @Override
    public void gatherLists(Tensor y, Tensor table, Tensor lists, Tensor ids) {
        int n = y.shape().rows(), c = table.shape().dim(-1), most = table.shape().rows();
        int length = lists.shape().dim(-1), count = lists.shape().dim(0);
        long to = address(y), from = address(table), numbers = address(lists), chosen = address(ids);
        Rows.each(n, c * length, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) {
                long row = to + 4 * r * c;
                int id = getInt(chosen + 4 * r);
                Flat.fill(row, 0, c);
                for (int s = 0; s < length && id >= 0; s++) {
                    int number = getInt(numbers + 4 * ((long) Objects.checkIndex(id, count) * length + s));
                    if (number < 0) continue;
                    Flat.run(c, Flat::add, row, row, from + 4L * Objects.checkIndex(number, most) * c, 0);
                }
            }
        });
        keep(y, table, lists, ids);
    }

    /** Each block owns some columns, and goes through the rows in their order. */
    @Override
    public void gatherListsBackward(Tensor dtable, Tensor dy, Tensor lists, Tensor ids) {
        int n = dy.shape().rows(), c = dtable.shape().dim(-1), most = dtable.shape().rows();
        int length = lists.shape().dim(-1), count = lists.shape().dim(0);
        long to = address(dtable), from = address(dy), numbers = address(lists), chosen = address(ids);
        int blocks = (long) n * length * c < 1 << 16 ? 1 : Parallel.available();
        int width = Math.ceilDiv(Math.ceilDiv(c, blocks), Lanes.VL) * Lanes.VL;
        Parallel.run(Math.ceilDiv(c, width), block -> {
            long column = 4L * block * width;
            int columns = Math.min(width, c - block * width);
            for (long r = 0; r < n; r++) {
                int id = getInt(chosen + 4 * r);
                for (int s = 0; s < length && id >= 0; s++) {
                    int number = getInt(numbers + 4 * ((long) Objects.checkIndex(id, count) * length + s));
                    if (number < 0) continue;
                    long row = to + 4L * number * c + column;
                    Flat.run(columns, Flat::add, row, row, from + 4 * r * c + column, 0);
                }
            }
        });
        keep(dtable, dy, lists, ids);
    }

    @Override
    public void causalFilter(Tensor y, Tensor x, Tensor taps, Tensor offsets) {
        new CausalFilter(x, taps, offsets).forward(address(y), address(x));
        keep(y, x, taps, offsets);
    }

    @Override
    public void causalFilterBackward(Tensor dx, Tensor dtaps, Tensor dy, Tensor x, Tensor taps, Tensor offsets) {
        new CausalFilter(x, taps, offsets).backward(addressOrZero(dx), addressOrZero(dtaps), address(dy), address(x));
        keep(dx, dtaps, dy, x, taps, offsets);
    }

    /** Cosines and sines of all positions so far, a row of {@code half} for each. */
    private record Angles(float theta, int headDim, int positions, float[] cos, float[] sin) {
        static Angles of(float theta, int headDim, int positions) {
            int half = headDim / 2;
            float[] cos = new float[positions * half], sin = new float[positions * half];
            for (int p = 0; p < positions; p++) {
                for (int j = 0; j < half; j++) {
                    double angle = p * Math.pow(theta, -2.0 * j / headDim);
                    cos[p * half + j] = (float) Math.cos(angle);
                    sin[p * half + j] = (float) Math.sin(angle);
                }
            }
            return new Angles(theta, headDim, positions, cos, sin);
        }

        boolean cover(float theta, int headDim, int position) {
            return this.theta == theta && this.headDim == headDim && position < positions;
        }
    }

    private volatile Angles angles = Angles.of(10_000, 2, 1);

    @Override
    public void rotary(Tensor x, Tensor positions, int columns, int headDim, float theta, boolean inverse) {
        int rows = x.shape().rows(), width = x.shape().dim(-1), half = headDim / 2, greatest = 0;
        long from = address(x), numbers = address(positions);
        for (long r = 0; r < rows; r++) greatest = Math.max(greatest, getInt(numbers + 4 * r));
        Angles known = angles;
        if (!known.cover(theta, headDim, greatest)) {
            known = angles = Angles.of(theta, headDim, Math.max(256, 2 * Integer.highestOneBit(greatest)));
        }
        float[] cos = known.cos, sin = known.sin;
        Rows.each(rows, columns, (first, last, kept, sums) -> {
            for (long r = first; r < last; r++) {
                int at = getInt(numbers + 4 * r) * half;
                for (int head = 0; head < columns; head += headDim) {
                    long a = from + 4 * (r * width + head);
                    Rows.turn(a, a + 4L * half, cos, sin, at, inverse, half);
                }
            }
        });
        keep(x, positions);
    }

    // ---- attention

    @Override
    public void attention(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        if (spec.headDim() > Tile.DEPTH) super.attention(out, lse, q, kv, bias, spec);
        else Attention.forward(out, lse, q, kv, bias, spec);
        keep(out, lse, q, kv, bias, spec);
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
        if (spec.headDim() > Tile.DEPTH) super.attentionBackward(dq, dkv, dbias, dout, out, lse, q, kv, bias, spec);
        else Attention.backward(dq, dkv, dbias, dout, out, lse, q, kv, bias, spec);
        keep(dq, dkv, dbias, dout, out, lse, q, kv, bias, spec);
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
        beamAttention(out, q, promptKv, null, promptOffsets, users, levels, ancestors, bias, heads, scale);
    }

    @Override
    public void beamAttention(
            Tensor out,
            Tensor q,
            Tensor promptKv,
            Tensor packed,
            Tensor promptOffsets,
            Tensor users,
            List<Tensor> levels,
            Tensor ancestors,
            Tensor bias,
            int heads,
            float scale) {
        if (levels.size() > BeamAttention.LEVELS || q.shape().dim(-1) / heads > Tile.DEPTH) {
            super.beamAttention(out, q, promptKv, promptOffsets, users, levels, ancestors, bias, heads, scale);
            return;
        }
        new BeamAttention(out, q, promptKv, packed, promptOffsets, users, levels, ancestors, bias, heads, scale)
                .run(q.shape().rows());
        keep(out, q, promptKv, packed, promptOffsets, users, levels, ancestors, bias);
    }

    @Override
    public Tensor packPrompts(Tensor promptKv, Tensor promptOffsets, int heads, IntFunction<Tensor> memory) {
        if (promptKv.shape().dim(-1) / 2 / heads > Tile.DEPTH) return null;
        var prompts = new Prompts(promptKv, promptOffsets, heads);
        Tensor packed = memory.apply(Math.toIntExact(prompts.bytes() / 4));
        prompts.pack(address(packed));
        keep(promptKv, promptOffsets, packed);
        return packed;
    }

    // ---- heads

    @Override
    public void childLogits(
            Tensor logits, Tensor state, Tensor table, Tensor lists, Tensor gain, Tensor bias, SoftmaxMask mask) {
        new ChildLogits(state, table, lists, gain, mask, logits.shape().dim(-1)).forward(address(logits),
                address(bias));
        keep(logits, state, table, lists, bias, mask);
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
        new ChildLogits(state, table, lists, gain, mask, dlogits.shape().dim(-1)).backward(
                addressOrZero(dstate), addressOrZero(dtable), addressOrZero(dgain), addressOrZero(dbias),
                address(dlogits));
        keep(dstate, dtable, dgain, dbias, dlogits, state, table, lists, mask);
    }

    // ---- losses

    @Override
    public void crossEntropy(Tensor loss, Tensor nll, Tensor dlogits, Tensor logits, Tensor targets, Tensor weights) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long values = address(nll), d = addressOrZero(dlogits), from = address(logits);
        long target = address(targets), weight = address(weights);
        Rows.each(
                rows,
                c,
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) kept[k] = Rows.max(from + 4L * r * c, 1, c);
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; d == 0 && r < last; r++, k += 2) {
                        kept[k + 1] = Rows.sumOfExp(from + 4L * r * c, 1, kept[k], c);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; d != 0 && r < last; r++, k += 2) {
                        kept[k + 1] = Rows.exp(d + 4L * r * c, from + 4L * r * c, kept[k], c);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        int t = below(c, getInt(target + 4L * r));
                        float logit = t < 0 ? 0 : get(from + 4 * ((long) r * c + t));
                        set(values + 4L * r, t < 0 ? 0 : (float) Math.log(kept[k + 1]) - (logit - kept[k]));
                        kept[k] = t < 0 ? 0 : get(weight + 4L * r);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; d != 0 && r < last; r++, k += 2) {
                        Rows.scale(d + 4L * r * c, kept[k] / kept[k + 1], c);
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; d != 0 && r < last; r++, k += 2) {
                        int t = below(c, getInt(target + 4L * r));
                        long at = d + 4 * ((long) r * c + t);
                        if (t >= 0) set(at, get(at) - kept[k]);
                    }
                });
        double total = 0;
        for (long r = 0; r < rows; r++) {
            if (getInt(target + 4 * r) >= 0) total += (double) get(weight + 4 * r) * get(values + 4 * r);
        }
        loss.set(0, (float) total);
        keep(nll, dlogits, logits, targets, weights);
    }

    @Override
    public void logProbability(
            Tensor logProb, Tensor denominator, Tensor logits, Tensor targets, SoftmaxMask mask, float temperature) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long out = address(logProb), scales = address(denominator), from = address(logits), target = address(targets);
        float by = 1 / temperature;
        Rows.each(
                rows,
                c,
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        kept[k] = Rows.max(seen(from, mask, r, c), by, count(mask, r, c));
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        kept[k + 1] = Rows.sumOfExp(seen(from, mask, r, c), by, kept[k], count(mask, r, c));
                    }
                },
                (first, last, kept, sums) -> {
                    for (int r = first, k = 0; r < last; r++, k += 2) {
                        float max = kept[k], log = (float) Math.log(kept[k + 1]);
                        int t = below(c, getInt(target + 4L * r));
                        set(scales + 8L * r, max);
                        set(scales + 8L * r + 4, log);
                        float less = t < 0 ? 0 : Math.fma(get(from + 4 * ((long) r * c + t)), by, -max);
                        set(out + 4L * r, t < 0 ? 0 : less - log);
                    }
                });
        keep(logProb, denominator, logits, targets, mask);
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
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long to = address(dlogits), dlog = address(dlogProb), scales = address(denominator);
        long from = address(logits), target = address(targets);
        float by = 1 / temperature;
        Rows.each(rows, c, (first, last, kept, sums) -> {
            for (int r = first; r < last; r++) {
                int t = below(c, getInt(target + 4L * r));
                if (t < 0) continue;
                float d = get(dlog + 4L * r) * by, max = get(scales + 8L * r), log = get(scales + 8L * r + 4);
                if (mask == null) wholeBackward(to + 4L * r * c, from + 4L * r * c, d, max, log, by, t, c);
                else childrenBackward(to + 4L * r * c, from + 4L * r * c, d, max, log, by, t, mask, r, c);
            }
        });
        keep(dlogits, dlogProb, denominator, logits, targets, mask);
    }

    private static void wholeBackward(
            long dlogits, long logits, float d, float max, float log, float by, int target, int c) {
        Rows.softmaxBackward(dlogits, d, logits, by, max, log, c);
        long at = dlogits + 4L * target;
        set(at, get(at) + d);
    }

    private static void childrenBackward(
            long dlogits, long logits, float d, float max, float log, float by, int target, SoftmaxMask mask, int row,
            int c) {
        int n = count(mask, row, c);
        long picked = pickChildren(logits, mask, row, n, c), slope = picked + 4L * n, columns = firstChild(mask, row);
        Flat.fill(slope, 0, n);
        Rows.softmaxBackward(slope, d, picked, by, max, log, n);
        for (long i = 0; i < 4L * n; i += 4) {
            int column = getInt(columns + i);
            long to = dlogits + 4L * column;
            set(to, get(to) + get(slope + i) + (column == target ? d : 0));
        }
    }

    @Override
    public void topMargin(Tensor margin, Tensor rivals, Tensor logits, Tensor targets, int k, SoftmaxMask mask) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long margins = address(margin), rival = address(rivals), from = address(logits), target = address(targets);
        Rows.each(rows, c, (first, last, kept, sums) -> {
            for (int r = first; r < last; r++) {
                int t = below(c, getInt(target + 4L * r));
                if (t < 0) {
                    set(margins + 4L * r, 0);
                    setInt(rival + 4L * r, -1);
                    continue;
                }
                long seen = seen(from, mask, r, c);
                int n = count(mask, r, c), among = Math.min(k, n);
                float value = Rows.largest(seen, among, n);
                int place = Rows.find(seen, value, among - Rows.above(seen, value, n), n);
                set(margins + 4L * r, value - get(from + 4 * ((long) r * c + t)));
                setInt(rival + 4L * r, mask == null ? place : getInt(firstChild(mask, r) + 4L * place));
            }
        });
        keep(margin, rivals, logits, targets, mask);
    }

    /** How many columns a row's softmax runs over. */
    private static int count(SoftmaxMask mask, int row, int columns) {
        if (mask == null) return columns;
        int node = mask.nodes().getInt(row);
        return mask.offsets().getInt(node + 1) - mask.offsets().getInt(node);
    }

    /** Where a row's logits stand next to each other: where they are, or, with a mask, where they were copied. */
    private static long seen(long logits, SoftmaxMask mask, int row, int columns) {
        long at = logits + 4L * row * columns;
        return mask == null ? at : pickChildren(at, mask, row, count(mask, row, columns), columns);
    }

    private static long firstChild(SoftmaxMask mask, int row) {
        return address(mask.columns()) + 4L * mask.offsets().getInt(mask.nodes().getInt(row));
    }

    /** Copies the logits of a row's children next to each other. */
    private static long pickChildren(long logits, SoftmaxMask mask, int row, int n, int c) {
        long to = Scratch.get().block(Scratch.PICKED, 2L * n), columns = firstChild(mask, row);
        for (long i = 0; i < 4L * n; i += 4) set(to + i, get(logits + 4L * below(c, getInt(columns + i))));
        return to;
    }

    // ---- optimization

    @Override
    public void squaredNorm(Tensor sum, int index, Tensor x) {
        long from = address(x), size = x.shape().size();
        double[] parts = new double[Math.toIntExact((size + Flat.BLOCK - 1) / Flat.BLOCK)];
        Flat.each(size, (offset, n) -> {
            for (long o = offset; o < offset + 4L * n; o += 4L * Flat.BLOCK) {
                int count = (int) Math.min(Flat.BLOCK, (offset - o) / 4 + n);
                parts[(int) (o / (4L * Flat.BLOCK))] = Flat.squares(from + o, count);
            }
        });
        double total = 0;
        for (double part : parts) total += part;
        sum.set(index, (float) total);
        keep(x);
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
        var adam = new Flat.Adam(state.get(0), state.get(1), state.get(2), state.get(3), beta1, beta2, eps, decay);
        each((p, g, first, second, n) -> Flat.adamW(p, g, first, second, adam, n), parameter, gradient, m, v);
    }

    // ---- quantization

    @Override
    public void nearest(Tensor codes, Tensor distances, Tensor x, Tensor codebook) {
        int rows = x.shape().rows(), c = x.shape().dim(-1), k = codebook.shape().rows();
        Nearest.find(address(codes), addressOrZero(distances), address(x), rows, c, address(codebook), k);
        keep(codes, distances, x, codebook);
    }
}
