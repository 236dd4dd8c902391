package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code dpo}: direct preference optimisation (Rafailov et al., NeurIPS 2023): the target is preferred to one wrong item
 * of the rollout, see {@link Preference}.
 *
 * @param beta β: how far the model may go from that of the beginning
 */
public record Dpo(@Help("how far the model may go from the first one; the larger, the less") double beta)
        implements
            RolloutObjective {
    public Dpo {
        Parameter.require(beta > 0 && beta < 1000, "dpo", "beta", "above 0 and below 1000", beta);
    }

    /** The usual parameters. */
    public Dpo() {
        this(0.1);
    }

    @Override
    public String name() {
        return "dpo";
    }

    @Override
    public String summary() {
        return "the target preferred to a wrong item";
    }

    @Override
    public String equation() {
        return """
                L = -log sigmoid(beta * (d_target - d_wrong)),  d = log p - log p_reference
                (DPO, NeurIPS 2023, equation 7)""";
    }

    @Override
    public Group group(Rollout rollout, Key key) {
        return Group.preferred(rollout, 1, key);
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
