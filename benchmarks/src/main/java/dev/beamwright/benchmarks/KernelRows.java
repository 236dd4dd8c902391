package dev.beamwright.benchmarks;

import dev.beamwright.benchmarks.Lab.Work;
import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.benchmarks.Row.Contestant;
import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Single kernels: matrix products, attention, and the memory-bound ones. */
final class KernelRows {
    private KernelRows() {}

    static List<Row> all(boolean quick) {
        List<Row> rows = new ArrayList<>();
        gemm(rows, quick);
        attention(rows, quick);
        elements(rows, quick);
        return rows;
    }

    /** All of these. */
    @SafeVarargs
    static List<Contestant> join(List<Contestant>... parts) {
        List<Contestant> all = new ArrayList<>();
        for (List<Contestant> part : parts) all.addAll(part);
        return all;
    }

    static Tensor random(Lab lab, int... dims) {
        Tensor t = Tensor.zeros(lab.memory(), Shape.of(dims));
        Key key = Key.of(dims.length).fold(dims[0]);
        for (long i = 0, n = t.shape().size(); i < n; i++) t.set(i, (float) (key.uniform(i) * 2 - 1));
        return t;
    }

    static Tensor zeros(Lab lab, int... dims) {
        return Tensor.zeros(lab.memory(), Shape.of(dims));
    }

    // ---- matrix products

    private static final String[] FORMS = {"NN", "NT", "TN"};

    private static void gemm(List<Row> rows, boolean quick) {
        for (int n : quick ? new int[] {256} : new int[] {256, 512, 1024, 2048}) {
            for (String form : FORMS) rows.add(gemm(form, n, n, n, 0.95));
        }
        // The layers of a small transformer over so many tokens: forward NT, gradient of the input NN, of the weights TN.
        int tokens = quick ? 1024 : 20480;
        for (int[] layer : new int[][] {{128, 1024}, {1024, 128}, {128, 384}}) {
            int in = layer[0], out = layer[1];
            rows.add(gemm("NT", tokens, in, out, 1));
            rows.add(gemm("NN", tokens, out, in, 1));
            rows.add(gemm("TN", out, tokens, in, 1));
        }
        rows.add(gemm("NT", 256, 128, quick ? 1200 : 12000, 1));
    }

    private static Row gemm(String form, int m, int k, int n, double mkl) {
        boolean ta = form.charAt(0) == 'T', tb = form.charAt(1) == 'T';
        double flop = 2.0 * m * k * n;
        Work work = (backend, lab) -> {
            Tensor a = ta ? random(lab, k, m) : random(lab, m, k);
            Tensor b = tb ? random(lab, n, k) : random(lab, k, n), c = zeros(lab, m, n);
            return () -> backend.matmul(c, a, ta, b, tb, false);
        };
        String command = "gemm " + form + " " + m + " " + k + " " + n;
        return Row.of(
                "gemm", form + " " + m + "x" + k + "x" + n, flop, "FLOP/s", lab -> join(
                        lab.ours(work, flop < 1e8),
                        lab.peer(Peers.TORCH, "MKL", command),
                        lab.peer(Peers.OPEN_BLAS, "", command),
                        lab.peer(Peers.ND4J, "", command),
                        flop < 1e9 ? lab.peer(Peers.NETLIB, "", command) : List.of(), // it takes seconds beyond
                        lab.peak(flop)),
                new Goal(Peers.TORCH, mkl), new Goal(Peers.OPEN_BLAS, 1));
    }

    // ---- attention

    private static void attention(List<Row> rows, boolean quick) {
        int batch = quick ? 8 : 256;
        rows.add(attention("plain", batch, false, false));
        rows.add(attention("relative bias", batch, true, false));
        rows.add(attention("causal", batch, false, true));
    }

    private static Row attention(String name, int batch, boolean withBias, boolean causal) {
        int length = 80, heads = 6, dim = 64, tokens = batch * length;
        // Two products forward, five backward; a causal one needs half of each.
        double flop = 7 * 2.0 * batch * heads * length * length * dim * (causal ? 0.5 : 1);
        Work work = (backend, lab) -> {
            int[] offsets = new int[batch + 1];
            for (int s = 0; s <= batch; s++) offsets[s] = s * length;
            Tensor o = Tensor.of(lab.memory(), Shape.of(batch + 1), offsets);
            var spec = new AttentionSpec(heads, dim, 0.125f, causal, o, o, null);
            Tensor q = random(lab, tokens, heads * dim), kv = random(lab, tokens, 2 * heads * dim);
            Tensor dout = random(lab, tokens, heads * dim);
            Tensor out = zeros(lab, tokens, heads * dim), lse = zeros(lab, tokens, heads);
            Tensor dq = zeros(lab, tokens, heads * dim), dkv = zeros(lab, tokens, 2 * heads * dim);
            Tensor bias = withBias ? random(lab, heads, 2 * length - 1) : null;
            Tensor dbias = withBias ? zeros(lab, heads, 2 * length - 1) : null;
            return () -> {
                backend.attention(out, lse, q, kv, bias, spec);
                backend.attentionBackward(dq, dkv, dbias, dout, out, lse, q, kv, bias, spec);
            };
        };
        String command = "attention " + batch + " " + length + " " + heads + " " + dim + " bias=" + (withBias ? 1 : 0)
                + " causal=" + (causal ? 1 : 0);
        return Row.of(
                "attention", batch + " x 80, 6 heads x 64, " + name, flop, "FLOP/s", lab -> join(
                        lab.ours(work, false),
                        lab.peer(Peers.TORCH, "manual", command + " form=manual"),
                        lab.peer(Peers.TORCH, "SDPA", command + " form=sdpa"),
                        lab.peak(flop)),
                new Goal(Peers.TORCH, 1.5));
    }

