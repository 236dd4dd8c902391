package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Tensor;

/**
 * How logits become probabilities, the same in training and in decoding.
 *
 * @param softmax over which codes the probabilities of a level add up
 * @param temperature by which logits are divided
 */
public record Likelihood(Softmax softmax, float temperature) {
    /** Log-probabilities of the targets' codes of one level: (N). */
    public Variable logProbability(Tape tape, Variable logits, Targets targets, int level) {
        return Ops.logProbability(
                tape,
                logits,
                targets.codes().get(level),
                softmax == Softmax.CHILDREN ? targets.masks().get(level) : null,
                temperature);
    }

    /**
     * A weighted cross-entropy and what it was made of.
     *
     * @param loss of one element: {@code Σ_n weights[n] · nll[n]}
     * @param values of each target's code, and perhaps of rows behind that are none
     * @param sign by which values become negative log-likelihoods
     * @param count how many targets there are
     */
    public record Weighted(Variable loss, Tensor values, int sign, int count) {
        /** Of each target's code; to be read when the values are there, see {@link dev.beamwright.tensor.Backend#read}. */
        public float[] nll() {
            float[] nll = new float[count];
            for (int i = 0; i < count; i++) nll[i] = sign * values.get(i);
            return nll;
        }

        public double sum() {
            double sum = 0;
            for (float v : nll()) sum += v;
            return sum;
        }
    }

    /** {@code Σ_n weights[n] · (-log p_n)} of one level; the weights are constants. */
    public Weighted crossEntropy(Tape tape, Variable logits, Targets targets, int level, float[] weights) {
        if (softmax == Softmax.LEVEL && temperature == 1) {
            Tensor codes = targets.codes().get(level);
            Ops.Loss loss = Ops.crossEntropy(tape, logits, codes, tape.rowFloats(weights));
            return new Weighted(loss.value(), loss.nll(), 1, weights.length);
        }
        Variable logProb = logProbability(tape, logits, targets, level);
        float[] negative = new float[weights.length];
        for (int i = 0; i < weights.length; i++) negative[i] = -weights[i];
        Variable loss = Ops.weightedSum(tape, logProb, tape.rowFloats(negative));
        return new Weighted(loss, logProb.value(), -1, weights.length);
    }

    /** Whether all codes that follow a node have probability one, so that nothing needs to be computed for them. */
    public boolean certain(ItemTrie trie, int node) {
        return softmax == Softmax.CHILDREN && trie.settled(node);
    }

    /**
     * The logarithm of a softmax's denominator, in decoding.
     *
     * @param logits rows of logits
     * @param from where the row begins
     * @param columns of a row
     * @param node of the trie that the row's path has reached
     */
    public double logDenominator(float[] logits, int from, int columns, ItemTrie trie, int node) {
        float max = Float.NEGATIVE_INFINITY;
        double sum = 0;
        if (softmax == Softmax.LEVEL) {
            for (int i = from; i < from + columns; i++) max = Math.max(max, logits[i] / temperature);
            for (int i = from; i < from + columns; i++) sum += Math.exp(logits[i] / temperature - max);
        } else {
            int first = trie.firstEdge(node), last = first + trie.children(node);
            for (int e = first; e < last; e++) max = Math.max(max, logits[from + trie.code(e)] / temperature);
            for (int e = first; e < last; e++) sum += Math.exp(logits[from + trie.code(e)] / temperature - max);
        }
        return Math.log(sum) + max;
    }

    /** The score of a path one code longer: its parent's, the log-probability of the code, and a term of the node. */
    public float score(float parent, float logit, double logDenominator, double term) {
        return (float) (parent + (logit / temperature - logDenominator + term));
    }
}
