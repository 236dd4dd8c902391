package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.OptimizationConfig;
import picocli.CommandLine.Option;

/** The options of the optimizer, which every training has. What is not given keeps its default. */
@Section.In(Section.OPTIMIZATION)
final class OptimizationOptions {
    @Option(
            names = "--batch-size",
            paramLabel = "N",
            description = "Take N sequences in a step; targets in an encoder-decoder, prompts of rollouts. Default: the"
                    + " preset's, or fewer where an epoch would have less than 8 steps.")
    private Integer batchSize;

    @Option(names = "--learning-rate", paramLabel = "X", description = "Rise to this learning rate, then fall.")
    private Double learningRate;

    @Option(
            names = "--warmup-ratio",
            paramLabel = "X",
            description = "Let the learning rate rise in this share of all steps.")
    private Double warmupRatio;

    @Option(names = "--warmup-steps", paramLabel = "N", description = "Let the learning rate rise in N steps.")
    private Long warmupSteps;

    @Option(names = "--weight-decay", paramLabel = "X", description = "Decay weights by X (AdamW).")
    private Double weightDecay;

    @Option(
            names = "--max-grad-norm",
            paramLabel = "X",
            description = "Clip the gradient to this norm; 0 for no clipping.")
    private Double maxGradNorm;

    @Option(names = "--dropout", paramLabel = "X", description = "Set this share of activations to zero.")
    private Double dropout;

    @Option(
            names = "--shards",
            paramLabel = "N",
            description = "Sum a gradient in N parts, each by one thread; more than 4 for more than 4 processors.")
    private Integer shards;

    /** Whether the batch size was given. */
    boolean hasBatchSize() {
        return batchSize != null;
    }

    /** With all that was given. */
    OptimizationConfig config(OptimizationConfig d) {
        if (warmupRatio != null && warmupSteps != null) {
            throw new UserError(
                    "--warmup-ratio and --warmup-steps are two ways to say the same; leave one of them out");
        }
        OptimizationConfig o = new OptimizationConfig(
                or(batchSize, d.batchSize()),
                or(learningRate, d.learningRate()),
                d.warmupRatio(),
                d.warmupSteps(),
                or(weightDecay, d.weightDecay()),
                or(maxGradNorm, d.maxGradNorm()),
                or(dropout, d.dropout()));
        if (warmupRatio != null) return o.withWarmupRatio(warmupRatio);
        return warmupSteps != null ? o.withWarmupSteps(warmupSteps) : o;
    }

    /** With all that was given. */
    ExecutionConfig execution(ExecutionConfig d) {
        return shards == null ? d : d.withShards(shards);
    }
}
