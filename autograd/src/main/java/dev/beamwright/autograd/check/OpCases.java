package dev.beamwright.autograd.check;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.OpCase.Instance;
import dev.beamwright.autograd.check.OpCase.Operands;
import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.util.List;

/** All differentiable operations, each with operands of a chosen size. */
public final class OpCases {
    private OpCases() {}

    /** Every operation of {@link Ops}. */
    public static List<OpCase> all() {
        return List.of(
                new OpCase("linear", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n), w = o.uniform(n + 2, n);
                    return new Instance(List.of(x, w), t -> Ops.linear(t, x, w));
                }),
                new OpCase("addBias", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n), b = o.uniform(n);
                    return new Instance(List.of(x, b), t -> Ops.addBias(t, x, b));
                }),
                new OpCase("add", (o, n) -> {
                    Variable a = o.uniform(o.rows(), n), b = o.uniform(o.rows(), n);
                    return new Instance(List.of(a, b), t -> Ops.add(t, a, b));
                }),
                new OpCase("multiply", (o, n) -> {
                    Variable a = o.uniform(o.rows(), n), b = o.uniform(o.rows(), n);
                    return new Instance(List.of(a, b), t -> Ops.multiply(t, a, b));
                }),
                new OpCase("scale", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n);
                    return new Instance(List.of(x), t -> Ops.scale(t, x, -2.5f));
                }),
                new OpCase("reshape", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n);
                    return new Instance(List.of(x), t -> Ops.reshape(t, x, n * o.rows()));
                }),
                new OpCase("relu", (o, n) -> {
                    Variable x = awayFromZero(o, n);
                    return new Instance(List.of(x), t -> Ops.relu(t, x));
                }),
                new OpCase("gelu", (o, n) -> {
                    Variable x = o.uniformBetween(-3, 3, o.rows(), n);
                    return new Instance(List.of(x), t -> Ops.gelu(t, x));
                }),
                new OpCase("swiGlu", (o, n) -> {
                    Variable x = o.uniformBetween(-3, 3, o.rows(), 2 * n);
                    return new Instance(List.of(x), t -> Ops.swiGlu(t, x));
                }),
                new OpCase("dropout", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n);
                    Dropout dropout = o.dropout(.3f);
                    return new Instance(List.of(x), t -> Ops.dropout(t, x, dropout));
                }),
                new OpCase("addDropout", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n), branch = o.uniform(o.rows(), n);
                    Dropout dropout = o.dropout(.3f);
                    return new Instance(List.of(x, branch), t -> Ops.addDropout(t, x, branch, dropout));
                }),
                new OpCase("reluDropout", (o, n) -> {
                    Variable x = awayFromZero(o, n);
                    Variable zero = Variable.constant(o.numbers(o.rows() * n).reshape(o.rows(), n));
                    for (int i = 0; i < x.size(); i++) zero.value().set(i, 0);
                    Dropout dropout = o.dropout(.3f);
                    return new Instance(List.of(x), t -> Ops.reluDropout(t, Ops.add(t, x, zero), dropout));
                }),
                new OpCase("sharedResults", (o, n) -> { // gradients that are taken over, put and added to
                    Variable a = o.uniform(o.rows(), n), w = o.uniform(n, n);
                    Dropout dropout = o.dropout(.3f);
                    return new Instance(List.of(a, w), t -> {
                        Variable x = Ops.linear(t, a, w), y = Ops.add(t, x, x);
                        Variable z = Ops.addDropout(t, y, Ops.linear(t, y, w), dropout);
                        return Ops.add(t, Ops.add(t, z, x), Ops.multiply(t, z, y));
                    });
                }),
                new OpCase("rmsNorm", (o, n) -> {
                    Variable x = o.uniformBetween(.2, 1.5, o.rows(), n), w = o.uniform(n);
                    return new Instance(List.of(x, w), t -> Ops.rmsNorm(t, x, w, 1e-2f));
                }),
                new OpCase("layerNorm", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n), w = o.uniform(n), b = o.uniform(n);
                    return new Instance(List.of(x, w, b), t -> Ops.layerNorm(t, x, w, b, .1f));
                }),
                new OpCase("gather", (o, n) -> {
                    Variable table = o.uniform(o.rows(5), n);
                    Tensor rows = o.below(o.rows(5), o.rows(), true);
                    return new Instance(List.of(table), t -> Ops.gather(t, table, rows));
                }),
                new OpCase("gatherSum", (o, n) -> {
                    Variable table = o.uniform(o.rows(5), n);
                    Tensor rows = o.below(o.rows(5), o.rows() * 3, true).reshape(o.rows(), 3);
                    return new Instance(List.of(table), t -> Ops.gather(t, table, rows));
                }),
                new OpCase("gatherLists", (o, n) -> {
                    Variable table = o.uniform(o.rows(5), n);
                    Tensor lists = o.below(o.rows(5), o.rows(4) * 3, true).reshape(o.rows(4), 3);
                    Tensor ids = o.below(o.rows(4), o.rows(), true);
                    return new Instance(List.of(table), t -> Ops.gatherLists(t, table, lists, ids));
                }),
                new OpCase("causalFilter", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n), taps = o.uniform(3, n);
                    Tensor offsets = o.offsets(0, 4, 5, 10);
                    return new Instance(List.of(x, taps), t -> Ops.causalFilter(t, x, taps, offsets));
                }),
                new OpCase("childLogits", OpCases::childLogits),
                new OpCase("childLogitsOfRoot", (o, n) -> {
                    int edges = 6;
                    Variable state = o.uniform(o.rows(), n), table = o.uniform(9, n);
                    Variable gain = o.uniform(1), bias = o.uniform(edges);
                    Tensor lists = o.below(9, edges * 2, true).reshape(edges, 2);
                    var mask = new SoftmaxMask(
                            o.ints(new int[o.rows()]), o.ints(0, edges), o.ints(0, 1, 2, 3, 4, 5));
                    return new Instance(
                            List.of(state, table, gain, bias),
                            t -> Ops.childLogits(t, state, table, lists, gain, bias, mask, edges));
                }),
                new OpCase("rotary", (o, n) -> {
                    Variable x = o.uniform(o.rows(), 6 * n), one = o.uniform(o.rows(), 6 * n);
                    Tensor positions = o.below(300, o.rows(), false);
                    return new Instance(
                            List.of(x), t -> Ops.rotary(t, Ops.add(t, x, one), positions, 4 * n, 2 * n, 10_000f));
                }),
                attention("attentionCausal", true, false, false),
                attention("attentionBias", true, true, false),
                attention("attentionCross", false, false, false),
                attention("attentionCrossBias", false, true, false),
                attention("attentionDropout", true, true, true),
                new OpCase("joinedAttention", OpCases::joined),
                new OpCase("crossEntropy", (o, n) -> {
                    Variable logits = o.uniformBetween(-2, 2, o.rows(), n + 1);
                    Tensor targets = o.below(n + 1, o.rows(), true), weights = o.numbers(o.rows());
                    return new Instance(List.of(logits), t -> Ops.crossEntropy(t, logits, targets, weights)
                            .value());
                }),
                new OpCase("logProbability", (o, n) -> {
                    Variable logits = o.uniformBetween(-2, 2, o.rows(), n + 1);
                    Tensor targets = o.below(n + 1, o.rows(), true);
                    return new Instance(List.of(logits), t -> Ops.logProbability(t, logits, targets, null, 1.7f));
                }),
                new OpCase("logProbabilityMasked", OpCases::masked),
                new OpCase("squaredError", (o, n) -> {
                    Variable a = o.uniform(o.rows(), n), b = o.uniform(o.rows(), n);
                    return new Instance(List.of(a, b), t -> Ops.squaredError(t, a, b, .5f));
                }),
                new OpCase("topMargin", (o, n) -> {
                    Variable logits = distinct(o, n + 1);
                    Tensor targets = o.below(n + 1, o.rows(), true);
                    return new Instance(List.of(logits), t -> Ops.topMargin(t, logits, targets, 3, null));
                }),
                new OpCase("topMarginMasked", (o, n) -> {
                    Variable logits = distinct(o, n + 1);
                    Children c = children(o, n);
                    return new Instance(List.of(logits), t -> Ops.topMargin(t, logits, c.targets(), 3, c.mask()));
                }),
                new OpCase("computed", (o, n) -> {
                    Variable a = o.uniform(o.rows(), n), b = o.uniform(n);
                    return new Instance(List.of(a, b), t -> {
                        // Σ a² + Σ 3b
                        float[] da = a.value().toArray(), db = new float[n];
                        double value = 0;
                        for (int i = 0; i < da.length; i++) {
                            value += (double) da[i] * da[i];
                            da[i] *= 2;
                        }
                        for (int i = 0; i < n; i++) {
                            value += 3 * b.value().get(i);
                            db[i] = 3;
                        }
                        return Ops.computed(t, value, List.of(a, b), List.of(da, db));
                    });
                }),
                new OpCase("weightedSum", (o, n) -> {
                    Variable x = o.uniform(o.rows(), n);
                    Tensor weights = o.numbers(o.rows() * n);
                    return new Instance(List.of(x), t -> Ops.weightedSum(t, x, weights));
                }));
    }

    /** No value so near to the kink of max(x, 0) that a difference would step over it. */
    private static Variable awayFromZero(Operands o, int n) {
        Variable x = o.uniform(o.rows(), n);
        for (int i = 0; i < x.size(); i++) if (Math.abs(x.value().get(i)) < .1f) x.value().set(i, .3f);
        return x;
    }

    /** Three sequences, one of a single row, and a last row that belongs to none. */
    private static OpCase attention(String name, boolean causal, boolean withBias, boolean withDropout) {
        return new OpCase(name, (o, n) -> {
            int heads = 2;
            Tensor queries = o.offsets(0, 4, 5, 10);
            Tensor keys = causal ? queries : o.offsets(0, 1, 8, 10);
            Variable q = o.uniform(o.rows(), heads * n), kv = o.uniform(o.rows(causal ? 11 : 10), 2 * heads * n);
            Variable bias = withBias ? o.uniform(heads, 7) : null;
            var spec = new AttentionSpec(
                    heads,
                    n,
                    (float) (1 / Math.sqrt(n)),
                    causal,
                    queries,
                    keys,
                    withDropout ? o.dropout(.3f) : null);
            return new Instance(
                    withBias ? List.of(q, kv, bias) : List.of(q, kv), t -> Ops.attention(t, q, kv, bias, spec));
        });
    }

    /** Two groups of queries, each with keys of its own and keys it shares with another group. */
    private static Instance joined(Operands o, int n) {
        int heads = 2;
        float scale = (float) (1 / Math.sqrt(n));
        Variable q = o.uniform(o.rows(), heads * n), own = o.uniform(o.rows(), 2 * heads * n);
        Variable shared = o.uniform(o.rows(9), 2 * heads * n);
        Tensor branches = o.offsets(0, 3, 5, 6, 11), groups = o.offsets(0, 5, 11), keys = o.offsets(0, 2, 9);
        var ownSpec = new AttentionSpec(heads, n, scale, true, branches, branches, null);
        var sharedSpec = new AttentionSpec(heads, n, scale, false, groups, keys, null);
        return new Instance(
                List.of(q, own, shared), t -> Ops.joinedAttention(t, q, own, ownSpec, shared, sharedSpec));
    }

    /** Values so far apart that a small step does not change their order. */
    private static Variable distinct(Operands o, int columns) {
        Variable x = o.uniform(o.rows(), columns);
        for (int i = 0; i < x.size(); i++) x.value().set(i, .3f * (i * 37 % 211) + .1f * x.value().get(i));
        return x;
    }

    private static Instance masked(Operands o, int n) {
        Children c = children(o, n);
        Variable logits = o.uniformBetween(-2, 2, o.rows(), n + 1);
        return new Instance(List.of(logits), t -> Ops.logProbability(t, logits, c.targets(), c.mask(), .8f));
    }

    /** Under a softmax, since columns that are no children hold no numbers. */
    private static Instance childLogits(Operands o, int n) {
        Children c = children(o, n);
        int edges = (int) c.mask().columns().shape().size();
        Variable state = o.uniform(o.rows(), n), table = o.uniform(9, n), gain = o.uniform(1), bias = o.uniform(edges);
        Tensor lists = o.below(9, edges * 2, true).reshape(edges, 2);
        return new Instance(List.of(state, table, gain, bias), t -> {
            Variable logits = Ops.childLogits(t, state, table, lists, gain, bias, c.mask(), n + 1);
            return Ops.logProbability(t, logits, c.targets(), c.mask(), .8f);
        });
    }

    private record Children(SoftmaxMask mask, Tensor targets) {}

    /** Node 0 has every other column as a child, node 1 the last two (or all, of which there is one at least). */
    private static Children children(Operands o, int n) {
        int columns = n + 1, half = (columns + 1) / 2;
        int[] children = new int[half + 2];
        for (int i = 0; i < half; i++) children[i] = 2 * i;
        children[half] = columns - 2;
        children[half + 1] = columns - 1;
        int[] nodes = new int[o.rows()], targets = new int[o.rows()];
        for (int r = 0; r < o.rows(); r++) {
            nodes[r] = r % 2;
            targets[r] = r == 4 ? -1 : nodes[r] == 0 ? 2 * (r % half) : columns - 1 - r / 2 % 2;
        }
        var mask = new SoftmaxMask(o.ints(nodes), o.ints(0, half, half + 2), o.ints(children));
        return new Children(mask, o.ints(targets));
    }
}
