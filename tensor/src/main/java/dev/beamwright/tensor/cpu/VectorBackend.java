package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Lanes.keep;
import static dev.beamwright.tensor.cpu.Lanes.set;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Kernels on the Vector API; what it does not override runs as in {@link ScalarBackend}. Here operands become addresses
 * and work becomes blocks; what is done to one block stands in {@link Gemm}, {@link Flat}, {@link Rows} and others.
 */
final class VectorBackend extends ScalarBackend {
    @Override
    public String name() {
        return "vector";
    }

    /** The address of a tensor that may be null, which is then 0. */
    private static long addressOrZero(Tensor t) {
        return t == null ? 0 : address(t);
    }

    // ---- matrix products

    @Override
    public void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate) {
        int m = c.shape().rows(), n = c.shape().dim(-1);
        int lda = a.shape().dim(-1), ldb = b.shape().dim(-1);
        int k = transposeA ? a.shape().rows() : lda;
        Gemm.multiply(address(c), m, n, k, address(a), lda, transposeA, address(b), ldb, transposeB, accumulate);
        keep(c, a, b);
    }

    // ---- element by element

    @Override
    public void fill(Tensor y, float value) {
        long to = address(y);
        Flat.each(y.shape().size(), (o, n) -> Flat.fill(to + o, value, n));
        keep(y);
    }

    @Override
    public void accumulate(Tensor y, float alpha, Tensor x) {
        long to = address(y), from = address(x);
        Flat.each(y.shape().size(), (o, n) -> Flat.accumulate(to + o, alpha, from + o, n));
        keep(y, x);
    }

    @Override
    public void add(Tensor y, Tensor a, Tensor b) {
        long to = address(y), left = address(a), right = address(b);
        Flat.each(y.shape().size(), (o, n) -> Flat.add(to + o, left + o, right + o, n));
        keep(y, a, b);
    }

    @Override
    public void multiply(Tensor y, Tensor a, Tensor b) {
        long to = address(y), left = address(a), right = address(b);
        Flat.each(y.shape().size(), (o, n) -> Flat.multiply(to + o, left + o, right + o, n));
        keep(y, a, b);
    }

    @Override
    public void multiplyBackward(Tensor da, Tensor db, Tensor dy, Tensor a, Tensor b) {
        long toA = addressOrZero(da), toB = addressOrZero(db), d = address(dy), left = address(a), right = address(b);
        Flat.each(dy.shape().size(), (o, n) -> {
            if (toA != 0) Flat.multiplyAdd(toA + o, d + o, right + o, n);
            if (toB != 0) Flat.multiplyAdd(toB + o, d + o, left + o, n);
        });
        keep(da, db, dy, a, b);
    }

    @Override
    public void addBias(Tensor y, Tensor x, Tensor bias) {
        int c = x.shape().dim(-1);
        long to = address(y), from = address(x), row = address(bias);
        Rows.each(x.shape().rows(), c, (first, last) -> {
            for (int r = first; r < last; r++) Flat.add(to + 4L * r * c, from + 4L * r * c, row, c);
        });
        keep(y, x, bias);
    }

    @Override
    public void addBiasBackward(Tensor dbias, Tensor dy) {
        int c = dy.shape().dim(-1);
        long d = address(dy);
        Rows.summing(dy.shape().rows(), c, c, address(dbias), (first, last, sums) -> {
            for (int r = first; r < last; r++) Flat.add(sums, sums, d + 4L * r * c, c);
        });
        keep(dbias, dy);
    }

    @Override
    public void relu(Tensor y, Tensor x) {
        long to = address(y), from = address(x);
        Flat.each(x.shape().size(), (o, n) -> Flat.relu(to + o, from + o, n));
        keep(y, x);
    }

    @Override
    public void reluBackward(Tensor dx, Tensor dy, Tensor y) {
        long to = address(dx), d = address(dy), out = address(y);
        Flat.each(y.shape().size(), (o, n) -> Flat.reluBackward(to + o, d + o, out + o, n));
        keep(dx, dy, y);
    }

    @Override
    public void gelu(Tensor y, Tensor x) {
        long to = address(y), from = address(x);
        Flat.each(x.shape().size(), (o, n) -> Flat.gelu(to + o, from + o, n));
        keep(y, x);
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dy, Tensor x) {
        long to = address(dx), d = address(dy), from = address(x);
        Flat.each(x.shape().size(), (o, n) -> Flat.geluBackward(to + o, d + o, from + o, n));
        keep(dx, dy, x);
    }

    @Override
    public void swiGlu(Tensor y, Tensor gateUp) {
        int c = y.shape().dim(-1);
        long to = address(y), gate = address(gateUp), up = gate + 4L * c;
        Rows.each(y.shape().rows(), c, (first, last) -> {
            for (long r = first; r < last; r++) Flat.swiGlu(to + 4 * r * c, gate + 8 * r * c, up + 8 * r * c, c);
        });
        keep(y, gateUp);
    }

    @Override
    public void swiGluBackward(Tensor dgateUp, Tensor dy, Tensor gateUp) {
        int c = dy.shape().dim(-1);
        long dgate = address(dgateUp), dup = dgate + 4L * c, d = address(dy), gate = address(gateUp),
                up = gate + 4L * c;
        Rows.each(dy.shape().rows(), c, (first, last) -> {
            for (long r = first; r < last; r++) {
                long o = 8 * r * c;
                Flat.swiGluBackward(dgate + o, dup + o, d + 4 * r * c, gate + o, up + o, c);
            }
        });
        keep(dgateUp, dy, gateUp);
    }

    @Override
    public void dropout(Tensor y, Tensor x, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold();
        float scale = dropout.scale();
        long to = address(y), from = address(x);
        Flat.each(x.shape().size(), (o, n) -> Flat.dropout(to + o, from + o, (int) (o / 4), seed, threshold, scale, n));
        keep(y, x);
    }

    @Override
    public void dropoutBackward(Tensor dx, Tensor dy, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold();
        float scale = dropout.scale();
        long to = address(dx), from = address(dy);
        Flat.each(dy.shape().size(), (o, n) -> {
            Flat.dropoutBackward(to + o, from + o, (int) (o / 4), seed, threshold, scale, n);
        });
        keep(dx, dy);
    }

    // ---- norms

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
        int c = x.shape().dim(-1);
        long to = address(y), kept = address(rstd), from = address(x), w = address(weight);
        Rows.each(x.shape().rows(), c, (first, last) -> {
            for (long r = first; r < last; r++) {
                set(kept + 4 * r, Rows.rmsNorm(to + 4 * r * c, from + 4 * r * c, w, eps, c));
            }
        });
        keep(y, rstd, x, weight);
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd, Tensor weight) {
        int c = x.shape().dim(-1);
        long to = addressOrZero(dx), d = address(dy), from = address(x), kept = address(rstd), w = address(weight);
        Rows.summing(x.shape().rows(), c, c, addressOrZero(dweight), (first, last, sums) -> {
            for (long r = first; r < last; r++) {
                float s = get(kept + 4 * r);
                float dot = Rows.rmsNormSums(sums, d + 4 * r * c, from + 4 * r * c, w, s, c);
                float by = dot / c * s * s;
                if (to != 0) Rows.rmsNormBackward(to + 4 * r * c, d + 4 * r * c, from + 4 * r * c, w, s, by, c);
            }
        });
        keep(dx, dweight, dy, x, rstd, weight);
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        int c = x.shape().dim(-1);
        long to = address(y), mu = address(mean), kept = address(rstd), from = address(x);
        long w = address(weight), b = address(bias);
        Rows.each(x.shape().rows(), c, (first, last) -> {
            for (long r = first; r < last; r++) {
                Rows.layerNorm(to + 4 * r * c, mu + 4 * r, kept + 4 * r, from + 4 * r * c, w, b, eps, c);
            }
        });
        keep(y, mean, rstd, x, weight, bias);
    }

    @Override
    public void layerNormBackward(
            Tensor dx, Tensor dweight, Tensor dbias, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight) {
        int c = x.shape().dim(-1);
        long to = addressOrZero(dx), d = address(dy), from = address(x), w = address(weight);
        long mu = address(mean), kept = address(rstd);
        long both = Scratch.get().block(Scratch.SUMS, 2L * c);
        Flat.fill(both, 0, 2 * c);
        Rows.summing(x.shape().rows(), c, 2 * c, both, (first, last, sums) -> {
            for (long r = first; r < last; r++) {
                long row = 4 * r * c, out = to == 0 ? 0 : to + row;
                Rows.layerNormBackward(out, sums, d + row, from + row, get(mu + 4 * r), get(kept + 4 * r), w, c);
            }
        });
        if (dweight != null) Flat.add(address(dweight), address(dweight), both, c);
        if (dbias != null) Flat.add(address(dbias), address(dbias), both + 4L * c, c);
        keep(dx, dweight, dbias, dy, x, mean, rstd, weight);
    }

    // ---- rows

    @Override
    public void gather(Tensor y, Tensor table, Tensor rows) {
        int n = y.shape().rows(), c = table.shape().dim(-1), s = (int) (rows.shape().size() / n);
        long to = address(y), from = address(table), numbers = address(rows);
        Rows.each(n, c, (first, last) -> {
            for (long r = first; r < last; r++) {
                long row = to + 4 * r * c;
                Flat.fill(row, 0, c);
                for (int q = 0; q < s; q++) {
                    int number = getInt(numbers + 4 * (r * s + q));
                    if (number >= 0) Flat.add(row, row, from + 4L * number * c, c);
                }
            }
        });
        keep(y, table, rows);
    }

    /** Each block owns some columns, and goes through the rows in their order. */
    @Override
    public void gatherBackward(Tensor dtable, Tensor dy, Tensor rows) {
        int n = dy.shape().rows(), c = dtable.shape().dim(-1), s = (int) (rows.shape().size() / n);
        long to = address(dtable), from = address(dy), numbers = address(rows);
        int blocks = (long) n * s * c < 1 << 16 ? 1 : Parallel.available();
        int width = Math.ceilDiv(Math.ceilDiv(c, blocks), Lanes.VL) * Lanes.VL;
        Parallel.run(Math.ceilDiv(c, width), block -> {
            long column = 4L * block * width;
            int count = Math.min(width, c - block * width);
            for (long r = 0; r < n; r++) {
                for (int q = 0; q < s; q++) {
                    int number = getInt(numbers + 4 * (r * s + q));
                    if (number < 0) continue;
                    long row = to + 4L * number * c + column;
                    Flat.add(row, row, from + 4 * r * c + column, count);
                }
            }
        });
        keep(dtable, dy, rows);
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
        Rows.each(rows, columns, (first, last) -> {
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
        int rows = q.shape().rows(), width = q.shape().dim(-1), depth = levels.size();
        int[] of = users.toIntArray();
        if (promptKv != null && (bias != null || !ascending(of))) {
            super.beamAttention(out, q, promptKv, promptOffsets, users, levels, ancestors, bias, heads, scale);
            return;
        }
        try (Arena call = Arena.ofShared()) {
            Tensor lse = null;
            if (promptKv != null) {
                int[] offsets = new int[(int) promptOffsets.shape().size()];
                for (int user : of) offsets[user + 1]++;
                for (int u = 1; u < offsets.length; u++) offsets[u] += offsets[u - 1];
                lse = Tensor.zeros(call, Shape.of(rows, heads));
                Tensor beams = Tensor.of(call, Shape.of(offsets.length), offsets);
                attention(
                        out,
                        lse,
                        q,
                        promptKv,
                        null,
                        new AttentionSpec(heads, width / heads, scale, false, beams, promptOffsets, null));
            }
            if (depth == 0) return;
            long o = address(out), l = addressOrZero(lse), from = address(q), b = addressOrZero(bias);
            int distances = bias == null ? 1 : bias.shape().dim(-1);
            long[] kv = levels.stream().mapToLong(Lanes::address).toArray();
            int[] paths = ancestors.toIntArray();
            Rows.each(rows, width, (first, last) -> {
                long[] keys = new long[depth];
                float[] weights = new float[depth];
                for (int r = first; r < last; r++) {
                    for (int d = 0; d < depth; d++) keys[d] = kv[d] + 8L * width * paths[r * depth + d];
                    long lseRow = l == 0 ? 0 : l + 4L * heads * r, row = 4L * width * r;
                    BeamAttention.addAncestors(
                            o + row, lseRow, from + row, keys, weights, heads, width / heads, scale, b, distances);
                }
            });
            keep(out, lse, q, bias, levels);
        }
    }

    private static boolean ascending(int[] users) {
        for (int i = 1; i < users.length; i++) if (users[i] < users[i - 1]) return false;
        return true;
    }

    // ---- losses

    @Override
    public void crossEntropy(Tensor loss, Tensor nll, Tensor dlogits, Tensor logits, Tensor targets, Tensor weights) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long values = address(nll), d = addressOrZero(dlogits), from = address(logits);
        long target = address(targets), weight = address(weights);
        Rows.each(rows, c, (first, last) -> {
            for (long r = first; r < last; r++) {
                long out = d == 0 ? 0 : d + 4 * r * c;
                set(values + 4 * r,
                        crossEntropy(out, from + 4 * r * c, getInt(target + 4 * r), get(weight + 4 * r), c));
            }
        });
        double total = 0;
        for (long r = 0; r < rows; r++) {
            if (getInt(target + 4 * r) >= 0) total += (double) get(weight + 4 * r) * get(values + 4 * r);
        }
        loss.set(0, (float) total);
        keep(nll, dlogits, logits, targets, weights);
    }

    /** One row; returns its negative log-likelihood. */
    private static float crossEntropy(long d, long logits, int target, float weight, int c) {
        if (target < 0) {
            if (d != 0) Flat.fill(d, 0, c);
            return 0;
        }
        float logit = get(logits + 4L * target), max = Rows.max(logits, 1, c);
        float sum = d == 0 ? Rows.sumOfExp(logits, 1, max, c) : Rows.exp(d, logits, max, c);
        if (d != 0) {
            Rows.scale(d, weight / sum, c);
            set(d + 4L * target, get(d + 4L * target) - weight);
        }
        return (float) Math.log(sum) + max - logit;
    }

    @Override
    public void logProbability(
            Tensor logProb, Tensor lse, Tensor logits, Tensor targets, SoftmaxMask mask, float temperature) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long out = address(logProb), kept = address(lse), from = address(logits), target = address(targets);
        float by = 1 / temperature;
        Rows.each(rows, c, (first, last) -> {
            for (int r = first; r < last; r++) {
                long row = from + 4L * r * c;
                int n = c;
                if (mask != null) {
                    n = children(mask, r);
                    row = pickChildren(row, mask, r, n);
                }
                float max = Rows.max(row, by, n), total = (float) Math.log(Rows.sumOfExp(row, by, max, n)) + max;
                int t = getInt(target + 4L * r);
                set(kept + 4L * r, total);
                set(out + 4L * r, t < 0 ? 0 : get(from + 4 * ((long) r * c + t)) * by - total);
            }
        });
        keep(logProb, lse, logits, targets, mask);
    }

    @Override
    public void logProbabilityBackward(
            Tensor dlogits,
            Tensor dlogProb,
            Tensor lse,
            Tensor logits,
            Tensor targets,
            SoftmaxMask mask,
            float temperature) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        long to = address(dlogits), dlog = address(dlogProb), kept = address(lse);
        long from = address(logits), target = address(targets);
        float by = 1 / temperature;
        Rows.each(rows, c, (first, last) -> {
            for (int r = first; r < last; r++) {
                int t = getInt(target + 4L * r);
                if (t < 0) continue;
                float d = get(dlog + 4L * r) * by, total = get(kept + 4L * r);
                long row = from + 4L * r * c, out = to + 4L * r * c;
                if (mask == null) {
                    Rows.softmaxBackward(out, d, row, by, total, c);
                    set(out + 4L * t, get(out + 4L * t) + d);
                } else {
                    childrenBackward(out, row, d, total, by, t, mask, r);
                }
            }
        });
        keep(dlogits, dlogProb, lse, logits, targets, mask);
    }

    private static int children(SoftmaxMask mask, int row) {
        int node = mask.nodes().getInt(row);
        return mask.offsets().getInt(node + 1) - mask.offsets().getInt(node);
    }

    private static long firstChild(SoftmaxMask mask, int row) {
        return address(mask.columns()) + 4L * mask.offsets().getInt(mask.nodes().getInt(row));
    }

    /** Copies the logits of a row's children next to each other. */
    private static long pickChildren(long logits, SoftmaxMask mask, int row, int n) {
        long to = Scratch.get().block(Scratch.PICKED, 2L * n), columns = firstChild(mask, row);
        for (long i = 0; i < 4L * n; i += 4) set(to + i, get(logits + 4L * getInt(columns + i)));
        return to;
    }

    private static void childrenBackward(
            long dlogits, long logits, float d, float lse, float by, int target, SoftmaxMask mask, int row) {
        int n = children(mask, row);
        long picked = pickChildren(logits, mask, row, n), slope = picked + 4L * n, columns = firstChild(mask, row);
        Flat.fill(slope, 0, n);
        Rows.softmaxBackward(slope, d, picked, by, lse, n);
        for (long i = 0; i < 4L * n; i += 4) {
            int column = getInt(columns + i);
            long to = dlogits + 4L * column;
            set(to, get(to) + get(slope + i) + (column == target ? d : 0));
        }
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
        long p = address(parameter), g = address(gradient), first = address(m), second = address(v);
        Flat.each(parameter.shape().size(), (o, n) -> Flat.adamW(p + o, g + o, first + o, second + o, adam, n));
        keep(parameter, gradient, m, v);
    }

    // ---- quantization

    @Override
    public void nearest(Tensor codes, Tensor distances, Tensor x, Tensor codebook) {
        int rows = x.shape().rows(), c = x.shape().dim(-1), k = codebook.shape().rows();
        Nearest.find(address(codes), addressOrZero(distances), address(x), rows, c, address(codebook), k);
        keep(codes, distances, x, codebook);
    }
}
