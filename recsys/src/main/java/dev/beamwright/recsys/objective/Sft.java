package dev.beamwright.recsys.objective;

import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code sft}: goes on with the cross-entropy of the targets, whatever the rollouts: the control for all that learn from
 * them (supervised fine-tuning), {@code L = mean over t of -log π(code t of the target)}.
 */
public record Sft() implements RolloutObjective {
    @Override
    public String name() {
        return "sft";
    }

    @Override
    public String summary() {
        return "targets alone, as a control";
    }

    @Override
    public String equation() {
        return "L = mean over levels t of -log p(code t of the target)";
    }

    @Override
    public Group group(Rollout rollout, Key key) {
        return Group.target(rollout);
    }

    @Override
    public List<RolloutLoss> losses() {
        return List.of(new TargetLikelihood());
    }

    /** The mean negative log-likelihood of the first item of a group. */
    record TargetLikelihood() implements RolloutLoss {
        @Override
        public double of(Group g, Scores scores, double weight, Gradients gradients, Counters counters) {
            int levels = scores.now().length;
            double loss = 0;
            for (int t = 0; t < levels; t++) {
                loss -= scores.now()[t][0] / levels;
                gradients.codes()[t][0] -= (float) (weight / levels);
            }
            counters.add(POLICY_LOSS, loss);
            return weight * loss;
        }
    }
}
