package dev.beamwright.recsys.decode;

import java.util.Arrays;

/**
 * What is added to the log-probability of a path: a number for each node of the item trie, made for each user from the
 * user's history. A path grows by {@code score(child) = score(parent) + log p(child | parent) + term(child) −
 * term(parent)}, so the score of an item is its log-probability plus the term of its leaf, less that of the root. Beam
 * search, best-first search and exact scoring add it in the same place, see {@link PathScores}.
 *
 * <p>Example: a prior that lowers the score of the items seen; an inner node's term is the highest of its leaves'.
 */
public interface NodeTerm {
    /** Nothing is added. */
    NodeTerm NONE = of(true, history -> node -> 0);

    /**
     * Whether no node's term is above its parent's, whatever the history. Then a path's score never rises as it grows,
     * which best-first search and certificates rest on; they refuse a term that is not monotone.
     */
    boolean monotone();

    /**
     * The term for one user.
     *
     * @param history all items of the user, oldest first; may be longer than what the model reads
     */
    Values of(int[] history);

    /** The term for one user; asked by one thread at a time. */
    @FunctionalInterface
    interface Values {
        /** The number of a node of the trie, 0 for the root; finite. */
        double at(int node);
    }

    /** Makes the terms of users. */
    @FunctionalInterface
    interface Maker {
        /** As {@link NodeTerm#of}. */
        Values of(int[] history);
    }

    /** A term that is monotone, or not. */
    static NodeTerm of(boolean monotone, Maker maker) {
        return new NodeTerm() {
            @Override
            public boolean monotone() {
                return monotone;
            }

            @Override
            public Values of(int[] history) {
                return maker.of(history);
            }
        };
    }

    /** The sum of terms; monotone if all are. */
    static NodeTerm sum(NodeTerm... terms) {
        return of(Arrays.stream(terms).allMatch(NodeTerm::monotone), history -> {
            Values[] all = Arrays.stream(terms).map(t -> t.of(history)).toArray(Values[]::new);
            return node -> {
                double sum = 0;
                for (Values v : all) sum += v.at(node);
                return sum;
            };
        });
    }
}
