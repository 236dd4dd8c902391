package dev.beamwright.recsys.baseline;

/** Scores every item for what a user may take next. May be called by several threads at once. */
@FunctionalInterface
public interface Scorer {
    /**
     * Writes a score for each item, not below 0. Their order counts, and beside seen items with a repeat prior their share
     * of the sum.
     *
     * @param history the user's items so far, oldest first
     * @param scores one place per item, overwritten
     */
    void score(int[] history, double[] scores);
}
