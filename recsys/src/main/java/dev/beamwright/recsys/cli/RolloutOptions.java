package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.ModelOptions.or;

import dev.beamwright.recsys.objective.Preset;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import picocli.CommandLine.Option;

/** The options of training by rollouts. What is not given keeps its default. */
final class RolloutOptions {
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

    @Option(names = "--every", paramLabel = "N", description = "rollouts: steps between two validations; default: 50")
    private Integer every;

    /**
     * The settings.
     *
     * @param preset of the objective, or null
     * @param from the folder of the run to start from, or null
     */
    ReinforceConfig config(
            RolloutObjective objective, Preset preset, String from, OptimizationOptions o, long seed) {
        ReinforceConfig d = ReinforceConfig.of(objective, from, seed);
        Double clip = preset == null ? null : preset.maxGradNorm();
        return new ReinforceConfig(
                objective,
                from,
                or(group, d.group()),
                or(o.batch, d.batch()),
                or(iterations, d.iterations()),
                or(steps, d.steps()),
                or(o.rate, d.rate()),
                or(o.warmup, d.warmup()),
                or(o.decay, d.decay()),
                or(o.clip, or(clip, d.clip())),
                or(o.dropout, d.dropout()),
                or(every, d.every()),
                or(o.patience, d.patience()),
                or(o.beam, d.beam()),
                or(o.validationCases, d.validationCases()),
                seed,
                or(o.shards, d.shards()),
                d.microTokens(),
                d.checkpointSeconds());
    }
}
