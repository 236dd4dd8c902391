package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.objective.Preset;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import picocli.CommandLine.Option;

/** The options of training by rollouts. What is not given keeps its default. */
@Section.In(Section.ROLLOUTS)
final class RolloutOptions {
    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Make N steps. Default: 300.")
    private Integer steps;

    @Option(
            names = "--group-size",
            paramLabel = "N",
            description = "Return N items for a prompt: the beam size of a rollout. Default: 16.")
    private Integer groupSize;

    @Option(names = "--iterations", paramLabel = "N", description = "Make N steps with one rollout. Default: 1.")
    private Integer iterations;

    @Option(names = "--validate-every", paramLabel = "N", description = "Validate every N steps. Default: 50.")
    private Integer validateEvery;

    /**
     * The settings.
     *
     * @param preset of the objective, or null
     * @param from the folder of the run to start from, or null
     */
    ReinforceConfig config(
            RolloutObjective objective, Preset preset, String from, OptimizationOptions o, ValidationOptions v,
            long seed) {
        ReinforceConfig d = ReinforceConfig.of(objective, from, seed);
        if (preset != null && preset.maxGradNorm() != null) {
            d = d.withOptimization(d.optimization().withMaxGradNorm(preset.maxGradNorm()));
        }
        return d.withRollouts(new ReinforceConfig.RolloutConfig(
                or(groupSize, d.rollouts().groupSize()),
                or(iterations, d.rollouts().iterations()),
                v.beamSize(d.rollouts().validationBeamSize()),
                or(validateEvery, d.rollouts().validateEvery())))
                .withSteps(or(steps, d.steps()))
                .withOptimization(o.config(d.optimization()))
                .withValidation(v.config(d.validation()))
                .withExecution(o.execution(d.execution()));
    }
}
