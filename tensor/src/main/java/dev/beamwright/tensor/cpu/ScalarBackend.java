package dev.beamwright.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BeamSpec;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The reference: plain loops, meant to be read, and what every other backend is tested against. */
class ScalarBackend implements Backend {
    @Override
    public String name() {
        return "scalar";
    }

    // ---- matrix products

    @Override
    public void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate) {
        int m = c.shape().rows(), n = c.shape().dim(-1);
        int k = transposeA ? a.shape().rows() : a.shape().dim(-1);
        int lda = a.shape().dim(-1), ldb = b.shape().dim(-1);
        MemorySegment cs = c.data(), as = a.data(), bs = b.data();
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                float sum = 0;
                for (int p = 0; p < k; p++) {
                    float x = transposeA ? at(as, (long) p * lda + i) : at(as, (long) i * lda + p);
                    float y = transposeB ? at(bs, (long) j * ldb + p) : at(bs, (long) p * ldb + j);
                    sum += x * y;
                }
                if (accumulate) add(cs, (long) i * n + j, sum);
                else put(cs, (long) i * n + j, sum);
            }
        }
    }

    // ---- element by element

    @Override
    public void fill(Tensor y, float value) {
        for (long i = 0, n = y.shape().size(); i < n; i++) put(y.data(), i, value);
    }

    @Override
    public void accumulate(Tensor y, float alpha, Tensor x) {
        for (long i = 0, n = y.shape().size(); i < n; i++) add(y.data(), i, alpha * at(x.data(), i));
    }

    @Override
    public void add(Tensor y, Tensor a, Tensor b) {
        for (long i = 0, n = y.shape().size(); i < n; i++) put(y.data(), i, at(a.data(), i) + at(b.data(), i));
    }

    @Override
    public void multiply(Tensor y, Tensor a, Tensor b) {
        for (long i = 0, n = y.shape().size(); i < n; i++) put(y.data(), i, at(a.data(), i) * at(b.data(), i));
    }

    @Override
    public void multiplyBackward(Tensor da, Tensor db, Tensor dy, Tensor a, Tensor b) {
        for (long i = 0, n = dy.shape().size(); i < n; i++) {
            float d = at(dy.data(), i);
            if (da != null) add(da.data(), i, d * at(b.data(), i));
            if (db != null) add(db.data(), i, d * at(a.data(), i));
        }
    }

    @Override
    public void addBias(Tensor y, Tensor x, Tensor bias) {
        int c = x.shape().dim(-1);
        for (long i = 0, n = x.shape().size(); i < n; i++) put(y.data(), i, at(x.data(), i) + at(bias.data(), i % c));
    }

    @Override
    public void addBiasBackward(Tensor dbias, Tensor dy) {
        int c = dy.shape().dim(-1);
        for (long i = 0, n = dy.shape().size(); i < n; i++) add(dbias.data(), i % c, at(dy.data(), i));
    }

    @Override
    public void relu(Tensor y, Tensor x) {
        for (long i = 0, n = x.shape().size(); i < n; i++) put(y.data(), i, Math.max(at(x.data(), i), 0));
    }

    @Override
    public void reluBackward(Tensor dx, Tensor dy, Tensor y) {
        for (long i = 0, n = y.shape().size(); i < n; i++) {
            if (at(y.data(), i) > 0) add(dx.data(), i, at(dy.data(), i));
        }
    }

    private static final double GELU = Math.sqrt(2 / Math.PI);

    @Override
    public void gelu(Tensor y, Tensor x) {
        for (long i = 0, n = x.shape().size(); i < n; i++) {
            double v = at(x.data(), i);
            put(y.data(), i, (float) (0.5 * v * (1 + Math.tanh(GELU * (v + 0.044715 * v * v * v)))));
        }
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dy, Tensor x) {
        for (long i = 0, n = x.shape().size(); i < n; i++) {
            double v = at(x.data(), i), t = Math.tanh(GELU * (v + 0.044715 * v * v * v));
            double slope = 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * GELU * (1 + 3 * 0.044715 * v * v);
            add(dx.data(), i, (float) (at(dy.data(), i) * slope));
        }
    }

    @Override
    public void swiGlu(Tensor y, Tensor gateUp) {
        int rows = y.shape().rows(), c = y.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < c; i++) {
                float g = at(gateUp.data(), 2L * r * c + i), u = at(gateUp.data(), 2L * r * c + c + i);
                put(y.data(), (long) r * c + i, g * sigmoid(g) * u);
            }
        }
    }

    @Override
    public void swiGluBackward(Tensor dgateUp, Tensor dy, Tensor gateUp) {
        int rows = dy.shape().rows(), c = dy.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < c; i++) {
                long gate = 2L * r * c + i, up = gate + c;
                float g = at(gateUp.data(), gate), u = at(gateUp.data(), up), d = at(dy.data(), (long) r * c + i);
                float s = sigmoid(g);
                add(dgateUp.data(), gate, d * u * s * (1 + g * (1 - s)));
                add(dgateUp.data(), up, d * g * s);
            }
        }
    }

    @Override
    public void dropout(Tensor y, Tensor x, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold();
        float scale = dropout.scale();
        for (int i = 0, n = (int) x.shape().size(); i < n; i++) {
            put(y.data(), i, Dropout.keeps(seed, threshold, i) ? at(x.data(), i) * scale : 0);
        }
    }

    @Override
    public void dropoutBackward(Tensor dx, Tensor dy, Dropout dropout) {
        int seed = dropout.seed(), threshold = dropout.threshold();
        float scale = dropout.scale();
        for (int i = 0, n = (int) dy.shape().size(); i < n; i++) {
            if (Dropout.keeps(seed, threshold, i)) add(dx.data(), i, at(dy.data(), i) * scale);
        }
    }

    // ---- norms

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
        int rows = x.shape().rows(), c = x.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            float squares = 0;
            for (int i = 0; i < c; i++) squares += at(x.data(), row + i) * at(x.data(), row + i);
            float s = (float) (1 / Math.sqrt(squares / c + eps));
            put(rstd.data(), r, s);
            for (int i = 0; i < c; i++) put(y.data(), row + i, at(x.data(), row + i) * s * at(weight.data(), i));
        }
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd, Tensor weight) {
        int rows = x.shape().rows(), c = x.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            float s = at(rstd.data(), r), dot = 0;
            for (int i = 0; i < c; i++) {
                float xhat = at(x.data(), row + i) * s, d = at(dy.data(), row + i);
                if (dweight != null) add(dweight.data(), i, d * xhat);
                dot += d * at(weight.data(), i) * xhat;
            }
            if (dx == null) continue;
            for (int i = 0; i < c; i++) {
                float xhat = at(x.data(), row + i) * s, d = at(dy.data(), row + i) * at(weight.data(), i);
                add(dx.data(), row + i, s * (d - xhat * dot / c));
            }
        }
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        int rows = x.shape().rows(), c = x.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            float sum = 0, squares = 0;
            for (int i = 0; i < c; i++) sum += at(x.data(), row + i);
            float mu = sum / c;
            for (int i = 0; i < c; i++) squares += (at(x.data(), row + i) - mu) * (at(x.data(), row + i) - mu);
            float s = (float) (1 / Math.sqrt(squares / c + eps));
            put(mean.data(), r, mu);
            put(rstd.data(), r, s);
            for (int i = 0; i < c; i++) {
                put(y.data(), row + i, (at(x.data(), row + i) - mu) * s * at(weight.data(), i) + at(bias.data(), i));
            }
        }
    }

    @Override
    public void layerNormBackward(
            Tensor dx, Tensor dweight, Tensor dbias, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight) {
        int rows = x.shape().rows(), c = x.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            float mu = at(mean.data(), r), s = at(rstd.data(), r), sum = 0, dot = 0;
            for (int i = 0; i < c; i++) {
                float xhat = (at(x.data(), row + i) - mu) * s, d = at(dy.data(), row + i);
                if (dweight != null) add(dweight.data(), i, d * xhat);
                if (dbias != null) add(dbias.data(), i, d);
                sum += d * at(weight.data(), i);
                dot += d * at(weight.data(), i) * xhat;
            }
            if (dx == null) continue;
            for (int i = 0; i < c; i++) {
                float xhat = (at(x.data(), row + i) - mu) * s, d = at(dy.data(), row + i) * at(weight.data(), i);
                add(dx.data(), row + i, s * (d - sum / c - xhat * dot / c));
            }
        }
    }

    // ---- rows

    @Override
    public void gather(Tensor y, Tensor table, Tensor rows) {
        int n = y.shape().rows(), c = table.shape().dim(-1), s = (int) (rows.shape().size() / n);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < c; j++) {
                float sum = 0;
                for (int q = 0; q < s; q++) {
                    int row = below(table.shape().rows(), integer(rows.data(), (long) i * s + q));
                    if (row >= 0) sum += at(table.data(), (long) row * c + j);
                }
                put(y.data(), (long) i * c + j, sum);
            }
        }
    }

    @Override
    public void gatherBackward(Tensor dtable, Tensor dy, Tensor rows) {
        int n = dy.shape().rows(), c = dy.shape().dim(-1), s = (int) (rows.shape().size() / n);
        for (int i = 0; i < n; i++) {
            for (int q = 0; q < s; q++) {
                int row = below(dtable.shape().rows(), integer(rows.data(), (long) i * s + q));
                if (row < 0) continue;
                for (int j = 0; j < c; j++) add(dtable.data(), (long) row * c + j, at(dy.data(), (long) i * c + j));
            }
        }
    }

    @Override
    public void gatherLists(Tensor y, Tensor table, Tensor lists, Tensor ids) {
        int n = y.shape().rows(), c = table.shape().dim(-1), length = lists.shape().dim(-1);
        for (int i = 0; i < n; i++) {
            int id = integer(ids.data(), i);
            for (int j = 0; j < c; j++) {
                float sum = 0;
                for (int s = 0; s < length && id >= 0; s++) {
                    int row = integer(lists.data(), (long) id * length + s);
                    if (row >= 0) sum += at(table.data(), (long) row * c + j);
                }
                put(y.data(), (long) i * c + j, sum);
            }
        }
    }

    @Override
    public void gatherListsBackward(Tensor dtable, Tensor dy, Tensor lists, Tensor ids) {
        int n = dy.shape().rows(), c = dy.shape().dim(-1), length = lists.shape().dim(-1);
        for (int i = 0; i < n; i++) {
            int id = integer(ids.data(), i);
            for (int s = 0; s < length && id >= 0; s++) {
                int row = integer(lists.data(), (long) id * length + s);
                if (row < 0) continue;
                for (int j = 0; j < c; j++) add(dtable.data(), (long) row * c + j, at(dy.data(), (long) i * c + j));
            }
        }
    }

    @Override
    public void causalFilter(Tensor y, Tensor x, Tensor taps, Tensor offsets) {
        int c = x.shape().dim(-1), count = taps.shape().dim(0);
        fill(y, 0);
        for (int s = 0; s + 1 < offsets.shape().size(); s++) {
            int begin = offsets.getInt(s), end = offsets.getInt(s + 1);
            for (int t = begin; t < end; t++) {
                for (int k = 0; k < count && t - k >= begin; k++) {
                    for (int j = 0; j < c; j++) {
                        float product = at(taps.data(), (long) k * c + j) * at(x.data(), (long) (t - k) * c + j);
                        add(y.data(), (long) t * c + j, product);
                    }
                }
            }
        }
    }

    @Override
    public void causalFilterBackward(Tensor dx, Tensor dtaps, Tensor dy, Tensor x, Tensor taps, Tensor offsets) {
        int c = x.shape().dim(-1), count = taps.shape().dim(0);
        for (int s = 0; s + 1 < offsets.shape().size(); s++) {
            int begin = offsets.getInt(s), end = offsets.getInt(s + 1);
            for (int t = begin; t < end; t++) {
                for (int k = 0; k < count && t - k >= begin; k++) {
                    for (int j = 0; j < c; j++) {
                        long tap = (long) k * c + j, seen = (long) (t - k) * c + j;
                        float d = at(dy.data(), (long) t * c + j);
                        if (dx != null) add(dx.data(), seen, at(taps.data(), tap) * d);
                        if (dtaps != null) add(dtaps.data(), tap, at(x.data(), seen) * d);
                    }
                }
            }
        }
    }

    @Override
    public void rotary(Tensor x, Tensor positions, int columns, int headDim, float theta, boolean inverse) {
        int rows = x.shape().rows(), width = x.shape().dim(-1), half = headDim / 2;
        for (int r = 0; r < rows; r++) {
            int position = integer(positions.data(), r);
            for (int j = 0; j < half; j++) {
                double angle = position * Math.pow(theta, -2.0 * j / headDim);
                float cos = (float) Math.cos(angle), sin = (float) (inverse ? -Math.sin(angle) : Math.sin(angle));
                for (int head = 0; head < columns; head += headDim) {
                    long first = (long) r * width + head + j, second = first + half;
                    float a = at(x.data(), first), b = at(x.data(), second);
                    put(x.data(), first, a * cos - b * sin);
                    put(x.data(), second, a * sin + b * cos);
                }
            }
        }
    }

    // ---- attention

    @Override
    public void attention(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec) {
        int dim = spec.headDim(), width = spec.heads() * dim;
        out.data().fill((byte) 0);
        lse.data().fill((byte) 0);
        for (int s = 0, sequences = (int) spec.queryOffsets().shape().size() - 1; s < sequences; s++) {
            int from = spec.queryOffsets().getInt(s), to = spec.queryOffsets().getInt(s + 1);
            int keys = spec.keyOffsets().getInt(s);
            for (int i = from; i < to; i++) {
                int n = keysSeen(spec, s, i);
                if (n == 0) continue;
                for (int h = 0; h < spec.heads(); h++) {
                    float[] p = probabilities(q, kv, bias, spec, s, i, h, n, lse);
                    dropWeights(p, spec, i, h);
                    for (int d = 0; d < dim; d++) {
                        float sum = 0;
                        for (int j = 0; j < n; j++) {
                            sum += p[j] * at(kv.data(), (long) (keys + j) * 2 * width + width + h * dim + d);
                        }
                        put(out.data(), (long) i * width + h * dim + d, sum);
                    }
                }
            }
        }
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
        int dim = spec.headDim(), width = spec.heads() * dim;
        for (int s = 0, sequences = (int) spec.queryOffsets().shape().size() - 1; s < sequences; s++) {
            int from = spec.queryOffsets().getInt(s), to = spec.queryOffsets().getInt(s + 1);
            int keys = spec.keyOffsets().getInt(s);
            for (int i = from; i < to; i++) {
                int n = keysSeen(spec, s, i);
                if (n == 0) continue;
                for (int h = 0; h < spec.heads(); h++) {
                    float[] p = scores(q, kv, bias, spec, s, i, h, n);
                    float total = at(lse.data(), (long) i * spec.heads() + h);
                    for (int j = 0; j < n; j++) p[j] = (float) Math.exp(p[j] - total);
                    float[] dropped = p.clone();
                    dropWeights(dropped, spec, i, h);
                    long qRow = (long) i * width + h * dim;
                    // out = Σ_j dropped_j v_j, so Σ_j dP_j p_j = dout · out
                    float dot = 0;
                    for (int d = 0; d < dim; d++) dot += at(dout.data(), qRow + d) * at(out.data(), qRow + d);
                    for (int j = 0; j < n; j++) {
                        long key = (long) (keys + j) * 2 * width + h * dim, value = key + width;
                        float keep = p[j] == 0 ? 0 : dropped[j] / p[j], dp = 0;
                        for (int d = 0; d < dim; d++) {
                            if (dkv != null) add(dkv.data(), value + d, dropped[j] * at(dout.data(), qRow + d));
                            dp += at(dout.data(), qRow + d) * at(kv.data(), value + d);
                        }
                        float ds = p[j] * (dp * keep - dot);
                        for (int d = 0; d < dim; d++) {
                            if (dq != null) add(dq.data(), qRow + d, ds * spec.scale() * at(kv.data(), key + d));
                            if (dkv != null) add(dkv.data(), key + d, ds * spec.scale() * at(q.data(), qRow + d));
                        }
                        if (dbias != null) add(dbias.data(), biasIndex(bias, h, j - (i - from)), ds);
                    }
                }
            }
        }
    }

    @Override
    public void joinAttention(Tensor out, Tensor lse, Tensor otherOut, Tensor otherLse) {
        int rows = lse.shape().rows(), heads = lse.shape().dim(-1), dim = out.shape().dim(-1) / heads;
        for (int i = 0; i < rows * heads; i++) {
            float a = at(lse.data(), i), b = at(otherLse.data(), i), max = Math.max(a, b);
            float total = max + (float) Math.log(Math.exp(a - max) + Math.exp(b - max));
            float share = (float) Math.exp(a - total), otherShare = (float) Math.exp(b - total);
            put(lse.data(), i, total);
            for (long j = (long) i * dim; j < (long) (i + 1) * dim; j++) {
                put(out.data(), j, share * at(out.data(), j) + otherShare * at(otherOut.data(), j));
            }
        }
    }

    private static int keysSeen(AttentionSpec spec, int sequence, int queryRow) {
        int keys = spec.keyOffsets().getInt(sequence + 1) - spec.keyOffsets().getInt(sequence);
        return spec.causal() ? Math.min(keys, queryRow - spec.queryOffsets().getInt(sequence) + 1) : keys;
    }

    private static float[] probabilities(
            Tensor q, Tensor kv, Tensor bias, AttentionSpec spec, int s, int i, int h, int n, Tensor lse) {
        float[] p = scores(q, kv, bias, spec, s, i, h, n);
        float max = Float.NEGATIVE_INFINITY, sum = 0;
        for (int j = 0; j < n; j++) max = Math.max(max, p[j]);
        for (int j = 0; j < n; j++) sum += p[j] = (float) Math.exp(p[j] - max);
        for (int j = 0; j < n; j++) p[j] /= sum;
        put(lse.data(), (long) i * spec.heads() + h, (float) Math.log(sum) + max);
        return p;
    }

    private static float[] scores(
            Tensor q, Tensor kv, Tensor bias, AttentionSpec spec, int s, int i, int h, int n) {
        int dim = spec.headDim(), width = spec.heads() * dim;
        int from = spec.queryOffsets().getInt(s), keys = spec.keyOffsets().getInt(s);
        float[] scores = new float[n];
        for (int j = 0; j < n; j++) {
            float dot = 0;
            for (int d = 0; d < dim; d++) {
                dot += at(q.data(), (long) i * width + h * dim + d)
                        * at(kv.data(), (long) (keys + j) * 2 * width + h * dim + d);
            }
            scores[j] = dot * spec.scale() + (bias == null ? 0 : at(bias.data(), biasIndex(bias, h, j - (i - from))));
        }
        return scores;
    }

    private static void dropWeights(float[] p, AttentionSpec spec, int i, int h) {
        Dropout dropout = spec.dropout();
        if (dropout == null) return;
        int seed = dropout.seed(), threshold = dropout.threshold(), first = (i * spec.heads() + h) * 2048;
        for (int j = 0; j < p.length; j++) {
            p[j] = Dropout.keeps(seed, threshold, first + j) ? p[j] * dropout.scale() : 0;
        }
    }

    private static long biasIndex(Tensor bias, int head, int distance) {
        int columns = bias.shape().dim(-1), reach = (columns - 1) / 2;
        return (long) head * columns + Math.clamp(distance, -reach, reach) + reach;
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
        int rows = q.shape().rows(), width = q.shape().dim(-1), dim = width / heads, depth = levels.size();
        for (int r = 0; r < rows; r++) {
            int prompt = 0, prompts = 0;
            if (promptKv != null) {
                prompt = promptOffsets.getInt(users.getInt(r));
                prompts = promptOffsets.getInt(users.getInt(r) + 1) - prompt;
            }
            int n = prompts + depth;
            float[] p = new float[n];
            for (int h = 0; h < heads; h++) {
                float max = Float.NEGATIVE_INFINITY, sum = 0;
                for (int j = 0; j < n; j++) {
                    boolean inPrompt = j < prompts;
                    MemorySegment kv = inPrompt ? promptKv.data() : levels.get(j - prompts).data();
                    int row = inPrompt ? prompt + j : ancestors.getInt((long) r * depth + j - prompts);
                    float dot = 0;
                    for (int d = 0; d < dim; d++) {
                        dot += at(q.data(), (long) r * width + h * dim + d)
                                * at(kv, (long) row * 2 * width + h * dim + d);
                    }
                    p[j] = dot * scale + (bias == null ? 0 : at(bias.data(), biasIndex(bias, h, j - (n - 1))));
                    max = Math.max(max, p[j]);
                }
                for (int j = 0; j < n; j++) sum += p[j] = (float) Math.exp(p[j] - max);
                for (int d = 0; d < dim; d++) {
                    float y = 0;
                    for (int j = 0; j < n; j++) {
                        boolean inPrompt = j < prompts;
                        MemorySegment kv = inPrompt ? promptKv.data() : levels.get(j - prompts).data();
                        int row = inPrompt ? prompt + j : ancestors.getInt((long) r * depth + j - prompts);
                        y += p[j] / sum * at(kv, (long) row * 2 * width + width + h * dim + d);
                    }
                    put(out.data(), (long) r * width + h * dim + d, y);
                }
            }
        }
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
        int c = logits.shape().dim(-1), users = (int) nodes.shape().size() / spec.width();
        record Child(float score, int row, int edge) {}
        for (int u = 0; u < users; u++) {
            List<Child> found = new ArrayList<>();
            for (int row = u * spec.before(); row < (u + 1) * spec.before(); row++) {
                float score = scoresBefore.get(row);
                if (score == Float.NEGATIVE_INFINITY) continue;
                int from = spec.offsets().getInt(nodesBefore.getInt(row));
                int to = spec.offsets().getInt(nodesBefore.getInt(row) + 1);
                float max = Float.NEGATIVE_INFINITY;
                double sum = 0;
                int n = spec.children() ? to - from : c;
                for (int pass = 0; pass < 2; pass++) {
                    for (int i = 0; i < n; i++) {
                        int column = spec.children() ? spec.columns().getInt(from + i) : i;
                        float z = at(logits.data(), (long) row * c + column) / spec.temperature();
                        if (pass == 0) max = Math.max(max, z);
                        else sum += Math.exp(z - max);
                    }
                }
                double lse = Math.log(sum) + max;
                for (int e = from; e < to; e++) {
                    if (!allowed(spec, u, e + 1)) continue;
                    float z = at(logits.data(), (long) row * c + spec.columns().getInt(e)) / spec.temperature();
                    found.add(new Child((float) (score + (z - lse)), row, e));
                }
            }
            found.sort((a, b) -> a.score != b.score ? Float.compare(b.score, a.score) : a.edge - b.edge);
            for (int i = 0; i < spec.width(); i++) {
                int row = u * spec.width() + i;
                Child best = i < found.size() ? found.get(i) : null;
                nodes.setInt(row, best == null ? 0 : best.edge + 1);
                scores.set(row, best == null ? Float.NEGATIVE_INFINITY : best.score);
                parents.setInt(row, best == null ? 0 : best.row);
                tokens.setInt(row, best == null ? -1 : spec.firstToken() + spec.columns().getInt(best.edge));
            }
        }
    }

    private static boolean allowed(BeamSpec spec, int user, int node) {
        if (spec.open() != null && spec.open().getInt(node) == 0) return false;
        if (spec.barred() == null) return true;
        int each = spec.barred().shape().dim(-1);
        for (int i = 0; i < each; i++) if (spec.barred().getInt((long) user * each + i) == node) return false;
        return true;
    }

    @Override
    public void extendPaths(Tensor after, Tensor before, Tensor parents) {
        int rows = after.shape().dim(0), depth = after.shape().dim(-1) - 1;
        for (int r = 0; r < rows; r++) {
            for (int l = 0; l < depth; l++) {
                after.setInt((long) r * (depth + 1) + l, before.getInt((long) parents.getInt(r) * depth + l));
            }
            after.setInt((long) r * (depth + 1) + depth, r);
        }
    }

    // ---- heads

    @Override
    public void childLogits(
            Tensor logits, Tensor state, Tensor table, Tensor lists, Tensor gain, Tensor bias, SoftmaxMask mask) {
        int n = state.shape().rows(), c = state.shape().dim(-1), width = logits.shape().dim(-1);
        fill(logits, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i++) {
            int node = mask.nodes().getInt(i);
            if (node < 0) continue;
            for (int e = mask.offsets().getInt(node); e < mask.offsets().getInt(node + 1); e++) {
                float product = 0;
                for (int j = 0; j < c; j++) product += at(state.data(), (long) i * c + j) * child(table, lists, e, j);
                float logit = at(gain.data(), 0) * product + at(bias.data(), e);
                put(logits.data(), (long) i * width + column(mask, e), logit);
            }
        }
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
        int n = state.shape().rows(), c = state.shape().dim(-1), width = dlogits.shape().dim(-1);
        int length = lists.shape().dim(-1);
        float by = at(gain.data(), 0);
        double slope = 0; // of the gain, a sum over all rows, edges and columns
        for (int i = 0; i < n; i++) {
            int node = mask.nodes().getInt(i);
            if (node < 0) continue;
            for (int e = mask.offsets().getInt(node); e < mask.offsets().getInt(node + 1); e++) {
                float d = at(dlogits.data(), (long) i * width + column(mask, e));
                if (dbias != null) add(dbias.data(), e, d);
                for (int j = 0; j < c; j++) {
                    long at = (long) i * c + j;
                    float s = at(state.data(), at), v = child(table, lists, e, j);
                    if (dstate != null) add(dstate.data(), at, by * d * v);
                    slope += s * d * v;
                    for (int q = 0; q < length && dtable != null; q++) {
                        int row = integer(lists.data(), (long) e * length + q);
                        if (row >= 0) add(dtable.data(), (long) row * c + j, by * d * s);
                    }
                }
            }
        }
        if (dgain != null) add(dgain.data(), 0, (float) slope);
    }

    /** One column of the vector of an edge's child. */
    private static float child(Tensor table, Tensor lists, int edge, int column) {
        int c = table.shape().dim(-1), length = lists.shape().dim(-1);
        float sum = 0;
        for (int s = 0; s < length; s++) {
            int row = integer(lists.data(), (long) edge * length + s);
            if (row >= 0) sum += at(table.data(), (long) row * c + column);
        }
        return sum;
    }

    // ---- losses

    @Override
    public void crossEntropy(Tensor loss, Tensor nll, Tensor dlogits, Tensor logits, Tensor targets, Tensor weights) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        double total = 0;
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            int target = below(c, integer(targets.data(), r));
            float max = Float.NEGATIVE_INFINITY, sum = 0;
            for (int i = 0; i < c; i++) max = Math.max(max, at(logits.data(), row + i));
            for (int i = 0; i < c; i++) sum += (float) Math.exp(at(logits.data(), row + i) - max);
            float value = target < 0 ? 0 : (float) Math.log(sum) - (at(logits.data(), row + target) - max);
            float weight = target < 0 ? 0 : at(weights.data(), r);
            put(nll.data(), r, value);
            total += (double) weight * value;
            if (dlogits == null) continue;
            for (int i = 0; i < c; i++) {
                float p = (float) Math.exp(at(logits.data(), row + i) - max) / sum;
                put(dlogits.data(), row + i, weight * (p - (i == target ? 1 : 0)));
            }
        }
        put(loss.data(), 0, (float) total);
    }

    @Override
    public void logProbability(
            Tensor logProb, Tensor denominator, Tensor logits, Tensor targets, SoftmaxMask mask, float temperature) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            int target = below(c, integer(targets.data(), r));
            int from = mask == null ? 0 : mask.offsets().getInt(mask.nodes().getInt(r));
            int to = mask == null ? c : mask.offsets().getInt(mask.nodes().getInt(r) + 1);
            float max = Float.NEGATIVE_INFINITY, sum = 0;
            for (int i = from; i < to; i++) max = Math.max(max, at(logits.data(), row + column(mask, i)) / temperature);
            for (int i = from; i < to; i++) {
                sum += (float) Math.exp(at(logits.data(), row + column(mask, i)) / temperature - max);
            }
            float log = (float) Math.log(sum);
            put(denominator.data(), 2L * r, max);
            put(denominator.data(), 2L * r + 1, log);
            put(logProb.data(), r, target < 0 ? 0 : at(logits.data(), row + target) / temperature - max - log);
        }
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
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            int target = below(c, integer(targets.data(), r));
            if (target < 0) continue;
            float d = at(dlogProb.data(), r) / temperature;
            float max = at(denominator.data(), 2L * r), log = at(denominator.data(), 2L * r + 1);
            int from = mask == null ? 0 : mask.offsets().getInt(mask.nodes().getInt(r));
            int to = mask == null ? c : mask.offsets().getInt(mask.nodes().getInt(r) + 1);
            for (int i = from; i < to; i++) {
                int column = column(mask, i);
                float p = (float) Math.exp(at(logits.data(), row + column) / temperature - max - log);
                add(dlogits.data(), row + column, d * ((column == target ? 1 : 0) - p));
            }
        }
    }

    @Override
    public void topMargin(Tensor margin, Tensor rivals, Tensor logits, Tensor targets, int k, SoftmaxMask mask) {
        int rows = logits.shape().rows(), c = logits.shape().dim(-1);
        k = Math.min(k, c);
        int[] best = new int[k]; // columns, best first
        float[] values = new float[k];
        for (int r = 0; r < rows; r++) {
            long row = (long) r * c;
            int target = below(c, integer(targets.data(), r));
            if (target < 0) {
                put(margin.data(), r, 0);
                rivals.setInt(r, -1);
                continue;
            }
            int from = mask == null ? 0 : mask.offsets().getInt(mask.nodes().getInt(r));
            int to = mask == null ? c : mask.offsets().getInt(mask.nodes().getInt(r) + 1);
            int size = 0;
            for (int i = from; i < to; i++) {
                int column = column(mask, i);
                float v = at(logits.data(), row + column);
                if (size == k && !(v > values[k - 1])) continue;
                int place = size < k ? size++ : k - 1;
                for (; place > 0 && values[place - 1] < v; place--) {
                    values[place] = values[place - 1];
                    best[place] = best[place - 1];
                }
                values[place] = v;
                best[place] = column;
            }
            put(margin.data(), r, values[size - 1] - at(logits.data(), row + target));
            rivals.setInt(r, best[size - 1]);
        }
    }

    @Override
    public void topMarginBackward(Tensor dlogits, Tensor dmargin, Tensor rivals, Tensor targets) {
        int rows = dlogits.shape().rows(), c = dlogits.shape().dim(-1);
        for (int r = 0; r < rows; r++) {
            int target = below(c, integer(targets.data(), r));
            if (target < 0) continue;
            float d = at(dmargin.data(), r);
            add(dlogits.data(), (long) r * c + below(c, integer(rivals.data(), r)), d);
            add(dlogits.data(), (long) r * c + target, -d);
        }
    }

    /** A row or column number, which may be negative where that stands for none, but must not reach {@code count}. */
    static int below(int count, int number) {
        if (number < count) return number;
        throw new IndexOutOfBoundsException("number " + number + " of only " + count + " rows or columns");
    }

    private static int column(SoftmaxMask mask, int i) {
        return mask == null ? i : integer(mask.columns().data(), i);
    }

    // ---- optimization

    @Override
    public void squaredNorm(Tensor sum, int index, Tensor x) {
        double total = 0;
        for (long i = 0, n = x.shape().size(); i < n; i++) total += (double) at(x.data(), i) * at(x.data(), i);
        put(sum.data(), index, (float) total);
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
        float rate = state.get(0), c1 = state.get(1), c2 = state.get(2), scale = state.get(3);
        for (long i = 0, n = parameter.shape().size(); i < n; i++) {
            float g = at(gradient.data(), i) * scale, p = at(parameter.data(), i);
            float mi = beta1 * at(m.data(), i) + (1 - beta1) * g;
            float vi = beta2 * at(v.data(), i) + (1 - beta2) * g * g;
            put(m.data(), i, mi);
            put(v.data(), i, vi);
            put(parameter.data(), i, p - rate * (mi * c1 / ((float) Math.sqrt(vi * c2) + eps) + decay * p));
            put(gradient.data(), i, 0);
        }
    }

    // ---- quantization

    @Override
    public void nearest(Tensor codes, Tensor distances, Tensor x, Tensor codebook) {
        int rows = x.shape().rows(), c = x.shape().dim(-1), k = codebook.shape().rows();
        for (int r = 0; r < rows; r++) {
            int best = 0;
            float least = Float.POSITIVE_INFINITY;
            for (int j = 0; j < k; j++) {
                float sum = 0;
                for (int i = 0; i < c; i++) {
                    float d = at(x.data(), (long) r * c + i) - at(codebook.data(), (long) j * c + i);
                    sum += d * d;
                }
                if (sum < least) {
                    least = sum;
                    best = j;
                }
            }
            codes.setInt(r, best);
            if (distances != null) put(distances.data(), r, least);
        }
    }

    static float sigmoid(float x) {
        return (float) (1 / (1 + Math.exp(-x)));
    }

    static float at(MemorySegment s, long i) {
        return s.getAtIndex(JAVA_FLOAT, i);
    }

    static int integer(MemorySegment s, long i) {
        return s.getAtIndex(JAVA_INT, i);
    }

    static void put(MemorySegment s, long i, float v) {
        s.setAtIndex(JAVA_FLOAT, i, v);
    }

    static void add(MemorySegment s, long i, float v) {
        s.setAtIndex(JAVA_FLOAT, i, s.getAtIndex(JAVA_FLOAT, i) + v);
    }
}
