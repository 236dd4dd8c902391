package dev.beamwright.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every kernel of {@link VectorBackend} against {@link ScalarBackend}, on rows and columns that fill vectors and blocks
 * and that do not; and its bits, which must be those of one thread, and stay the same while the code is compiled.
 */
@Tag("vector")
public class BackendContractTest {
    private static final int[] ROWS = {1, 3, 13, 64, 207}, COLUMNS = {1, 3, 13, 64, 207};
    private static final Backend SCALAR = new ScalarBackend();
    /** Without the Vector API it is the scalar one again, of which the same bits are asked. */
    private static final Backend VECTOR = Backends.best();

    /** Runs a kernel on inputs it draws, and returns what it wrote. */
    public interface Kernel {
        List<Tensor> run(Backend backend, Inputs in, int rows, int columns);
    }

    public record Case(String name, Kernel kernel, int manyRows, int manyColumns) {
        @Override
        public String toString() {
            return name;
        }

        /** What the kernel writes, one tensor behind the other. */
        public float[] run(Backend backend, int rows, int columns) {
            try (Arena arena = Arena.ofShared()) {
                List<Tensor> written = kernel.run(backend, new Inputs(arena, rows * 1000L + columns), rows, columns);
                float[] all = new float[0];
                for (Tensor t : written) {
                    float[] values = t.dtype() == DType.F32 ? t.toArray() : asFloats(t.toIntArray());
                    all = Arrays.copyOf(all, all.length + values.length);
                    System.arraycopy(values, 0, all, all.length - values.length, values.length);
                }
                return all;
            }
        }

        private static float[] asFloats(int[] values) {
            float[] f = new float[values.length];
            for (int i = 0; i < f.length; i++) f[i] = values[i];
            return f;
        }
    }

    /** Draws tensors; the same seed draws the same. */
    public record Inputs(Arena arena, Random random) {
        Inputs(Arena arena, long seed) {
            this(arena, new Random(seed));
        }

        Tensor floats(int... dims) {
            Tensor t = Tensor.zeros(arena, Shape.of(dims));
            for (long i = 0; i < t.shape().size(); i++) t.set(i, 2 * random.nextFloat() - 1);
            return t;
        }

        Tensor positive(int... dims) {
            Tensor t = floats(dims);
            for (long i = 0; i < t.shape().size(); i++) t.set(i, Math.abs(t.get(i)) + 0.1f);
            return t;
        }

        Tensor ints(int from, int to, int... dims) {
            Tensor t = Tensor.zeros(arena, Shape.of(dims), DType.I32);
            for (long i = 0; i < t.shape().size(); i++) t.setInt(i, random.nextInt(from, to));
            return t;
        }

        Dropout dropout(float rate) {
            Tensor key = ints(0, 1, 2);
            Key.of(random.nextLong()).writeTo(key);
            return new Dropout(rate, key, 3);
        }

        /** Cuts n rows into sequences of 1 to {@code longest}; the last rows belong to none. */
        Tensor offsets(int n, int longest) {
            var cuts = new ArrayList<>(List.of(0));
            for (int at = 1; at <= n - n / 9; at += 1 + random.nextInt(longest)) cuts.add(at);
            return Tensor.of(
                    arena, Shape.of(cuts.size()), cuts.stream().mapToInt(i -> i).toArray());
        }

        /** Cuts n rows into as many sequences as there are in {@code other}, some of them empty. */
        Tensor offsetsLike(Tensor other, int n) {
            int[] cuts = random.ints(other.shape().dim(0), 0, n + 1).sorted().toArray();
            return Tensor.of(arena, Shape.of(cuts.length), cuts);
        }
    }

    /** Every kernel, also for the contract tests of backends in other modules. */
    public static final List<Case> CASES = new ArrayList<>();

    private static void add(String name, int manyRows, int manyColumns, Kernel kernel) {
        CASES.add(new Case(name, kernel, manyRows, manyColumns));
    }

    private static void add(String name, Kernel kernel) {
        add(name, 1200, 90, kernel);
    }

