package dev.beamwright.recsys.objective;

import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * An objective that learns from rollouts: from the items that the model's own beam search returns for a training prompt.
 * It trains a model that is trained already.
 */
public non-sealed interface RolloutObjective extends Objective {
    /** What is learnt from one rollout. */
    Group group(Rollout rollout, Key key);

    /** The losses of a group, which are added up. */
    List<RolloutLoss> losses();

    /** What the items of a rollout are worth; of objectives that do not learn from it, as a statistic. */
    default Reward reward() {
        return Reward.BINARY;
    }

    /** Whether an item's score, from which rewards are made, is the mean of its codes' log-probabilities, not their sum. */
    default boolean meanScore() {
        return true;
    }

    /** The highest learning rate unless another is given. */
    default double defaultLearningRate() {
        return 5e-5;
    }

    /** The highest learning rate of the parameters that are new for the confidence; at least that of the model. */
    default double confidenceRate() {
        return 0;
    }

    /** Whether a loss needs the log-probabilities of the model as it was at the beginning. */
    default boolean needsReference() {
        return losses().stream().anyMatch(RolloutLoss::needsReference);
    }

    /** Whether a loss needs the model's confidence in each item. */
    default boolean asksConfidence() {
        return losses().stream().anyMatch(RolloutLoss::asksConfidence);
    }
}
