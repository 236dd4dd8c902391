package dev.beamwright.recsys.objective;

/** A loss of the items of one group, given their log-probabilities. */
public interface RolloutLoss {
    /** Counts the loss before {@code weight}, of all losses that train the model's probabilities. */
    String POLICY_LOSS = "policyLoss";

    /**
     * What the network says of the items of a group; the first three are (levels, items).
     *
     * @param now log-probability of each code
     * @param before what it was when the group was made
     * @param reference of the model as it was at the beginning; null unless a loss needs it
     * @param confidence of each item, in (0, 1); null if the model does not say
     */
    record Scores(float[][] now, float[][] before, float[][] reference, double[] confidence) {}

    /**
     * Gradients to add to.
     *
     * @param codes with respect to {@link Scores#now}: (levels, items)
     * @param answers with respect to the logits "no" and "yes" of the confidence: (2 · items), a pair for each item
     */
    record Gradients(float[][] codes, float[] answers) {}

    /**
     * The loss of a group times {@code weight}; adds its gradient, and counts.
     *
     * @param weight of one prompt: 1 / prompts of the batch
     */
    double of(Group group, Scores scores, double weight, Gradients gradients, Counters counters);

    /** Whether {@link Scores#reference} must be there. */
    default boolean needsReference() {
        return false;
    }

    /** Whether {@link Scores#confidence} must be there. */
    default boolean asksConfidence() {
        return false;
    }
}
