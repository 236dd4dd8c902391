package dev.beamwright.recsys.extension;

import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.objective.Group;
import dev.beamwright.recsys.objective.Rollout;
import dev.beamwright.recsys.objective.RolloutLoss;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.List;

/** An objective from outside: the first item of a rollout is made less likely if it is wrong. */
public record TopOnly() implements RolloutObjective {
    @Override
    public String name() {
        return "top-only";
    }

    @Override
    public String summary() {
        return "a wrong first item made less likely";
    }

    @Override
    public String equation() {
        return "L = mean over levels of log p of a wrong first item";
    }

    @Override
    public Group group(Rollout r, Key key) {
        return new Group(
                Arrays.copyOf(r.items(), 1), Arrays.copyOf(r.kinds(), 1), new double[0], 1, r.rank() != 0);
    }

    @Override
    public List<RolloutLoss> losses() {
        return List.of(new Push());
    }

    /** The loss. */
    record Push() implements RolloutLoss {
        @Override
        public double of(Group g, Scores scores, double weight, Gradients gradients, Counters counters) {
            double loss = 0;
            int levels = scores.now().length;
            for (int t = 0; t < levels; t++) {
                loss += scores.now()[t][0] / levels;
                gradients.codes()[t][0] += (float) (weight / levels);
            }
            counters.add(POLICY_LOSS, loss);
            return weight * loss;
        }
    }
}
