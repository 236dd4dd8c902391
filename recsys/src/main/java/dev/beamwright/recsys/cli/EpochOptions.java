package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.train.TrainConfig;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of a training in epochs over the true sequences; null where not given. */
final class EpochOptions {
    @Option(
            names = "--softmax",
            paramLabel = "OVER",
            description = "children (codes that can follow in the item trie) or level (all codes of the level)")
    Softmax softmax;

    @Option(
            names = "--prm-weight",
            paramLabel = "X",
            description = "train a process reward model, too, with this weight of its loss; default: 0, none")
    private double prmWeight;

    @Option(
            names = "--prm-detached",
            negatable = true,
            fallbackValue = "true",
            description = "process reward model: keep its loss from changing the model")
    private Boolean prmDetached;

    @Mixin
    private PrmOptions prm;

    @Option(names = "--epochs", paramLabel = "N", description = "passes over the data at the most")
    Integer epochs;

    @Option(
            names = "--best",
            paramLabel = "BY",
            description = "the epoch to keep, by validation: ndcg (NDCG@10 of the beam search; default) or loss (the"
                    + " whole training loss)")
    TrainConfig.Best best;

    @Option(
            names = "--hold-out",
            paramLabel = "N",
            description = "leave out the last N training items of each user; training by rollouts and train-prm"
                    + " then learn from these alone, which the model has not seen")
    Integer holdOut;

    /** The process reward model to train with the model; null for none. */
    PrmConfig prm() {
        return prmWeight == 0
                ? prm.none(prmDetached)
                : prm.config(prmWeight, ModelOptions.or(prmDetached, false));
    }
}
