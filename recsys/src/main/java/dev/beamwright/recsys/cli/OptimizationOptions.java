package dev.beamwright.recsys.cli;

import picocli.CommandLine.Option;

/** The options that every training has; null where not given. */
final class OptimizationOptions {
    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "sequences of one step; targets of one step in an encoder-decoder; default: the preset's,"
                    + " or fewer where an epoch would have less than 8 steps")
    Integer batch;

    @Option(names = "--rate", paramLabel = "X", description = "highest learning rate")
    Double rate;

    @Option(
            names = "--warmup",
            paramLabel = "X",
            description = "share of all steps in which the rate rises; from 1 on, how many steps (not in rollouts)")
    Double warmup;

    @Option(names = "--decay", paramLabel = "X", description = "weight decay")
    Double decay;

    @Option(names = "--clip", paramLabel = "X", description = "largest norm of the gradient; 0 for none")
    Double clip;

    @Option(names = "--dropout", paramLabel = "X", description = "share of activations set to zero")
    Double dropout;

    @Option(names = "--patience", paramLabel = "N", description = "stop after so many epochs without a better one")
    Integer patience;

    @Option(
            names = "--beam",
            paramLabel = "N",
            description = "width of the beam that will serve, and of the one in validation, which is never below 10")
    Integer beam;

    @Option(
            names = "--validation-cases",
            paramLabel = "N",
            description = "validation users asked after each epoch; 0 for all")
    Integer validationCases;

    @Option(
            names = "--shards",
            paramLabel = "N",
            description = "parts in which a gradient is summed; more than 4 for more than 4 processors")
    Integer shards;
}
