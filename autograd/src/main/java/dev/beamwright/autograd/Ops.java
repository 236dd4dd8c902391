package dev.beamwright.autograd;

import static dev.beamwright.tensor.ShapeMismatch.unless;

import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The differentiable operations. Each one: check the shapes, allocate, call the kernel, record the way back. What a
 * lambda captures is what is saved. Letters in the shapes are those of {@link Backend}.
 */
public final class Ops {
    private Ops() {}

    /** {@code y = x · wᵀ}, for x (..., in) and w (out, in). */
    public static Variable linear(Tape tape, Variable x, Variable w) {
        unless(x.dim(-1) == w.dim(-1), "linear: x %s and w %s differ in their last dimension", x.shape(), w.shape());
        Backend b = tape.backend();
        Tensor y = tape.allocate(x.shape().withLast(w.shape().rows()));
        b.matmul(y, x.value(), false, w.value(), true, false);
        return tape.record(y, dy -> {
            x.grow((dx, add) -> b.matmul(dx, dy, false, w.value(), false, add));
            w.grow((dw, add) -> b.matmul(dw, dy, true, x.value(), false, add));
        });
    }

    /** {@code y = x + bias}, for x (..., C) and bias (C). */
    public static Variable addBias(Tape tape, Variable x, Variable bias) {
        unless(bias.size() == x.dim(-1), "addBias: bias %s is not as long as a row of x %s", bias.shape(), x.shape());
        Tensor y = tape.allocate(x.shape());
        tape.backend().addBias(y, x.value(), bias.value());
        return tape.record(y, dy -> {
            if (bias.grad() != null) tape.backend().addBiasBackward(bias.grad(), dy);
            tape.carry(dy, x);
        });
    }

    /** {@code y = a + b}. */
    public static Variable add(Tape tape, Variable a, Variable b) {
        unless(a.shape().equals(b.shape()), "add: a %s and b %s differ", a.shape(), b.shape());
        Tensor y = tape.allocate(a.shape());
        tape.backend().add(y, a.value(), b.value());
        return tape.record(y, dy -> {
            tape.carry(dy, a);
            tape.carry(dy, b);
        });
    }

    /** {@code y = a ⊙ b}. */
    public static Variable multiply(Tape tape, Variable a, Variable b) {
        unless(a.shape().equals(b.shape()), "multiply: a %s and b %s differ", a.shape(), b.shape());
        Tensor y = tape.allocate(a.shape());
        tape.backend().multiply(y, a.value(), b.value());
        return tape.record(y, dy -> tape.backend().multiplyBackward(a.grad(), b.grad(), dy, a.value(), b.value()));
    }

    /** The same elements under another shape; the memory is shared. */
    public static Variable reshape(Tape tape, Variable x, int... dims) {
        return tape.record(x.value().reshape(dims), dy -> tape.carry(dy.reshape(x.shape().toArray()), x));
    }

    /** {@code y = factor · x}. */
    public static Variable scale(Tape tape, Variable x, float factor) {
        Tensor y = tape.allocate(x.shape());
        tape.backend().fill(y, 0);
        tape.backend().accumulate(y, factor, x.value());
        return tape.record(y, dy -> {
            if (x.grad() != null) tape.backend().accumulate(x.grad(), factor, dy);
        });
    }

    /** {@code y = max(x, 0)}. */
    public static Variable relu(Tape tape, Variable x) {
        Tensor y = tape.allocate(x.shape());
        tape.backend().relu(y, x.value());
        return tape.record(y, dy -> {
            if (x.grad() != null) tape.backend().reluBackward(x.grad(), dy, y);
        });
    }

    /** {@code y = gelu(x)}, in the form with tanh. */
    public static Variable gelu(Tape tape, Variable x) {
        Tensor y = tape.allocate(x.shape());
        tape.backend().gelu(y, x.value());
        return tape.record(y, dy -> {
            if (x.grad() != null) tape.backend().geluBackward(x.grad(), dy, x.value());
        });
    }

    /** {@code y = silu(gate) ⊙ up}, for gateUp (..., 2C): gate in the first C columns, up in the others. */
    public static Variable swiGlu(Tape tape, Variable gateUp) {
        unless(gateUp.dim(-1) % 2 == 0, "swiGlu: gateUp %s has an odd number of columns", gateUp.shape());
        Tensor y = tape.allocate(gateUp.shape().withLast(gateUp.dim(-1) / 2));
        tape.backend().swiGlu(y, gateUp.value());
        return tape.record(y, dy -> {
            if (gateUp.grad() != null) tape.backend().swiGluBackward(gateUp.grad(), dy, gateUp.value());
        });
    }

