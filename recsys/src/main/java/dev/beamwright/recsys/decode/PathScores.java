package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.semanticid.ItemTrie;

/**
 * How the score of a path grows down the trie. The one place for it, so that a path has the same bits in every search.
 *
 * <p>In floating point too a child never scores above its parent, if the {@link NodeTerm} is monotone: the log of the
 * denominator is at least the largest logit, and rounding keeps the order.
 */
record PathScores(Likelihood likelihood, ItemTrie trie) {
    /** Is given the children of a node, in the trie's order. */
    @FunctionalInterface
    interface Visitor {
        void child(int edge, float score);
    }

    /**
     * Scores all children of a node.
     *
     * @param score of the node itself
     * @param logits rows of logits
     * @param from where the node's row begins; negative where nothing is left to decide, see {@link Likelihood#certain}
     * @param columns of a row
     */
    void children(
            int node, float score, float[] logits, int from, int columns, NodeTerm.Values term, Visitor visitor) {
        int first = trie.firstEdge(node), end = first + trie.children(node);
        double before = term.at(node);
        double denominator = from < 0 ? 0 : likelihood.logDenominator(logits, from, columns, trie, node);
        for (int e = first; e < end; e++) {
            double rise = term.at(trie.child(e)) - before;
            visitor.child(e, from < 0
                    ? (float) (score + rise)
                    : likelihood.score(score, logits[from + trie.code(e)], denominator, rise));
        }
    }
}
