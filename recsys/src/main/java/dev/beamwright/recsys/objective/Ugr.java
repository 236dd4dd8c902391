package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.tensor.Key;
import java.util.List;

/**
 * {@code ugr}: uncertainty-aware generative recommendation (Fan et al., KDD 2026, arXiv 2602.11719): an error costs more
 * the surer the model was of it ({@link Reward#UNCERTAINTY}), a prompt counts more the harder it is
 * ({@link Reward#difficulty}), and the model learns to say how sure it is ({@link ConfidenceOrder}),
 *
 * <pre>L = α · L_GRPO + λ_p L_partial + λ_w L_wrong  [+ λ_o L_order, not in the paper's program]</pre>
 *
 * <p>The usual values are those of the script by which UGR was run, but for the learning rate.
 *
 * @param reward what a rollout is worth
 * @param alphaMin weight of a prompt whose target came first; 1 for equal weights
 * @param lambdaPartial λ_p
 * @param lambdaWrong λ_w
 * @param lambdaOrder λ_o
 * @param confidenceRate the highest learning rate of what is new for the confidence
 * @param ratioClip ε: how far the ratio of new to old probability may go from 1 before it counts no more
 * @param kl weight of the divergence from the model of the beginning; 0 for none
 * @param meanScore whether an item's score, from which rewards are made, is the mean of its codes' log-probabilities;
 *     otherwise their sum
 */
public record Ugr(
        @Help("what an error costs: nothing, by rank, by the model's own score, or all errors the same") Reward reward,
        @Help("weight of a prompt whose target came first; 1 for equal weights") double alphaMin,
        @Help("how much the target should be surer than items with its first code") double lambdaPartial,
        @Help("how much the target should be surer than wrong items") double lambdaWrong,
        @Help("how much items with its first code should be surer than wrong items") double lambdaOrder,
        @Help("highest learning rate of the confidence; never below the model's") double confidenceRate,
        @Help("how far the ratio of new to old probability may go from 1") double ratioClip,
        @Help("weight of the divergence from the first model") double kl,
        @Help("whether scores are means over an item's codes, not sums") boolean meanScore)
        implements
            RolloutObjective {
    public Ugr {
        new ClippedPolicy(ratioClip, kl).require("ugr");
        Parameter.require(alphaMin >= 0 && alphaMin <= 1, "ugr", "alpha-min", "in [0, 1]", alphaMin);
        Parameter.require(lambdaPartial >= 0, "ugr", "lambda-partial", "0 or more", lambdaPartial);
        Parameter.require(lambdaWrong >= 0, "ugr", "lambda-wrong", "0 or more", lambdaWrong);
        Parameter.require(lambdaOrder >= 0, "ugr", "lambda-order", "0 or more", lambdaOrder);
        Parameter.require(confidenceRate >= 0 && confidenceRate < 10, "ugr", "confidence-rate", "from 0 to below 10",
                confidenceRate);
    }

    /** The usual parameters. */
    public Ugr() {
        this(0, 0, 0.5);
    }

    private Ugr(double alphaMin, double lambdaPartial, double lambdaWrong) {
        this(Reward.UNCERTAINTY, alphaMin, lambdaPartial, lambdaWrong, 0, 5e-3, 0.2, 0, true);
    }

    @Override
    public String name() {
        return "ugr";
    }

    @Override
    public String summary() {
        return "policy loss, errors cost by certainty, and a confidence (UGR)";
    }

    @Override
    public String equation() {
        return """
                L = alpha * L_grpo + lambda-partial * L_partial + lambda-wrong * L_wrong + lambda-order * L_order
                reward 1 if correct, and -softmax over wrong items(score) of a wrong item
                alpha = alpha-min + (1 - alpha-min) * k / (G - 1), k the place of the target, from 0, among G
                L_wrong = mean over wrong items of softplus(c_wrong - c_target), c the confidence; likewise the others
                (UGR, arXiv 2602.11719)""";
    }

    /**
     * {@code ugr-script}: the script by which UGR was run; {@code ugr-defaults}: what its program takes if told nothing.
     * Their learning rate of 2e-6 belongs to a language model and is not taken over.
     */
    @Override
    public List<Preset> presets() {
        return List.of(
                Preset.of("ugr-script", new Ugr(), 1), Preset.of("ugr-defaults", new Ugr(0.1, 0.01, 0.1), 1));
    }

    @Override
    public String idle(String key) {
        return key.equals("confidence-rate") && !order().active() ? "without a confidence (lambda-wrong)" : null;
    }

    @Override
    public Group group(Rollout r, Key key) {
        boolean unsure = order().active() && r.rank() >= 0 && r.items().length > 1;
        return Group.rewarded(r, reward, meanScore, alphaMin, unsure || kl > 0);
    }

    @Override
    public List<RolloutLoss> losses() {
        var policy = new ClippedPolicy(ratioClip, kl);
        return order().active() ? List.of(policy, order()) : List.of(policy);
    }

    private ConfidenceOrder order() {
        return new ConfidenceOrder(lambdaPartial, lambdaWrong, lambdaOrder);
    }
}
