package dev.beamwright.recsys.baseline;

/** Scores every item for what a user may take next. May be called by several threads at once. */
@FunctionalInterface
public interface Scorer {
    /**
     * Writes a score for each item; only their order counts.
     *
     * @param history the user's items so far, oldest first
     * @param scores one place per item, overwritten
     */
    void score(int[] history, double[] scores);
}
