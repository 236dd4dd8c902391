package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code grpo}: group relative policy optimisation (Shao et al., arXiv 2402.03300) with a rule as reward
 * ({@link Reward#BINARY}): the loss of {@link ClippedPolicy} with α = 1.
 *
 * @param ratioClip ε: how far the ratio of new to old probability may go from 1 before it counts no more
 * @param kl weight of the divergence from the model of the beginning; 0 for none
 */
public record Grpo(
        @Help("how far the ratio of new to old probability may go from 1") double ratioClip,
        @Help("weight of the divergence from the first model") double kl)
        implements
            RolloutObjective {
    public Grpo {
        new ClippedPolicy(ratioClip, kl).require("grpo");
    }

    /** The usual parameters. */
    public Grpo() {
        this(0.2, 0);
    }

    @Override
    public String name() {
        return "grpo";
    }

    @Override
    public String summary() {
        return "policy loss, reward 1 for the target";
    }

    @Override
    public String equation() {
        return """
                L = mean over items i and levels t of -min(r A_i, clip(r, 1 - ratio-clip, 1 + ratio-clip) A_i)
                    + kl * k3(reference, model)                 (GRPO, arXiv 2402.03300, equation 3)
                r = p / p_old,  A_i = (reward_i - mean) / (deviation + 1e-4),  reward 1 if correct, else 0""";
    }

    @Override
    public Group group(Rollout rollout, Key key) {
        return Group.rewarded(rollout, reward(), true, 1, kl > 0);
    }

    @Override
    public List<RolloutLoss> losses() {
        return List.of(new ClippedPolicy(ratioClip, kl));
    }
}
