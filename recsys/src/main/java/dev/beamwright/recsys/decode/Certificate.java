package dev.beamwright.recsys.decode;

/**
 * What a search proves of its list. A path's score never rises as it grows, so nothing below a path that was pruned
 * scores above it: an item that ranks before the best of them has the place in the list that exact scoring would give
 * it. At equal scores it does so if its leaf comes before all leaves below that path.
 *
 * @param exact how many of the list's first items are proved to be the best, in their order
 * @param bound the best score of any path that was pruned or not gone on from; null if there was none, so that the list
 *     has all items there are
 */
public record Certificate(int exact, Float bound) {
    /** Whether the first k items are proved to be the best k, or all there are. */
    public boolean covers(int k) {
        return exact >= k || bound == null;
    }

    /**
     * Of a list in the order of its scores.
     *
     * @param pruned the {@link PathOrder} of the best path that was pruned
     */
    static Certificate of(long[] list, long pruned) {
        int exact = 0;
        while (exact < list.length && list[exact] < pruned) exact++;
        return new Certificate(exact, pruned == PathOrder.NOTHING ? null : (Float) PathOrder.score(pruned));
    }
}