    /** {@code y = x · keep / (1 - rate)}; x itself where the dropout is null, or on a tape that does not train. */
    public static Variable dropout(Tape tape, Variable x, Dropout dropout) {
        if (dropout == null || dropout.rate() == 0 || !tape.trains()) return x;
        Tensor y = tape.allocate(x.shape());
        tape.backend().dropout(y, x.value(), dropout);
        return tape.record(y, dy -> x.grow((dx, add) -> {
            if (add) tape.backend().dropoutBackward(dx, dy, dropout);
            else tape.backend().dropout(dx, dy, dropout);
        }));
    }

    /** {@code y = x + dropout(branch)}: what a part of a network adds to the residual stream. */
    public static Variable addDropout(Tape tape, Variable x, Variable branch, Dropout dropout) {
        if (dropout == null || dropout.rate() == 0 || !tape.trains()) return add(tape, x, branch);
        unless(x.shape().equals(branch.shape()), "addDropout: x %s and branch %s differ", x.shape(), branch.shape());
        Tensor y = tape.allocate(x.shape());
        tape.backend().addDropout(y, x.value(), branch.value(), dropout);
        return tape.record(y, dy -> {
            branch.grow((d, add) -> {
                if (add) tape.backend().dropoutBackward(d, dy, dropout);
                else tape.backend().dropout(d, dy, dropout);
            });
            tape.carry(dy, x);
        });
    }

    /** {@code y = dropout(max(x, 0))}, in place of x, whose value before is gone. */
    public static Variable reluDropout(Tape tape, Variable x, Dropout dropout) {
        boolean drops = dropout != null && dropout.rate() > 0 && tape.trains();
        Tensor y = x.value();
        if (drops) tape.backend().reluDropout(y, y, dropout);
        else tape.backend().relu(y, y);
        float scale = drops ? dropout.scale() : 1;
        return tape.record(
                y, dy -> x.grow((dx, add) -> tape.backend().reluDropoutBackward(dx, dy, y, scale, add)));
    }

    /** {@code y = x / rms(x) · weight}, over the last dimension (Zhang and Sennrich, 2019). */
    public static Variable rmsNorm(Tape tape, Variable x, Variable weight, float eps) {
        unless(weight.size() == x.dim(-1), "rmsNorm: weight %s is not as long as a row of x %s", weight.shape(),
                x.shape());
        Tensor y = tape.allocate(x.shape()), rstd = tape.allocate(Shape.of(x.shape().rows()));
        tape.backend().rmsNorm(y, rstd, x.value(), weight.value(), eps);
        return tape.record(
                y, dy -> tape.backend().rmsNormBackward(x.grad(), weight.grad(), dy, x.value(), rstd, weight.value()));
    }

    /** {@code y = (x - mean) / std · weight + bias}, over the last dimension (Ba, Kiros and Hinton, 2016). */
    public static Variable layerNorm(Tape tape, Variable x, Variable weight, Variable bias, float eps) {
        unless(
                weight.size() == x.dim(-1) && bias.size() == x.dim(-1),
                "layerNorm: weight %s and bias %s are not as long as a row of x %s",
                weight.shape(),
                bias.shape(),
                x.shape());
        Shape rows = Shape.of(x.shape().rows());
        Tensor y = tape.allocate(x.shape()), mean = tape.allocate(rows), rstd = tape.allocate(rows);
        tape.backend().layerNorm(y, mean, rstd, x.value(), weight.value(), bias.value(), eps);
        return tape.record(
                y,
                dy -> tape.backend()
                        .layerNormBackward(
                                x.grad(), weight.grad(), bias.grad(), dy, x.value(), mean, rstd, weight.value()));
    }

    /**
     * {@code y[n] = Σ_s table[rows[n, s]]}, for rows I32 (N) or (N, S): an embedding, a sum of code embeddings, or a
     * choice of rows. A negative row number adds nothing.
     */
    public static Variable gather(Tape tape, Variable table, Tensor rows) {
        Tensor y = tape.allocate(Shape.of(rows.shape().dim(0), table.dim(-1)));
        tape.backend().gather(y, table.value(), rows);
        return tape.record(y, dy -> {
            if (table.grad() != null) tape.backend().gatherBackward(table.grad(), dy, rows);
        });
    }

