package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code s-dpo}: softmax-DPO (Chen et al., NeurIPS 2024, arXiv 2406.09215): the target is preferred to several wrong items
 * of the rollout at once, see {@link Preference}.
 *
 * @param beta β: how far the model may go from that of the beginning
 * @param rejected wrong items of a rollout that the target is preferred to, at the most
 */
public record SDpo(
        @Help("how far the model may go from the first one; the larger, the less") double beta,
        @Help("wrong items that the target is preferred to") int rejected)
        implements
            RolloutObjective {
    public SDpo {
        Parameter.require(beta > 0 && beta < 1000, "s-dpo", "beta", "above 0 and below 1000", beta);
        Parameter.require(rejected >= 1, "s-dpo", "rejected", "1 or more", rejected);
    }

    /** The usual parameters. */
    public SDpo() {
        this(0.1, 15);
    }

    @Override
    public String name() {
        return "s-dpo";
    }

    @Override
    public String summary() {
        return "the target preferred to several wrong items";
    }

    @Override
    public String equation() {
        return """
                L = -log sigmoid(-log sum_j exp(beta * (d_j - d_target))),  d = log p - log p_reference,
                j the rejected items                            (S-DPO, arXiv 2406.09215)""";
    }

    @Override
    public Group group(Rollout rollout, Key key) {
        return Group.preferred(rollout, rejected, key);
    }

    @Override
    public List<RolloutLoss> losses() {
        return List.of(new Preference(beta));
    }

    @Override
    public double defaultLearningRate() {
        return 5e-6;
    }
}
