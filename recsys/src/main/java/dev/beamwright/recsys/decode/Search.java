package dev.beamwright.recsys.decode;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Workspace;
import java.util.List;

/** Finds the items that a model scores best, see {@link SearchConfig} for the ways to do so. May be used by several threads. */
@FunctionalInterface
public interface Search {
    /**
     * Searches for a batch of users.
     *
     * @param memory all of the search's memory
     * @return what each user gets, in the order of the query
     */
    List<Result> search(Backend backend, Workspace memory, Query query);

    /**
     * What one user gets.
     *
     * @param items best first; several items of one leaf stand side by side, ascending
     * @param scores of each item's semantic ID, by which the list is ordered: its log-probability and its
     *     {@link NodeTerm}, unless a {@link Widening} says otherwise
     */
    record Result(int[] items, float[] scores) {}
}
