package dev.beamwright.tensor;

import java.util.List;

/**
 * The kernels. One rule for all of them:
 *
 * <ul>
 *   <li>Outputs come first. A forward kernel overwrites its outputs; a backward kernel <em>adds</em> into the gradients
 *       it is given; a gradient that is {@code null} is not wanted and skipped.
 *   <li>Shapes were checked by the caller (see {@code Ops}); kernels only assert.
 *   <li>Whatever changes from step to step (learning rate, random key, tokens, offsets) arrives in a tensor, so that a
 *       captured step can be replayed.
 *   <li>The same call gives the same bits, whatever the number of threads.
 * </ul>
 *
 * <p>Letters in the shapes: T tokens (rows of a ragged batch), N any rows, C columns, H heads, D columns of a head.
 */
public interface Backend {
    /**
     * The name of what computes here: where it is the same, so are all bits. It begins with the name by which
     * {@code --device} asks for the backend, see {@link BackendProvider#name}.
     */
    String name();

    /**
     * Makes a body of kernel calls repeatable. On the CPU that is the body itself. A device walks through the body at
     * every run, but its kernels only take notes: if they are the same as at an earlier run, on tensors of the same
     * sizes, what was compiled then is run on the device. So within a body nothing that a kernel computes can be seen
     * but through {@link #read}, and what the program itself puts into tensors it must announce by {@link #written}.
     */
    default Step capture(Runnable body) {
        return body::run;
    }

    /** Whether {@link #capture} takes notes, see there. */
    default boolean records() {
        return false;
    }

    // ---- what a device must know of memory; on the CPU there is but one

    /** How many rows are good for a tensor that needs n: n, or a little more where sizes should be few. */
    default int rows(int n) {
        return n;
    }

    /** Says that the program has put something into a tensor, other than by a kernel. */
    default void written(Tensor t) {}

    /**
     * Calls {@code then} when the program can read what kernels have put into a tensor: at once, or within a captured
     * body when it has been run.
     */
    default void read(Tensor t, Runnable then) {
        then.run();
    }

    /**
     * Tells that these tensors, the weights of a network say, will not change while something runs, so that a backend
     * may keep them in a layout of its own. Here they stay as they are.
     */
    default Constants constants(List<Tensor> tensors) {
        return Runnable::run;
    }

    /** Tensors that do not change for a while. */
    interface Constants {
        /** Runs the body, in which nobody writes to the tensors. */
        void during(Runnable body);

        /** To be called, outside of a body, when the tensors have been written to. */
        default void changed() {}
    }

    // ---- matrix products

