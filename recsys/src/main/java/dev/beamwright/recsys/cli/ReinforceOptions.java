package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.reinforce.ConfidenceOrder;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.reinforce.Reward;
import dev.beamwright.recsys.run.UserError;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The options of training by rollouts. What is not given keeps its default. */
final class ReinforceOptions {
    @Option(
            names = "--from",
            paramLabel = "RUN",
            description = "begin from the model of this trained run, which is left as it is: a second stage, of any"
                    + " objective; ugr, grpo, rerank, dpo, s-dpo and sft always are one")
    private Path from;

    @Option(
            names = "--group",
            paramLabel = "N",
            description = "rollouts: items of a group, the width of its beam; default: 16")
    private Integer group;

    @Option(names = "--steps", paramLabel = "N", description = "rollouts: updates in all; default: 300")
    private Integer steps;

    @Option(
            names = "--iterations",
            paramLabel = "N",
            description = "rollouts: updates that one rollout serves; default: 1")
    private Integer iterations;

    @Option(
            names = "--reward",
            paramLabel = "FORM",
            description = "rollouts: binary, ranking (errors cost by place), uncertainty (by the model's own score) or"
                    + " uniform; default: the objective's")
    private Reward reward;

    @Option(
            names = "--ratio-clip",
            paramLabel = "X",
            description = "rollouts: how far a probability may move; default: 0.2")
    private Double ratioClip;

    @Option(
            names = "--kl",
            paramLabel = "X",
            description = "rollouts: weight of the divergence from the first model; default: 0")
    private Double kl;

    @Option(
            names = "--mean-score",
            negatable = true,
            fallbackValue = "true",
            description = "rollouts: whether scores are means over an item's codes, not sums; default: yes")
    private Boolean meanScore;

    @Option(
            names = "--alpha-min",
            paramLabel = "X",
            description = "ugr: weight of a prompt whose target came first; 1 for equal weights; default: 0")
    private Double alphaMin;

    @Option(
            names = "--lambda-partial",
            paramLabel = "X",
            description = "ugr: how much the right item should be surer than those with its first code; default: 0")
    private Double partial;

    @Option(
            names = "--lambda-wrong",
            paramLabel = "X",
            description = "ugr: how much it should be surer than the wrong ones; default: 0.5")
    private Double wrong;

    @Option(
            names = "--lambda-order",
            paramLabel = "X",
            description = "ugr: how much partly right items should be surer than wrong ones; default: 0")
    private Double order;

    @Option(
            names = "--confidence-rate",
            paramLabel = "X",
            description = "ugr: highest learning rate of what is new for the confidence; default: 5e-3")
    private Double confidenceRate;

    @Option(
            names = "--rejected",
            paramLabel = "N",
            description = "dpo, s-dpo: wrong items of a group that the target is preferred to; default: 1, 15")
    private Integer rejected;

    @Option(names = "--every", paramLabel = "N", description = "rollouts: steps between two validations; default: 50")
    private Integer every;

    /** The folder to start from, or null. */
    Path from() {
        return from;
    }

    /**
     * The settings, given those that are usual; and β, which another option has.
     *
     * @param begins whether the training does; where it goes on, what has no effect may be among its settings
     */
    ReinforceConfig config(ReinforceConfig d, Double beta, TrainCommand.Settings.Common c, boolean begins) {
        ConfidenceOrder o = d.confidence();
        if (begins) refuseWithoutEffect(d, beta);
        return new ReinforceConfig(
                d.name(),
                d.from(),
                or(reward, d.reward()),
                or(group, d.group()),
                or(c.batch(), d.batch()),
                or(iterations, d.iterations()),
                or(steps, d.steps()),
                or(ratioClip, d.ratioClip()),
                or(kl, d.kl()),
                or(meanScore, d.meanScore()),
                or(alphaMin, d.alphaMin()),
                new ConfidenceOrder(or(partial, o.partial()), or(wrong, o.wrong()), or(order, o.order())),
                or(confidenceRate, Math.max(d.confidenceRate(), or(c.rate(), d.rate()))),
                or(beta, d.beta()),
                or(rejected, d.rejected()),
                or(c.rate(), d.rate()),
                or(c.warmup(), d.warmup()),
                or(c.decay(), d.decay()),
                or(c.clip(), d.clip()),
                or(c.dropout(), d.dropout()),
                or(every, d.every()),
                or(c.patience(), d.patience()),
                or(c.beam(), d.beam()),
                or(c.validationCases(), d.validationCases()),
                d.seed(),
                or(c.shards(), d.shards()),
                d.microTokens(),
                d.checkpointSeconds());
    }

    private void refuseWithoutEffect(ReinforceConfig usual, Double beta) {
        Map<String, Object> without = new LinkedHashMap<>();
        if (!usual.preference()) {
            without.put("--beta", beta);
            without.put("--rejected", rejected);
        }
        if (usual.preference() || usual.supervised()) {
            without.put("--reward", reward);
            without.put("--ratio-clip", ratioClip);
            without.put("--kl", kl);
            without.put("--alpha-min", alphaMin);
        }
        if (usual.supervised()) {
            without.put("--lambda-partial", partial);
            without.put("--lambda-wrong", wrong);
            without.put("--lambda-order", order);
        }
        without.forEach((option, given) -> {
            if (given != null) throw new UserError(option + " has no effect on " + usual.name() + "; leave it out");
        });
        ConfidenceOrder o = usual.confidence();
        boolean confident = new ConfidenceOrder(or(partial, o.partial()), or(wrong, o.wrong()), or(order, o.order()))
                .active();
        if (confidenceRate != null && !confident) {
            throw new UserError("--confidence-rate has no effect without a confidence; give --lambda-wrong, too");
        }
    }

    private static <T> T or(T given, T usual) {
        return given == null ? usual : given;
    }
}