    /**
     * {@code y[n] = Σ_s table[lists[ids[n], s]]}, for lists I32 (M, S) and ids I32 (N): the sum of the rows that a list
     * names, for each of some lists. A negative id gives a row of zeros, a negative row number adds nothing.
     */
    public static Variable gatherLists(Tape tape, Variable table, Tensor lists, Tensor ids) {
        unless(lists.shape().rank() == 2, "gatherLists: lists %s are not (lists, rows of each)", lists.shape());
        Tensor y = tape.allocate(Shape.of((int) ids.shape().size(), table.dim(-1)));
        tape.backend().gatherLists(y, table.value(), lists, ids);
        return tape.record(y, dy -> {
            if (table.grad() != null) tape.backend().gatherListsBackward(table.grad(), dy, lists, ids);
        });
    }

    /**
     * {@code y[t] = Σ_k taps[k] ⊙ x[t - k]} within each sequence of a ragged batch: x (T, C), taps (K, C), offsets I32
     * (sequences + 1).
     */
    public static Variable causalFilter(Tape tape, Variable x, Variable taps, Tensor offsets) {
        unless(
                taps.shape().rank() == 2 && taps.dim(-1) == x.dim(-1),
                "causalFilter: taps %s are not (taps, columns of x %s)",
                taps.shape(),
                x.shape());
        Tensor y = tape.allocate(x.shape());
        tape.backend().causalFilter(y, x.value(), taps.value(), offsets);
        return tape.record(
                y,
                dy -> tape.backend().causalFilterBackward(x.grad(), taps.grad(), dy, x.value(), taps.value(), offsets));
    }

    /**
     * The logits of the children of each row's trie node, -∞ elsewhere; see {@link Backend#childLogits}: state (N, C),
     * table (R, C), lists I32 (edges, S), gain (1), bias (edges) → (N, width).
     *
     * @param width how many codes the level has
     */
    public static Variable childLogits(
            Tape tape,
            Variable state,
            Variable table,
            Tensor lists,
            Variable gain,
            Variable bias,
            SoftmaxMask mask,
            int width) {
        unless(
                state.dim(-1) == table.dim(-1) && mask.nodes().shape().size() == state.shape().rows(),
                "childLogits: %s nodes and the table %s do not fit the state %s",
                mask.nodes().shape(),
                table.shape(),
                state.shape());
        unless(
                lists.shape().rank() == 2 && gain.size() == 1 && lists.shape().dim(0) == bias.size()
                        && bias.size() == mask.columns().shape().size(),
                "childLogits: lists %s, gain %s and bias %s do not fit the edges %s",
                lists.shape(),
                gain.shape(),
                bias.shape(),
                mask.columns().shape());
        Backend b = tape.backend();
        Tensor y = tape.allocate(state.shape().withLast(width));
        b.childLogits(y, state.value(), table.value(), lists, gain.value(), bias.value(), mask);
        return tape.record(
                y,
                dy -> b.childLogitsBackward(
                        state.grad(), table.grad(), gain.grad(), bias.grad(), dy, state.value(), table.value(), lists,
                        gain.value(), mask));
    }

    /**
     * Rotary embedding of the first {@code columns} columns of x, in place: x is turned, its gradient is turned back
     * on the way back, and the value before is gone.
     */
    public static Variable rotary(Tape tape, Variable x, Tensor positions, int columns, int headDim, float theta) {
        unless(
                columns % headDim == 0 && headDim % 2 == 0 && columns <= x.dim(-1),
                "rotary: %s columns in heads of %s do not fit x %s",
                columns,
                headDim,
                x.shape());
        unless(
                positions.shape().size() == x.shape().rows(),
                "rotary: %s positions for the rows of x %s",
                positions.shape(),
                x.shape());
        tape.backend().rotary(x.value(), positions, columns, headDim, theta, false);
        tape.recordInPlace(() -> tape.backend().rotary(x.grad(), positions, columns, headDim, theta, true));
        return x;
    }