    /**
     * {@code c = op(a) · op(b)}, or {@code c += …} if {@code accumulate}; op transposes where asked to. All operands
     * are seen as matrices of {@code shape.rows()} rows.
     */
    void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate);

    // ---- element by element

    /** {@code y = value} everywhere. */
    void fill(Tensor y, float value);

    /** {@code y += alpha · x}. */
    void accumulate(Tensor y, float alpha, Tensor x);

    /** {@code y += alpha[0] · x}. */
    default void accumulate(Tensor y, Tensor alpha, Tensor x) {
        accumulate(y, alpha.get(0), x);
    }

    /** {@code y *= factor[0]}. */
    default void scale(Tensor y, Tensor factor) {
        float f = factor.get(0);
        if (f != 1) accumulate(y, f - 1, y);
    }

    /** {@code y = a + b}. */
    void add(Tensor y, Tensor a, Tensor b);

    /** {@code y = a ⊙ b}. */
    void multiply(Tensor y, Tensor a, Tensor b);

    /** {@code da += dy ⊙ b} and {@code db += dy ⊙ a}. */
    void multiplyBackward(Tensor da, Tensor db, Tensor dy, Tensor a, Tensor b);

    /** {@code y = x + bias}, the bias (C) added to every row. */
    void addBias(Tensor y, Tensor x, Tensor bias);

    /** {@code dbias += Σ rows of dy}. */
    void addBiasBackward(Tensor dbias, Tensor dy);

    /** {@code y = max(x, 0)}. */
    void relu(Tensor y, Tensor x);

    /** {@code dx += dy where y > 0}. */
    void reluBackward(Tensor dx, Tensor dy, Tensor y);

    /** {@code y = x/2 · (1 + tanh(√(2/π)(x + 0.044715 x³)))} (Hendrycks and Gimpel, 2016). */
    void gelu(Tensor y, Tensor x);

    void geluBackward(Tensor dx, Tensor dy, Tensor x);

    /**
     * {@code y = silu(g) ⊙ u}, for gateUp (N, 2C) with the gate g in the first C columns and u in the others (Shazeer,
     * "GLU variants improve transformer", 2020).
     */
    void swiGlu(Tensor y, Tensor gateUp);

    void swiGluBackward(Tensor dgateUp, Tensor dy, Tensor gateUp);

    /** {@code y = x · keep / (1 - rate)}, see {@link Dropout}; the element number is the row-major index. */
    void dropout(Tensor y, Tensor x, Dropout dropout);

    /** {@code dx += dy · keep / (1 - rate)}. */
    void dropoutBackward(Tensor dx, Tensor dy, Dropout dropout);

    /** {@code y = x + branch · keep / (1 - rate)}. */
    default void addDropout(Tensor y, Tensor x, Tensor branch, Dropout dropout) {
        dropout(y, branch, dropout);
        accumulate(y, 1, x);
    }

    /** {@code y = max(x, 0) · keep / (1 - rate)}; y may be x. */
    default void reluDropout(Tensor y, Tensor x, Dropout dropout) {
        relu(y, x);
        dropout(y, y, dropout);
    }

    /**
     * {@code dx = scale · dy where y > 0}, and 0 elsewhere, or {@code dx += …} if {@code accumulate}: what came out of
     * {@link #reluDropout} was scaled by 1 / (1 - rate) where it is above 0. May use up dy.
     */
    default void reluDropoutBackward(Tensor dx, Tensor dy, Tensor y, float scale, boolean accumulate) {
        if (!accumulate) fill(dx, 0);
        if (scale != 1) accumulate(dy, scale - 1, dy);
        reluBackward(dx, dy, y);
    }

    // ---- norms

    /** {@code y = x / rms(x) · weight}, row by row; keeps {@code rstd = 1/rms} (N) for the way back. */
    void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps);

    void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd, Tensor weight);

    /** {@code y = (x - mean(x)) / std(x) · weight + bias}, row by row; keeps mean (N) and rstd (N). */
    void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps);

    void layerNormBackward(
            Tensor dx, Tensor dweight, Tensor dbias, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight);

    // ---- rows

    /**
     * {@code y[n] = Σ_s table[rows[n, s]]}, for table (R, C) and rows I32 (N) or (N, S); a negative row number adds
     * nothing.
     */
    void gather(Tensor y, Tensor table, Tensor rows);

    /** {@code dtable[rows[n, s]] += dy[n]}, in the order of n, so that the sum has the same bits each time. */
    void gatherBackward(Tensor dtable, Tensor dy, Tensor rows);

    /**
     * {@code y[n] = Σ_s table[lists[ids[n], s]]}: the sum of the table's rows that a list names, for each of some lists;
     * for y (N, C), table (R, C), lists I32 (M, S) and ids I32 (N). A negative id gives a row of zeros, a negative row number
     * adds nothing; an id of M or more, or a row number of R or more, is an error.
     */
    void gatherLists(Tensor y, Tensor table, Tensor lists, Tensor ids);

    /**
     * {@code dtable[lists[ids[n], s]] += dy[n]}, in the order of n and then of s, so that the sum has the same bits each
     * time.
     */
    void gatherListsBackward(Tensor dtable, Tensor dy, Tensor lists, Tensor ids);

    /**
     * A causal filter of K taps for each column, over a ragged batch:
     *
     * <pre>y[t, c] = Σ_k taps[k, c] · x[t - k, c]      for k in [0, K) with t - k in the sequence of t</pre>
     *
     * A row that belongs to no sequence gets zeros.
     *
     * @param y (T, C)
     * @param x (T, C)
     * @param taps (K, C); the first meets the row itself
     * @param offsets I32 (sequences + 1): sequence s has the rows [offsets[s], offsets[s+1])
     */
    void causalFilter(Tensor y, Tensor x, Tensor taps, Tensor offsets);

    /**
     * {@code dx[t, c] += Σ_k taps[k, c] · dy[t + k, c]}, for t + k in the sequence of t, and
     * {@code dtaps[k, c] += Σ_t dy[t, c] · x[t - k, c]}, for t - k in the sequence of t.
     */
    void causalFilterBackward(Tensor dx, Tensor dtaps, Tensor dy, Tensor x, Tensor taps, Tensor offsets);

    /**
     * Turns, in place, each pair of columns (j, j + headDim/2) of each head within the first {@code columns} columns of
     * x (T, ≥ columns) by the angle {@code position · theta^(-2j/headDim)}, or back again if {@code inverse} (rotary
     * embedding; Su et al., "RoFormer", 2021, in the half-split layout of Llama).
     */
    void rotary(Tensor x, Tensor positions, int columns, int headDim, float theta, boolean inverse);

    // ---- attention

    /**
     * {@code out = softmax(scale · q kᵀ + bias) v} for each sequence and head; q and out (Tq, H·D), kv (Tk, 2·H·D) with
     * the keys in the first H·D columns and the values in the others. A query row that belongs to no sequence gets
     * zeros.
     *
     * @param lse (Tq, H): log of the softmax's denominator, kept for the way back
     * @param bias (H, 2R-1) or null: what is added to the score of a key that stands j - i rows behind the query is
     *     {@code bias[h, clamp(j - i, -(R-1), R-1) + R-1]}
     */
    void attention(Tensor out, Tensor lse, Tensor q, Tensor kv, Tensor bias, AttentionSpec spec);

    /**
     * The way back. The weight of a key is {@code exp(score - lse)}; so with the out and lse of several attentions that
     * were joined ({@link #joinAttention}) it gives this one's share of the gradients.
     */
    void attentionBackward(
            Tensor dq,
            Tensor dkv,
            Tensor dbias,
            Tensor dout,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor kv,
            Tensor bias,
            AttentionSpec spec);

    /**
     * Joins, in place, two attentions of the same queries to different keys into the attention to all of them:
     * {@code lse = log(exp(lse) + exp(otherLse))}, and out becomes the mean of both weighted by their shares of it.
     * Every row must belong to a sequence with at least one key in both.
     *
     * @param out (T, H·D)
     * @param lse (T, H)
     */
    void joinAttention(Tensor out, Tensor lse, Tensor otherOut, Tensor otherLse);

    /**
     * Attention of one decoding step: row n of q (N, H·D) sees the prompt of its user and, behind it, its own ancestors
     * on the way down the trie. No cache is ever copied: the ancestor table says in which row of each earlier level a
     * path stands.
     *
     * @param promptKv (Tp, 2·H·D), or null if only ancestors are seen
     * @param promptOffsets I32 (users + 1) into the rows of promptKv
     * @param users I32 (N): the user of each row
     * @param levels keys and values of the levels so far, each (≥ rows of that level, 2·H·D); the last is this step's
     * @param ancestors I32 (N, levels): the row of each level on the path; may be null if there are no levels
     * @param bias as in {@link #attention}, or null; the distance of a key is counted in tokens, prompt first
     */
    void beamAttention(
            Tensor out,
            Tensor q,
            Tensor promptKv,
            Tensor promptOffsets,
            Tensor users,
            List<Tensor> levels,
            Tensor ancestors,
            Tensor bias,
            int heads,
            float scale);

    // ---- beam search

    /**
     * The best children of each user's rows: user u has the rows [u · before, (u+1) · before), and gets the rows
     * [u · width, (u+1) · width), best first. The score of a child is that of its row and the log-probability of its
     * code; of two with the same score the one with the lower edge is better. A row with the score -∞ stands for none: it
     * is not extended, and where there are too few children the rows behind them are such, with node and parent 0 and the
     * token -1.
     *
     * @param nodes I32 (users · width): the trie nodes reached
     * @param scores (users · width)
     * @param parents I32 (users · width): the row that each was a child of
     * @param tokens I32 (users · width): {@code firstToken} and the code of each
     * @param logits (rows before, codes)
     * @param nodesBefore I32 (rows before)
     * @param scoresBefore (rows before)
     */
    void extendBeams(
            Tensor nodes,
            Tensor scores,
            Tensor parents,
            Tensor tokens,
            Tensor logits,
            Tensor nodesBefore,
            Tensor scoresBefore,
            BeamSpec spec);

    /**
     * The ancestors of rows that were chosen by {@link #extendBeams}: {@code after[r] = (before[parents[r]], r)}.
     *
     * @param after I32 (rows, depth + 1)
     * @param before I32 (rows before, depth), or null for a depth of 0
     * @param parents I32 (rows)
     */
    void extendPaths(Tensor after, Tensor before, Tensor parents);

    // ---- heads

    /**
     * The logits of the children of a trie node. The vector of the child behind edge e is the sum of the rows of a table
     * that a list names, {@code v_e = Σ_s table[lists[e, s]]}, where a negative row number adds nothing; row n, whose path
     * has reached node m = nodes[n], gets for each edge e in [offsets[m], offsets[m+1])
     *
     * <pre>logits[n, columns[e]] = gain[0] · (state[n] · v_e) + bias[e]</pre>
     *
     * and -∞ in all other columns. A row whose node is negative has no children.
     *
     * @param logits (N, codes of the level)
     * @param state (N, C)
     * @param table (R, C); a row number of R or more is an error
     * @param lists I32 (edges, S)
     * @param gain (1)
     * @param bias (edges)
     * @param mask the node of each row, and the trie's edges
     */
    void childLogits(
            Tensor logits, Tensor state, Tensor table, Tensor lists, Tensor gain, Tensor bias, SoftmaxMask mask);

    /**
     * With {@code g = dlogits[n, columns[e]]}, for each n and each edge e of its node, in the order of n and then of e:
     *
     * <pre>
     * dstate[n]           += gain[0] · Σ_e g · v_e
     * dtable[lists[e, s]] += gain[0] · g · state[n]
     * dgain[0]            += Σ_n state[n] · Σ_e g · v_e
     * dbias[e]            += g
     * </pre>
     *
     * The gradient of all other columns is not looked at.
     */
    void childLogitsBackward(
            Tensor dstate,
            Tensor dtable,
            Tensor dgain,
            Tensor dbias,
            Tensor dlogits,
            Tensor state,
            Tensor table,
            Tensor lists,
            Tensor gain,
            SoftmaxMask mask);

    // ---- losses

    /**
     * {@code loss = Σ_n weight[n] · (-log softmax(logits[n])[target[n]])}, and in the same pass the gradient
     * {@code dlogits[n] = weight[n] · (softmax(logits[n]) - onehot)}, overwritten. A negative target counts nothing.
     *
     * @param loss (1)
     * @param nll (N): the unweighted negative log-likelihood of each row
     * @param dlogits (N, C), or null
     * @param weights (N)
     */
    void crossEntropy(Tensor loss, Tensor nll, Tensor dlogits, Tensor logits, Tensor targets, Tensor weights);

    /**
     * {@code logProb[n] = log softmax(logits[n] / temperature)[target[n]]}, the softmax over all columns or over those
     * of the mask. A row with a negative target gets 0.
     *
     * @param denominator (N, 2), for the way back: the largest of {@code logits[n] / temperature}, and the logarithm of the
     *     sum of the exponentials of all less it. Added up they would lose digits where logits are large
     */
    void logProbability(
            Tensor logProb, Tensor denominator, Tensor logits, Tensor targets, SoftmaxMask mask, float temperature);

    void logProbabilityBackward(
            Tensor dlogits,
            Tensor dlogProb,
            Tensor denominator,
            Tensor logits,
            Tensor targets,
            SoftmaxMask mask,
            float temperature);

    /**
     * How far each row's target is from the k best: {@code margin[n]} is the k-th largest logit of the row less the
     * logit of its target; above 0 if and only if the target is not among the k best. Looks at all columns or at those
     * of the mask; where they are fewer than k, the smallest takes the place of the k-th. A row with a negative target
     * gets 0.
     *
     * @param margin (N)
     * @param rivals I32 (N): the column of the k-th largest, of equal ones the lower column the larger; -1 where there
     *     is no target. Kept for the way back
     * @param logits (N, C)
     */
    void topMargin(Tensor margin, Tensor rivals, Tensor logits, Tensor targets, int k, SoftmaxMask mask);

    /** {@code dlogits[n, rivals[n]] += dmargin[n]} and {@code dlogits[n, targets[n]] -= dmargin[n]}. */
    void topMarginBackward(Tensor dlogits, Tensor dmargin, Tensor rivals, Tensor targets);

    // ---- optimization

    /** {@code sum[index] = Σ x²}, partial sums added in a fixed order, in double precision. */
    void squaredNorm(Tensor sum, int index, Tensor x);

    /**
     * {@code state = (settings, scale)} with {@code scale = min(1, limit / √(Σ norms))}, or 1 if the limit is 0: clipping
     * by the global norm (Pascanu et al., 2013).
     *
     * @param state (4)
     * @param settings (3)
     * @param norms squares of norms, see {@link #squaredNorm}
     */
    default void clip(Tensor state, Tensor settings, Tensor norms, float limit) {
        double squares = 0;
        for (long i = 0, n = norms.shape().size(); i < n; i++) squares += norms.get(i);
        double norm = Math.sqrt(squares);
        for (int i = 0; i < 3; i++) state.set(i, settings.get(i));
        state.set(3, (float) (limit > 0 && norm > limit ? limit / norm : 1));
    }

    /**
     * One step of AdamW (Loshchilov and Hutter, 2019): {@code m = β₁m + (1-β₁)g}, {@code v = β₂v + (1-β₂)g²},
     * {@code p -= rate · (m·c₁ / (√(v·c₂) + eps) + decay · p)}, with {@code g = gradient · scale}; the gradient is
     * cleared.
     *
     * @param state (4): rate, c₁ = 1/(1-β₁ᵗ), c₂ = 1/(1-β₂ᵗ), scale
     */
    void adamW(
            Tensor parameter,
            Tensor gradient,
            Tensor m,
            Tensor v,
            Tensor state,
            float beta1,
            float beta2,
            float eps,
            float decay);

    // ---- quantization

    /**
     * The nearest code of each row by squared Euclidean distance, the lower code on a tie.
     *
     * @param codes I32 (N)
     * @param distances (N): the squared distance, or null
     * @param x (N, C)
     * @param codebook (K, C)
     */
    void nearest(Tensor codes, Tensor distances, Tensor x, Tensor codebook);
}