    static {
        // Beams of several users at the second of two levels; the columns are those of one head.
        add("beamAttention", 300, 20, (b, in, rows, columns) -> {
            int heads = 3, width = heads * columns, users = 1 + rows / 4;
            int[] of = new int[rows];
            for (int r = 0; r < rows; r++) of[r] = r * users / rows;
            Tensor prompts = in.floats(2 * users + 1, 2 * width), lengths = in.ints(0, 1, users + 1);
            for (int u = 0; u < users; u++) lengths.setInt(u + 1, lengths.getInt(u) + 1 + u % 3);
            Tensor user = in.ints(0, 1, rows);
            user.copyFrom(of);
            List<Tensor> levels = List.of(in.floats(rows, 2 * width), in.floats(rows, 2 * width));
            Tensor paths = in.ints(0, rows, rows, 2), q = in.floats(rows, width), bias = in.floats(heads, 5);
            Tensor both = in.floats(rows, width), ancestors = in.floats(rows, width), prompt = in.floats(rows, width);
            b.beamAttention(both, q, prompts, lengths, user, levels, paths, null, heads, .4f);
            b.beamAttention(ancestors, q, null, null, user, levels, paths, bias, heads, .4f);
            b.beamAttention(prompt, q, prompts, lengths, user, List.of(), null, null, heads, .4f);
            return List.of(both, ancestors, prompt);
        });
        for (int form = 0; form < 8; form++) {
            boolean ta = (form & 1) != 0, tb = (form & 2) != 0, more = (form & 4) != 0;
            String name = "matmul " + (ta ? "T" : "N") + (tb ? "T" : "N") + (more ? " accumulate" : "");
            for (int depth : new int[] {1, 13, 300}) {
                add(name + " depth " + depth, 700, 90, (b, in, m, n) -> {
                    Tensor c = in.floats(m, n), x = ta ? in.floats(depth, m) : in.floats(m, depth);
                    b.matmul(c, x, ta, tb ? in.floats(n, depth) : in.floats(depth, n), tb, more);
                    return List.of(c);
                });
            }
            add(name + " long", 4500, 70, (b, in, k, n) -> {
                int m = 7;
                Tensor c = in.floats(m, n), x = ta ? in.floats(k, m) : in.floats(m, k);
                b.matmul(c, x, ta, tb ? in.floats(n, k) : in.floats(k, n), tb, more);
                return List.of(c);
            });
        }

        add("fill", (b, in, r, c) -> {
            Tensor y = in.floats(r, c);
            b.fill(y, 1.5f);
            return List.of(y);
        });
        add("accumulate", (b, in, r, c) -> {
            Tensor y = in.floats(r, c);
            b.accumulate(y, 0.3f, in.floats(r, c));
            return List.of(y);
        });
        add("add and multiply", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), y = in.floats(r, c), sum = in.floats(r, c), product = in.floats(r, c);
            b.add(sum, x, y);
            b.multiply(product, x, y);
            return List.of(sum, product);
        });
        add("multiplyBackward", (b, in, r, c) -> {
            Tensor da = in.floats(r, c), db = in.floats(r, c), only = in.floats(r, c);
            Tensor dy = in.floats(r, c), x = in.floats(r, c), y = in.floats(r, c);
            b.multiplyBackward(da, db, dy, x, y);
            b.multiplyBackward(null, only, dy, x, y);
            return List.of(da, db, only);
        });
        add("addBias", (b, in, r, c) -> {
            Tensor y = in.floats(r, c), dbias = in.floats(c);
            b.addBias(y, in.floats(r, c), in.floats(c));
            b.addBiasBackward(dbias, in.floats(r, c));
            return List.of(y, dbias);
        });
        add("relu", (b, in, r, c) -> {
            Tensor y = in.floats(r, c), dx = in.floats(r, c);
            b.relu(y, in.floats(r, c));
            b.reluBackward(dx, in.floats(r, c), y);
            return List.of(y, dx);
        });
        add("gelu", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), y = in.floats(r, c), dx = in.floats(r, c);
            b.accumulate(x, 3, in.floats(r, c));
            b.gelu(y, x);
            b.geluBackward(dx, in.floats(r, c), x);
            return List.of(y, dx);
        });
        add("swiGlu", (b, in, r, c) -> {
            Tensor x = in.floats(r, 2 * c), y = in.floats(r, c), dx = in.floats(r, 2 * c);
            b.swiGlu(y, x);
            b.swiGluBackward(dx, in.floats(r, c), x);
            return List.of(y, dx);
        });
        add("dropout", (b, in, r, c) -> {
            Tensor y = in.floats(r, c), dx = in.floats(r, c);
            Dropout dropout = in.dropout(0.3f);
            b.dropout(y, in.floats(r, c), dropout);
            b.dropoutBackward(dx, in.floats(r, c), dropout);
            return List.of(y, dx);
        });
        add("constants", (b, in, r, c) -> {
            Tensor w = in.floats(c + 3, c), x = in.floats(r, c), y = in.floats(r, c + 3), z = in.floats(r, c + 3);
            Tensor again = in.floats(r, c + 3), dx = in.floats(r, c), dy = in.floats(r, c + 3),
                    dw = in.floats(c + 3, c);
            var constants = b.constants(List.of(w));
            constants.during(() -> {
                b.matmul(y, x, false, w, true, false);
                b.matmul(dx, dy, false, w, false, true);
            });
            constants.during(() -> b.matmul(again, x, false, w, true, false)); // still the same
            b.fill(w, .5f); // from now on it is another one
            b.accumulate(w, 1, dw);
            constants.changed();
            constants.during(() -> b.matmul(z, x, false, w, true, true));
            return List.of(y, again, dx, z);
        });
        add("addDropout", (b, in, r, c) -> {
            Tensor y = in.floats(r, c);
            b.addDropout(y, in.floats(r, c), in.floats(r, c), in.dropout(0.3f));
            return List.of(y);
        });
        add("reluDropout", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), put = in.floats(r, c), added = in.floats(r, c), dy = in.floats(r, c);
            Dropout dropout = in.dropout(0.3f);
            b.reluDropout(x, x, dropout);
            b.reluDropoutBackward(put, dy, x, 1, false);
            b.reluDropoutBackward(added, dy, x, dropout.scale(), true);
            return List.of(x, put, added);
        });

        add("rmsNorm", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), w = in.floats(c), y = in.floats(r, c), rstd = in.floats(r);
            Tensor dx = in.floats(r, c), dw = in.floats(c), only = in.floats(c), dy = in.floats(r, c);
            b.rmsNorm(y, rstd, x, w, 1e-5f);
            b.rmsNormBackward(dx, dw, dy, x, rstd, w);
            b.rmsNormBackward(null, only, dy, x, rstd, w);
            b.rmsNormBackward(dx, null, dy, x, rstd, w);
            return List.of(y, rstd, dx, dw, only);
        });
        add("layerNorm", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), w = in.floats(c), y = in.floats(r, c), mean = in.floats(r), rstd = in.floats(r);
            Tensor dx = in.floats(r, c), dw = in.floats(c), db = in.floats(c), dy = in.floats(r, c);
            b.layerNorm(y, mean, rstd, x, w, in.floats(c), 0.1f);
            b.layerNormBackward(dx, dw, db, dy, x, mean, rstd, w);
            b.layerNormBackward(null, dw, null, dy, x, mean, rstd, w);
            b.layerNormBackward(dx, null, db, dy, x, mean, rstd, w);
            return List.of(y, mean, rstd, dx, dw, db);
        });

        add("gather", (b, in, r, c) -> {
            int tableRows = 17;
            Tensor y = in.floats(r, c), one = in.floats(r, c), dtable = in.floats(tableRows, c);
            Tensor table = in.floats(tableRows, c), rows = in.ints(-1, tableRows, r, 3);
            b.gather(y, table, rows);
            b.gather(one, table, in.ints(0, tableRows, r));
            b.gatherBackward(dtable, in.floats(r, c), rows);
            return List.of(y, one, dtable);
        });
        add("gatherLists", (b, in, r, c) -> {
            int tableRows = 17, count = 9;
            Tensor y = in.floats(r, c), dtable = in.floats(tableRows, c), table = in.floats(tableRows, c);
            Tensor lists = in.ints(-1, tableRows, count, 4), ids = in.ints(-1, count, r);
            b.gatherLists(y, table, lists, ids);
            b.gatherListsBackward(dtable, in.floats(r, c), lists, ids);
            return List.of(y, dtable);
        });
        add("causalFilter", (b, in, r, c) -> {
            Tensor x = in.floats(r, c), y = in.floats(r, c), dx = in.floats(r, c), dy = in.floats(r, c);
            Tensor taps = in.floats(4, c), dtaps = in.floats(4, c), only = in.floats(4, c), offsets = in.offsets(r, 9);
            b.causalFilter(y, x, taps, offsets);
            b.causalFilterBackward(dx, dtaps, dy, x, taps, offsets);
            b.causalFilterBackward(dx, null, dy, x, taps, offsets);
            b.causalFilterBackward(null, only, dy, x, taps, offsets);
            return List.of(y, dx, dtaps, only);
        });
        for (boolean root : new boolean[] {false, true}) {
            add(root ? "childLogits of the root" : "childLogits", (b, in, r, c) -> {
                int width = 12, tableRows = 29;
                SoftmaxMask mask = mask(in, in.ints(-1, width, r), r, width);
                int edges = (int) mask.columns().shape().size();
                for (int i = 0; root && i < r; i++) mask.nodes().setInt(i, 0);
                if (!root && r > 2) mask.nodes().setInt(2, -1);
                Tensor logits = in.floats(r, width), state = in.floats(r, c), table = in.floats(tableRows, c);
                Tensor lists = in.ints(-1, tableRows, edges, 2), gain = in.floats(1), bias = in.floats(edges);
                b.childLogits(logits, state, table, lists, gain, bias, mask);
                for (int i = 0; i < r * width; i++) { // an infinity is compared with a number only by being one
                    if (logits.get(i) == Float.NEGATIVE_INFINITY) logits.set(i, -1e6f);
                }
                Tensor dstate = in.floats(r, c), dtable = in.floats(tableRows, c), dgain = in.floats(1);
                Tensor dbias = in.floats(edges), dlogits = in.floats(r, width), only = in.floats(r, c);
                b.childLogitsBackward(
                        dstate, dtable, dgain, dbias, dlogits, state, table, lists, gain, mask);
                b.childLogitsBackward(only, null, null, null, dlogits, state, table, lists, gain, mask);
                b.childLogitsBackward(null, dtable, null, null, dlogits, state, table, lists, gain, mask);
                return List.of(logits, dstate, dtable, dgain, dbias, only);
            });
        }
        add("rotary", (b, in, r, c) -> {
            int heads = 3, dim = 2 * c;
            Tensor x = in.floats(r, heads * dim + 5), positions = in.ints(0, 300, r);
            b.rotary(x, positions, heads * dim, dim, 10_000, false);
            Tensor y = in.floats(r, heads * dim);
            b.rotary(y, positions, 2 * dim, dim, 500, true);
            return List.of(x, y);
        });

        for (boolean causal : new boolean[] {false, true}) {
            for (boolean crossed : new boolean[] {false, true}) {
                for (float rate : new float[] {0, 0.25f}) {
                    String name = (crossed ? "cross-" : "") + "attention" + (causal ? " causal" : "");
                    if (causal && crossed) continue;
                    add(name + (rate > 0 ? " dropout" : ""), 300, 40, (b, in, tokens, dim) -> {
                        return attention(b, in, tokens, dim, causal, crossed, rate);
                    });
                }
            }
        }
        add("attention over long sequences", 900, 9, (b, in, tokens, dim) -> {
            return attention(b, in, tokens * 3, Math.min(dim, 13), true, false, 0.1f);
        });

        for (boolean prompted : new boolean[] {true, false}) {
            for (int depth : new int[] {0, 3}) {
                if (!prompted && depth == 0) continue;
                add("beamAttention " + (prompted ? "prompt " : "") + depth + " levels", 100, 16, (b, in, rows, dim) -> {
                    int heads = 2, width = heads * dim, tokens = 700;
                    Tensor out = in.floats(rows, width), q = in.floats(rows, width), bias = in.floats(heads, 41);
                    Tensor kv = prompted ? in.floats(tokens, 2 * width) : null, users = in.ints(0, 3, rows);
                    Tensor offsets = Tensor.of(in.arena, Shape.of(4), 3, 20, 50, tokens);
                    var levels = new ArrayList<Tensor>();
                    for (int l = 0; l < depth; l++) levels.add(in.floats(5 + l, 2 * width));
                    Tensor ancestors = in.ints(0, 5, rows, Math.max(1, depth));
                    b.beamAttention(out, q, kv, offsets, users, levels, ancestors, bias, heads, 0.3f);
                    return List.of(out);
                });
            }
        }

        add("crossEntropy", (b, in, r, c) -> {
            Tensor loss = in.floats(1), nll = in.floats(r), d = in.floats(r, c);
            Tensor logits = in.floats(r, c), targets = in.ints(-1, c, r), weights = in.positive(r);
            Tensor alone = in.floats(1), same = in.floats(r);
            b.crossEntropy(loss, nll, d, logits, targets, weights);
            b.crossEntropy(alone, same, null, logits, targets, weights);
            return List.of(loss, nll, d, alone, same);
        });
        for (boolean masked : new boolean[] {false, true}) {
            add(masked ? "logProbability of children" : "logProbability", (b, in, r, c) -> {
                Tensor logits = in.floats(r, c), targets = in.ints(-1, c, r), log = in.floats(r);
                Tensor lse = in.floats(r, 2), dlogits = in.floats(r, c), dlog = in.floats(r);
                SoftmaxMask mask = masked ? mask(in, targets, r, c) : null;
                b.logProbability(log, lse, logits, targets, mask, 0.7f);
                b.logProbabilityBackward(dlogits, dlog, lse, logits, targets, mask, 0.7f);
                return List.of(log, lse, dlogits);
            });
            for (int k : new int[] {1, 3, 50}) {
                add((masked ? "topMargin of children, k = " : "topMargin, k = ") + k, (b, in, r, c) -> {
                    Tensor logits = in.floats(r, c), targets = in.ints(-1, c, r), margin = in.floats(r);
                    for (int i = 0; i < r * c; i += 3) logits.set(i, i % 2 == 0 ? -.25f : i % 5 * .125f); // ties
                    for (int i = 0; i < r * c; i += 7) logits.set(i, i % 2 == 0 ? 0f : -0f);
                    for (int i = 0; i < r * c; i += 11) logits.set(i, i % 2 == 0 ? 1e-30f : -1e30f);
                    Tensor rivals = in.ints(-1, c, r), dlogits = in.floats(r, c), dmargin = in.floats(r);
                    SoftmaxMask mask = masked ? mask(in, targets, r, c) : null;
                    b.topMargin(margin, rivals, logits, targets, k, mask);
                    b.topMarginBackward(dlogits, dmargin, rivals, targets);
                    return List.of(margin, rivals, dlogits);
                });
            }
        }

        add("squaredNorm", (b, in, r, c) -> {
            Tensor sum = in.floats(3);
            b.squaredNorm(sum, 1, in.floats(r, c));
            return List.of(sum);
        });
        add("adamW", (b, in, r, c) -> {
            Tensor p = in.floats(r, c), m = in.floats(r, c), v = in.positive(r, c), g = in.floats(r, c);
            Tensor state = Tensor.of(in.arena, Shape.of(4), 0.01f, 1.7f, 3.1f, 0.5f);
            b.adamW(p, g, m, v, state, 0.9f, 0.999f, 1e-8f, 0.05f);
            return List.of(p, m, v, g);
        });
        add("nearest", (b, in, r, c) -> {
            Tensor codes = in.ints(0, 1, r), distances = in.floats(r), codebook = in.floats(37, c);
            for (int i = 0; i < c; i++) codebook.set(30L * c + i, codebook.get(4L * c + i)); // a tie
            b.nearest(codes, distances, in.floats(r, c), codebook);
            return List.of(codes, distances);
        });
    }

    private static List<Tensor> attention(
            Backend b, Inputs in, int tokens, int dim, boolean causal, boolean crossed, float rate) {
        int heads = 2, width = heads * dim, keys = crossed ? tokens + 7 : tokens, reach = 20;
        Tensor q = in.floats(tokens, width), kv = in.floats(keys, 2 * width), bias = in.floats(heads, 2 * reach - 1);
        Tensor queryOffsets = in.offsets(tokens, Math.max(3, tokens / 2));
        Tensor keyOffsets = crossed ? in.offsetsLike(queryOffsets, keys) : queryOffsets;
        Dropout dropout = rate > 0 ? in.dropout(rate) : null;
        float scale = (float) (1 / Math.sqrt(dim));
        var spec = new AttentionSpec(heads, dim, scale, causal, queryOffsets, keyOffsets, dropout);
        Tensor out = in.floats(tokens, width), lse = in.floats(tokens, heads), dout = in.floats(tokens, width);
        Tensor dq = in.floats(tokens, width), dkv = in.floats(keys, 2 * width), dbias = in.floats(heads, 2 * reach - 1);
        b.attention(out, lse, q, kv, bias, spec);
        b.attentionBackward(dq, dkv, dbias, dout, out, lse, q, kv, bias, spec);
        Tensor plain = in.floats(tokens, width), plainLse = in.floats(tokens, heads);
        b.attention(plain, plainLse, q, kv, null, spec);
        b.attentionBackward(dq, null, null, dout, plain, plainLse, q, kv, null, spec);
        b.attentionBackward(null, dkv, null, dout, plain, plainLse, q, kv, null, spec);
        return List.of(out, lse, dq, dkv, dbias, plain, plainLse);
    }

    /** Children of as many nodes as rows, always with the target among them. */
    private static SoftmaxMask mask(Inputs in, Tensor targets, int rows, int columns) {
        int[] offsets = new int[rows + 1], nodes = new int[rows];
        var children = new ArrayList<Integer>();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                if (c == Math.max(0, targets.getInt(r)) || in.random.nextInt(3) == 0) children.add(c);
            }
            offsets[r + 1] = children.size();
            nodes[r] = r;
        }
        int[] list = children.stream().mapToInt(i -> i).toArray();
        return new SoftmaxMask(
                Tensor.of(in.arena, Shape.of(rows), nodes),
                Tensor.of(in.arena, Shape.of(rows + 1), offsets),
                Tensor.of(in.arena, Shape.of(list.length), list));
    }

    @TestFactory
    Stream<DynamicTest> agreesWithTheReference() {
        return CASES.stream().map(c -> DynamicTest.dynamicTest(c.name, () -> {
            for (int rows : ROWS) {
                for (int columns : COLUMNS) {
                    float[] expected = c.run(SCALAR, rows, columns), actual = c.run(VECTOR, rows, columns);
                    assertThat(actual).hasSameSizeAs(expected);
                    for (int i = 0; i < expected.length; i++) {
                        float tolerance = 2e-5f * (1 + Math.abs(expected[i]));
                        assertThat(actual[i])
                                .as("%s (%d, %d) element %d", c.name, rows, columns, i)
                                .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(tolerance));
                    }
                }
            }
        }));
    }

    @TestFactory
    Stream<DynamicTest> hasTheSameBitsWhateverTheThreads() {
        return CASES.stream().map(c -> DynamicTest.dynamicTest(c.name, () -> {
            int[] first = bits(c);
            assertThat(bits(c)).as("again").isEqualTo(first);
            Parallel.limited(1, () -> assertThat(bits(c)).as("with one thread").isEqualTo(first));
        }));
    }

    /** Sizes at which one thread shares out columns and two share out rows, with k in several blocks. */
    @Test
    void productsHaveTheSameBitsWhicheverWayTheyTake() {
        try (Arena arena = Arena.ofConfined()) {
            int m = 300, k = 600, n = 220;
            for (boolean[] form : new boolean[][] {{false, false}, {false, true}, {true, false}}) {
                Tensor a = random(arena, form[0] ? k : m, form[0] ? m : k);
                Tensor b = random(arena, form[1] ? n : k, form[1] ? k : n);
                Tensor two = random(arena, m, n), one = Tensor.zeros(arena, two.shape());
                VECTOR.accumulate(one, 1, two);
                VECTOR.matmul(two, a, form[0], b, form[1], true);
                Parallel.limited(1, () -> VECTOR.matmul(one, a, form[0], b, form[1], true));
                assertThat(one.toArray()).isEqualTo(two.toArray());
                assertThat(one.toArray()).isNotEqualTo(new float[m * n]);
            }
        }
    }

    /** A row of a product does not depend on the rows beside it, on the threads, or on whether the weights were packed. */
    @Test
    void aRowOfAProductHasTheSameBitsAloneAndAmongOthersPackedAndNot() {
        try (Arena arena = Arena.ofShared()) {
            for (int[] size : new int[][] {{256, 256}, {13, 1}, {300, 1}, {64, 70}, {600, 33}, {7, 96}, {513, 5}}) {
                int k = size[0], n = size[1];
                for (boolean tb : new boolean[] {false, true}) {
                    Tensor a = random(arena, 700, k), b = random(arena, tb ? n : k, tb ? k : n);
                    var constants = VECTOR.constants(List.of(b));
                    float[] all = product(arena, a, b, tb, n);
                    for (int m : new int[] {1, 2, 7, 8, 9, 60, 700}) {
                        float[] expected = Arrays.copyOf(all, m * n);
                        Tensor first = rows(arena, a, 0, m);
                        String what = "%d x %d x %d%s".formatted(m, n, k, tb ? ", b transposed" : "");
                        assertThat(product(arena, first, b, tb, n)).as(what).isEqualTo(expected);
                        Parallel.limited(1, () -> assertThat(product(arena, first, b, tb, n))
                                .as(what + ", one thread")
                                .isEqualTo(expected));
                        constants.during(() -> assertThat(product(arena, first, b, tb, n))
                                .as(what + ", packed")
                                .isEqualTo(expected));
                    }
                }
            }
        }
    }

    private static float[] product(Arena arena, Tensor a, Tensor b, boolean transposed, int n) {
        Tensor c = Tensor.zeros(arena, Shape.of(a.shape().rows(), n));
        VECTOR.matmul(c, a, false, b, transposed, false);
        return c.toArray();
    }

    private static Tensor random(Arena arena, int rows, int columns) {
        var random = new java.util.Random(rows);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) values[i] = (float) random.nextGaussian();
        return Tensor.of(arena, Shape.of(rows, columns), values);
    }

    /** A batch that lies in memory is read ahead, its sequences alone are not. */
    @Test
    void attentionOfALargeBatchHasTheBitsOfItsSequences() {
        int heads = 2, dim = 32, width = heads * dim, sequences = 60, length = 400;
        try (Arena arena = Arena.ofConfined()) {
            int[] offsets = new int[sequences + 1];
            for (int s = 0; s <= sequences; s++) offsets[s] = s * length;
            Tensor q = random(arena, sequences * length, width), kv = random(arena, sequences * length, 2 * width);
            Tensor dout = random(arena, sequences * length, width);
            int[] whole = attended(arena, q, kv, dout, Tensor.of(arena, Shape.of(sequences + 1), offsets));
            assertThat(4 * (q.shape().size() + kv.shape().size())).isGreaterThan(16L << 20);
            int s = 37;
            Tensor two = Tensor.of(arena, Shape.of(2), new int[] {0, length});
            int[] alone = attended(
                    arena, rows(arena, q, s * length, length), rows(arena, kv, s * length, length),
                    rows(arena, dout, s * length, length), two);
            int part = length * width, all = part * sequences;
            for (int[] at : new int[][] {{s * part, 0, part}, {all + s * part, part, part},
                {2 * all + 2 * s * part, 2 * part, 2 * part}}) {
                assertThat(Arrays.copyOfRange(whole, at[0], at[0] + at[2]))
                        .isEqualTo(Arrays.copyOfRange(alone, at[1], at[1] + at[2]));
            }
        }
    }

    /** The bits of causal attention and of its gradients for q and kv. */
    private static int[] attended(Arena arena, Tensor q, Tensor kv, Tensor dout, Tensor offsets) {
        var spec = new AttentionSpec(2, 32, .2f, true, offsets, offsets, null);
        Tensor out = Tensor.zeros(arena, q.shape()), lse = Tensor.zeros(arena, Shape.of(q.shape().rows(), 2));
        Tensor dq = Tensor.zeros(arena, q.shape()), dkv = Tensor.zeros(arena, kv.shape());
        VECTOR.attention(out, lse, q, kv, null, spec);
        VECTOR.attentionBackward(dq, null, null, dout, out, lse, q, kv, null, spec); // one after the other, too
        VECTOR.attentionBackward(null, dkv, null, dout, out, lse, q, kv, null, spec);
        return Stream.of(out, dq, dkv)
                .flatMapToInt(t -> IntStream.range(0, (int) t.shape().size())
                        .map(i -> Float.floatToRawIntBits(t.get(i))))
                .toArray();
    }

    private static Tensor rows(Arena arena, Tensor t, int from, int rows) {
        int columns = t.shape().dim(-1);
        float[] part = Arrays.copyOfRange(t.toArray(), from * columns, (from + rows) * columns);
        return Tensor.of(arena, Shape.of(rows, columns), part);
    }

    /** Neither a loss nor its gradient depends on what all logits of a row have in common, however large. */
    @Test
    void largeLogitsLoseNoDigits() {
        float by = 1 / .125f;
        for (Backend b : List.of(SCALAR, VECTOR)) {
            try (Arena arena = Arena.ofConfined()) {
                for (float c : new float[] {0, 1e4f, -1e4f, 1e6f, -3e7f}) {
                    Tensor logits = Tensor.of(arena, Shape.of(1, 3), c, c, c - 64),
                            target = Tensor.of(arena, Shape.of(1), 1);
                    Tensor one = Tensor.of(arena, Shape.of(1), 1f), loss = Tensor.zeros(arena, Shape.of(1));
                    Tensor value = Tensor.zeros(arena, Shape.of(1)), kept = Tensor.zeros(arena, Shape.of(1, 2));
                    Tensor d = Tensor.zeros(arena, Shape.of(1, 3));
                    b.crossEntropy(loss, value, d, logits, target, one);
                    assertThat(value.get(0)).as("%s, %s", b.name(), c).isCloseTo((float) Math.log(2), within(1e-6f));
                    assertThat(d.toArray()).containsExactly(new float[] {.5f, -.5f, 0}, within(1e-6f));
                    Tensor half = Tensor.of(arena, Shape.of(1, 3), c, c, c - 64 / by),
                            slope = Tensor.zeros(arena, d.shape());
                    b.logProbability(value, kept, half, target, null, 1 / by);
                    assertThat(value.get(0)).as("%s, %s", b.name(), c).isCloseTo((float) -Math.log(2), within(1e-6f));
                    b.logProbabilityBackward(slope, one, kept, half, target, null, 1 / by);
                    if (Math.abs(c) < 1e5f) { // beyond, a float cannot tell c from what is 8 less
                        assertThat(slope.toArray())
                                .containsExactly(new float[] {-.5f * by, .5f * by, 0}, within(1e-5f));
                    }
                }
            }
        }
    }

    /** Kernels work on addresses: a number that is too large would read, or write, whatever lies there. */
    @Test
    void numbersOfRowsThatAreNotThereAreRefused() {
        for (Backend b : List.of(SCALAR, VECTOR)) {
            try (Arena arena = Arena.ofShared()) {
                Tensor table = random(arena, 10, 20), y = random(arena, 3, 20), one = random(arena, 1, 1);
                Tensor rows = Tensor.of(arena, Shape.of(3), 2, 10, 0);
                refused(b, () -> b.gather(y, table, rows));
                refused(b, () -> b.gatherBackward(table, y, rows));
                Tensor targets = Tensor.of(arena, Shape.of(3), 2, 20, 0), each = random(arena, 3, 1);
                Tensor slope = random(arena, 3, 20), kept = random(arena, 3, 2),
                        rivals = Tensor.zeros(arena, Shape.of(3), DType.I32);
                refused(b, () -> b.crossEntropy(one, each, slope, y, targets, each));
                refused(b, () -> b.logProbability(each, kept, y, targets, null, 1));
                refused(b, () -> b.logProbabilityBackward(slope, each, kept, y, targets, null, 1));
                refused(b, () -> b.topMargin(each, rivals, y, targets, 3, null));
                refused(b, () -> b.topMarginBackward(slope, each, rivals, targets));
                Tensor two = Tensor.of(arena, Shape.of(2), 0, 3), beyond = Tensor.of(arena, Shape.of(2), 0, 7);
                Tensor kv = random(arena, 5, 40), user = Tensor.of(arena, Shape.of(3), 0, 0, 1),
                        lse = random(arena, 3, 1);
                var spec = new AttentionSpec(1, 20, 1, false, two, beyond, null);
                refused(b, () -> b.attention(slope, lse, y, kv, null, spec));
                refused(b, () -> b.beamAttention(slope, y, kv, two, user, List.of(), null, null, 1, 1));
                refused(b, () -> b.beamAttention(slope, y, kv, beyond, rivals, List.of(), null, null, 1, 1));
                Tensor ancestors = Tensor.of(arena, Shape.of(3, 1), 0, 5, 0);
                refused(b, () -> b.beamAttention(slope, y, kv, two, rivals, List.of(kv), ancestors, null, 1, 1));
            }
        }
    }

    @Test
    void theNameTellsTheWidthOfTheVectors() {
        String expected = VECTOR instanceof VectorBackend ? "vector-" + Lanes.F.vectorBitSize() : "scalar";
        assertThat(VECTOR.name()).isEqualTo(expected);
        assertThat(Backends.named(expected.replaceAll("-.*", "")).name()).isEqualTo(expected);
    }

    private static void refused(Backend b, ThrowingCallable call) {
        assertThatThrownBy(call).as(b.name()).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void memoryThatWasFreedIsRefused() {
        for (Backend b : List.of(SCALAR, VECTOR)) {
            Tensor freed, y = Tensor.zeros(Arena.ofAuto(), Shape.of(3, 20));
            try (Arena arena = Arena.ofShared()) {
                freed = random(arena, 3, 20);
            }
            assertThatThrownBy(() -> b.add(y, y, freed)).as(b.name()).isInstanceOf(IllegalStateException.class);
        }
    }

    /** A network that has gone astray must say so, and not go on with a zero. */
    @Test
    void whatIsNoNumberStaysNone() {
        for (Backend b : List.of(SCALAR, VECTOR)) {
            try (Arena arena = Arena.ofConfined()) {
                Tensor x = Tensor.of(arena, Shape.of(1, 4), 1, Float.NaN, 0, -2), y = Tensor.zeros(arena, x.shape());
                b.relu(y, x);
                assertThat(y.toArray()).as(b.name()).containsExactly(1, Float.NaN, 0, 0);
                Tensor loss = Tensor.zeros(arena, Shape.of(1)), nll = Tensor.zeros(arena, Shape.of(1));
                Tensor target = Tensor.of(arena, Shape.of(1), 0), one = Tensor.of(arena, Shape.of(1), 1f);
                b.crossEntropy(loss, nll, y, x, target, one);
                assertThat(loss.get(0)).as(b.name()).isNaN();
                assertThat(y.get(0)).as(b.name()).isNaN();
                Tensor q = Tensor.of(arena, Shape.of(1, 2), 1f, 1f), out = Tensor.zeros(arena, q.shape());
                Tensor kv = Tensor.of(arena, Shape.of(2, 4), 1f, Float.NaN, 3f, 3f, 1f, 2f, 3f, 3f);
                Tensor lse = Tensor.zeros(arena, Shape.of(1, 1));
                var spec = new AttentionSpec(
                        1, 2, 1, false, Tensor.of(arena, Shape.of(2), 0, 1), Tensor.of(arena, Shape.of(2), 0, 2), null);
                b.attention(out, lse, q, kv, null, spec);
                assertThat(out.get(0)).as(b.name()).isNaN();
                Tensor prompt = Tensor.of(arena, Shape.of(2), 0, 2), none = Tensor.of(arena, Shape.of(2), 0, 0);
                Tensor user = Tensor.of(arena, Shape.of(1), 0);
                b.beamAttention(out, q, kv, prompt, user, List.of(), null, null, 1, 1);
                assertThat(out.get(0)).as(b.name()).isNaN();
                b.beamAttention(out, q, kv, none, user, List.of(), null, null, 1, 1); // but a row without keys has zeros
                assertThat(out.toArray()).as(b.name()).containsExactly(0, 0);
            }
        }
    }

    /** The first rounds are interpreted, the last ones compiled by C2. */
    @Test
    void reductionsKeepTheirBitsWhileTheyAreCompiled() {
        for (Case c : CASES) {
            if (!List
                    .of("matmul NT depth 300", "rmsNorm", "layerNorm", "crossEntropy", "squaredNorm",
                            "attention dropout", "causalFilter", "childLogits")
                    .contains(c.name))
                continue;
            int[] first = bits(c, 40, 67);
            for (int i = 0; i < 50; i++) assertThat(bits(c, 40, 67)).as("%s, time %d", c.name, i).isEqualTo(first);
        }
    }

    private static int[] bits(Case c) {
        return bits(c, c.manyRows, c.manyColumns);
    }

    private static int[] bits(Case c, int rows, int columns) {
        float[] values = c.run(VECTOR, rows, columns);
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) bits[i] = Float.floatToRawIntBits(values[i]);
        return bits;
    }
}