    /**
     * Attention over a ragged batch, see {@link Backend#attention}: q (Tq, H·D), kv (Tk, 2·H·D), bias (H, 2R-1) or
     * null.
     */
    public static Variable attention(Tape tape, Variable q, Variable kv, Variable bias, AttentionSpec spec) {
        int width = spec.heads() * spec.headDim();
        unless(
                q.dim(-1) == width && kv.dim(-1) == 2 * width,
                "attention: q %s and kv %s do not hold %s heads of %s columns",
                q.shape(),
                kv.shape(),
                spec.heads(),
                spec.headDim());
        unless(
                bias == null || (bias.dim(0) == spec.heads() && bias.dim(-1) % 2 == 1),
                "attention: bias %s is not (heads %s, odd number of distances)",
                bias == null ? "" : bias.shape(),
                spec.heads());
        AttentionSpec used = tape.trains() ? spec : withoutDropout(spec);
        Tensor out = tape.allocate(q.shape()), lse = tape.allocate(Shape.of(q.shape().rows(), spec.heads()));
        Tensor biasValue = bias == null ? null : bias.value();
        tape.backend().attention(out, lse, q.value(), kv.value(), biasValue, used);
        return tape.record(
                out,
                dout -> tape.backend()
                        .attentionBackward(
                                q.grad(),
                                kv.grad(),
                                bias == null ? null : bias.grad(),
                                dout,
                                out,
                                lse,
                                q.value(),
                                kv.value(),
                                biasValue,
                                used));
    }

    /**
     * Attention of the same queries to keys that stand in two places, as if they stood in one: the softmax runs over
     * both. Every query row must have at least one key in each. q (Tq, H·D), kv (Tk, 2·H·D), otherKv (Tk', 2·H·D).
     */
    public static Variable joinedAttention(
            Tape tape, Variable q, Variable kv, AttentionSpec spec, Variable otherKv, AttentionSpec otherSpec) {
        int width = spec.heads() * spec.headDim();
        unless(
                q.dim(-1) == width && kv.dim(-1) == 2 * width && otherKv.dim(-1) == 2 * width,
                "joinedAttention: q %s, kv %s and otherKv %s do not hold %s heads of %s columns",
                q.shape(),
                kv.shape(),
                otherKv.shape(),
                spec.heads(),
                spec.headDim());
        Backend b = tape.backend();
        AttentionSpec used = tape.trains() ? spec : withoutDropout(spec);
        AttentionSpec otherUsed = tape.trains() ? otherSpec : withoutDropout(otherSpec);
        Shape perHead = Shape.of(q.shape().rows(), spec.heads());
        Tensor out = tape.allocate(q.shape()), lse = tape.allocate(perHead);
        Tensor otherOut = tape.allocate(q.shape()), otherLse = tape.allocate(perHead);
        b.attention(out, lse, q.value(), kv.value(), null, used);
        b.attention(otherOut, otherLse, q.value(), otherKv.value(), null, otherUsed);
        b.joinAttention(out, lse, otherOut, otherLse);
        return tape.record(out, dout -> {
            b.attentionBackward(q.grad(), kv.grad(), null, dout, out, lse, q.value(), kv.value(), null, used);
            b.attentionBackward(
                    q.grad(), otherKv.grad(), null, dout, out, lse, q.value(), otherKv.value(), null, otherUsed);
        });
    }

    private static AttentionSpec withoutDropout(AttentionSpec s) {
        return new AttentionSpec(
                s.heads(), s.headDim(), s.scale(), s.causal(), s.queryOffsets(), s.keyOffsets(), null);
    }

    /** A loss and what it was made of. */
    public record Loss(Variable value, Tensor nll) {}

    /**
     * {@code Σ_n weights[n] · nll[n]} with {@code nll[n] = -log softmax(logits[n])[targets[n]]}; fused: the gradient of
     * the logits is computed on the way forth.
     *
     * @return the loss (1) and the nll of each row
     */
    public static Loss crossEntropy(Tape tape, Variable logits, Tensor targets, Tensor weights) {
        int rows = logits.shape().rows();
        unless(
                targets.shape().size() == rows && weights.shape().size() == rows,
                "crossEntropy: %s targets and %s weights for the rows of logits %s",
                targets.shape(),
                weights.shape(),
                logits.shape());
        Tensor loss = tape.allocate(Shape.of(1)), nll = tape.allocate(Shape.of(rows));
        Tensor gradient = tape.trains() ? tape.gradient(logits.shape()) : null;
        tape.backend().crossEntropy(loss, nll, gradient, logits.value(), targets, weights);
        return new Loss(
                tape.record(loss, dy -> {
                    tape.backend().scale(gradient, dy); // as the loss was scaled afterwards
                    tape.carry(gradient, logits);
                }),
                nll);
    }

