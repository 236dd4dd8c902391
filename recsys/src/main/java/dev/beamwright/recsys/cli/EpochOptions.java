package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.TrainConfig;
import java.util.Map;
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
            description = "train a process reward model, too, with this weight of its loss; default: 0, none; 'train-prm"
                    + " --help' lists its parameters")
    private double prmWeight;

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

    /** The process reward model to train with the model, with these parameters; null for none. */
    PrmConfig prm(Map<String, String> parameters) {
        if (prmWeight > 0) return PrmOptions.config(prmWeight, false, parameters);
        if (parameters.isEmpty()) return null;
        String key = PrmOptions.PREFIX + parameters.keySet().iterator().next();
        throw new UserError("-P " + key + ": has no effect without a process reward model; give --prm-weight 1, too");
    }
}