    // ---- memory-bound kernels, forward and backward

    private static void elements(List<Row> rows, boolean quick) {
        int tokens = quick ? 1024 : 256 * 84;
        rows.add(rmsNorm(tokens, 128));
        rows.add(layerNorm(tokens, 128));
        rows.add(crossEntropy(quick ? 64 : 2048, 4096));
        rows.add(crossEntropy(quick ? 64 : 4096, 256));
        rows.add(dropout(1 << 20));
        if (!quick) rows.add(dropout(256 * 84 * 1024));
        rows.add(adamW(quick ? 100_000 : 4_800_000));
    }

    private static Row elements(String name, long n, Work work, String command, double goal) {
        return Row.of(
                "elements", name, n, "elements/s",
                lab -> join(lab.ours(work, n < 4e6), lab.peer(Peers.TORCH, "fused", command)),
                new Goal(Peers.TORCH, goal));
    }

    private static Row rmsNorm(int rows, int columns) {
        return elements("RMS norm " + rows + " x " + columns, (long) rows * columns, (backend, lab) -> {
            Tensor x = random(lab, rows, columns), w = random(lab, columns), dy = random(lab, rows, columns);
            Tensor y = zeros(lab, rows, columns), rstd = zeros(lab, rows);
            Tensor dx = zeros(lab, rows, columns), dw = zeros(lab, columns);
            return () -> {
                backend.rmsNorm(y, rstd, x, w, 1e-6f);
                backend.rmsNormBackward(dx, dw, dy, x, rstd, w);
            };
        }, "rms-norm " + rows + " " + columns, 1);
    }

    private static Row layerNorm(int rows, int columns) {
        return elements("layer norm " + rows + " x " + columns, (long) rows * columns, (backend, lab) -> {
            Tensor x = random(lab, rows, columns), w = random(lab, columns), b = random(lab, columns);
            Tensor dy = random(lab, rows, columns), y = zeros(lab, rows, columns);
            Tensor mean = zeros(lab, rows), rstd = zeros(lab, rows);
            Tensor dx = zeros(lab, rows, columns), dw = zeros(lab, columns), db = zeros(lab, columns);
            return () -> {
                backend.layerNorm(y, mean, rstd, x, w, b, 1e-5f);
                backend.layerNormBackward(dx, dw, db, dy, x, mean, rstd, w);
            };
        }, "layer-norm " + rows + " " + columns, 1);
    }

    private static Row crossEntropy(int rows, int columns) {
        return elements("softmax cross-entropy " + rows + " x " + columns, (long) rows * columns, (backend, lab) -> {
            Tensor logits = random(lab, rows, columns), dlogits = zeros(lab, rows, columns);
            Tensor loss = zeros(lab, 1), nll = zeros(lab, rows), weights = random(lab, rows);
            Tensor targets = Tensor.zeros(lab.memory(), Shape.of(rows), DType.I32);
            for (int i = 0; i < rows; i++) targets.setInt(i, i * 37 % columns);
            return () -> backend.crossEntropy(loss, nll, dlogits, logits, targets, weights);
        }, "cross-entropy " + rows + " " + columns, 1);
    }

    private static Row dropout(int n) {
        return elements("dropout " + String.format("%,d", n), n, (backend, lab) -> {
            Tensor x = random(lab, n), dy = random(lab, n), y = zeros(lab, n), dx = zeros(lab, n);
            var dropout = new Dropout(0.1f, Tensor.of(lab.memory(), Shape.of(2), 1, 2), 3);
            return () -> {
                backend.dropout(y, x, dropout);
                backend.dropoutBackward(dx, dy, dropout);
            };
        }, "dropout " + n, 10);
    }

    private static Row adamW(int n) {
        return elements("AdamW " + String.format("%,d", n), n, (backend, lab) -> {
            Tensor p = random(lab, n), g = random(lab, n), m = zeros(lab, n), v = zeros(lab, n);
            Tensor state = Tensor.of(lab.memory(), Shape.of(4), 1e-3f, 1.1f, 1.1f, 1f);
            return () -> backend.adamW(p, g, m, v, state, 0.9f, 0.999f, 1e-8f, 0.01f);
        }, "adamw " + n, 1);
    }
}