    /**
     * {@code y[n] = log softmax(logits[n] / temperature)[targets[n]]}, over all columns or, with a mask, over the
     * children of a node of the item trie.
     */
    public static Variable logProbability(
            Tape tape, Variable logits, Tensor targets, SoftmaxMask mask, float temperature) {
        int rows = logits.shape().rows();
        unless(
                targets.shape().size() == rows && (mask == null || mask.nodes().shape().size() == rows),
                "logProbability: %s targets and %s nodes for the rows of logits %s",
                targets.shape(),
                mask == null ? "no" : mask.nodes().shape(),
                logits.shape());
        Tensor y = tape.allocate(Shape.of(rows)), denominator = tape.allocate(Shape.of(rows, 2));
        tape.backend().logProbability(y, denominator, logits.value(), targets, mask, temperature);
        return tape.record(y, dy -> {
            if (logits.grad() != null) {
                tape.backend()
                        .logProbabilityBackward(
                                logits.grad(), dy, denominator, logits.value(), targets, mask, temperature);
            }
        });
    }

    /** {@code weight · Σ_i (a[i] - b[i])²}, a loss of one element. */
    public static Variable squaredError(Tape tape, Variable a, Variable b, float weight) {
        unless(a.shape().equals(b.shape()), "squaredError: a %s and b %s differ", a.shape(), b.shape());
        Backend backend = tape.backend();
        Tensor difference = tape.allocate(Shape.of(1, (int) a.size())), y = tape.allocate(Shape.of(1));
        backend.fill(difference, 0);
        backend.accumulate(difference, 1, a.value());
        backend.accumulate(difference, -1, b.value());
        backend.matmul(y, difference, false, difference, true, false);
        y.set(0, weight * y.get(0));
        return tape.record(y, dy -> {
            float d = 2 * weight * dy.get(0);
            if (a.grad() != null) backend.accumulate(a.grad(), d, difference);
            if (b.grad() != null) backend.accumulate(b.grad(), -d, difference);
        });
    }

    /** {@code Σ_i weights[i] · x[i]}, a loss of one element; the weights are constants. */
    public static Variable weightedSum(Tape tape, Variable x, Tensor weights) {
        unless(
                x.size() == weights.shape().size(),
                "weightedSum: x %s and weights %s differ in size",
                x.shape(),
                weights.shape());
        Tensor y = tape.allocate(Shape.of(1));
        Tensor flat = x.value().reshape(1, (int) x.size()), w = weights.reshape(1, (int) x.size());
        tape.backend().matmul(y, flat, false, w, true, false);
        return tape.record(y, dy -> {
            if (x.grad() != null) tape.backend().accumulate(x.grad(), dy, weights.reshape(x.shape().toArray()));
        });
    }

    /**
     * How far each row's target is from the k best: {@code y[n]} is the k-th largest logit of the row less the logit of
     * its target, over all columns or those of the mask; see {@link Backend#topMargin}. Its gradient pushes the k-th
     * logit and the target's apart or together.
     */
    public static Variable topMargin(Tape tape, Variable logits, Tensor targets, int k, SoftmaxMask mask) {
        int rows = logits.shape().rows();
        unless(
                k >= 1 && targets.shape().size() == rows && (mask == null || mask.nodes().shape().size() == rows),
                "topMargin: %s targets, %s nodes and k = %s for the rows of logits %s",
                targets.shape(),
                mask == null ? "no" : mask.nodes().shape(),
                k,
                logits.shape());
        Tensor y = tape.allocate(Shape.of(rows)), rivals = tape.allocateInts(rows);
        tape.backend().topMargin(y, rivals, logits.value(), targets, k, mask);
        return tape.record(y, dy -> {
            if (logits.grad() != null) tape.backend().topMarginBackward(logits.grad(), dy, rivals, targets);
        });
    }

    /**
     * A number of one element that was computed elsewhere, together with its gradient: for losses of a few numbers per
     * row, which need no kernel.
     *
     * @param value the number
     * @param inputs what it depends on
     * @param gradients of the number, for each input, in row-major order
     */
    public static Variable computed(Tape tape, double value, List<Variable> inputs, List<float[]> gradients) {
        Tensor y = tape.floats((float) value);
        if (!tape.trains()) return Variable.constant(y);
        List<Tensor> g = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            unless(
                    inputs.get(i).size() == gradients.get(i).length,
                    "computed: a gradient of %s numbers for the input %s",
                    gradients.get(i).length,
                    inputs.get(i).shape());
            g.add(tape.floats(gradients.get(i)).reshape(inputs.get(i).shape().toArray()));
        }
        return tape.record(y, dy -> {
            for (int i = 0; i < g.size(); i++) {
                Tensor grad = inputs.get(i).grad();
                if (grad != null) tape.backend().accumulate(grad, dy, g.get(i));
            }
        });
    }
}
