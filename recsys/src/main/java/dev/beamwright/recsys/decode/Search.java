package dev.beamwright.recsys.decode;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Workspace;
import java.util.List;

/** Finds the items that a model scores best, see {@link SearchConfig} for the ways to do so. May be used by several threads. */
public interface Search {
    /**
     * Searches for a batch of users.
     *
     * @param memory all of the search's memory
     * @return what each user gets, in the order of the query
     */
    List<Result> search(Backend backend, Workspace memory, Query query);

    /** How many users it likes to be asked for at once; more take more memory. */
    default int users() {
        return 32;
    }

    /**
     * What one user gets.
     *
     * @param items best first; several items of one leaf stand side by side, ascending
     * @param scores of each item's semantic ID, by which the list is ordered: its log-probability and its
     *     {@link NodeTerm}, unless a {@link Widening} says otherwise
     * @param certificate what is proved of the list; null for a search that can prove nothing, because its list is in
     *     another order than that of the scores, a term is not monotone, or what was pruned is not known
     */
    record Result(int[] items, float[] scores, Certificate certificate) {
        /** Whether the first k items are proved to be those of exact scoring. */
        public boolean certified(int k) {
            return certificate != null && certificate.covers(k);
        }
    }
}
