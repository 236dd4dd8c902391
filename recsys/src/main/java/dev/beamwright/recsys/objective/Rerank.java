package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code rerank}: {@link Grpo} with the reward of ReRe and MiniOneRec (arXiv 2510.24431), by which an error
 * costs more the further up it stands ({@link Reward#RANKING}).
 *
 * @param ratioClip ε: how far the ratio of new to old probability may go from 1 before it counts no more
 * @param kl weight of the divergence from the model of the beginning; 0 for none
 */
public record Rerank(
        @Help("how far the ratio of new to old probability may go from 1") double ratioClip,
        @Help("weight of the divergence from the first model") double kl)
        implements
            RolloutObjective {
    public Rerank {
        new ClippedPolicy(ratioClip, kl).require("rerank");
    }

    /** The usual parameters. */
    public Rerank() {
        this(0.2, 0);
    }

    @Override
    public String name() {
        return "rerank";
    }

    @Override
    public String summary() {
        return "policy loss, errors cost by their rank (MiniOneRec)";
    }

    @Override
    public String equation() {
        return """
                L as grpo's; the reward is 1 if correct, and -a_i / sum_j a_j of a wrong item of rank i,
                a_i = 1 / log2(i + 1)                           (MiniOneRec, arXiv 2510.24431)""";
    }

    /** {@code minionerec}: what MiniOneRec's program has, but for its learning rate of 1e-5 for a language model. */
    @Override
    public List<Preset> presets() {
        return List.of(Preset.of("minionerec", new Rerank(0.2, 1e-3), 0.3));
    }

    @Override
    public Reward reward() {
        return Reward.RANKING;
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
