package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.ValidationConfig;
import java.util.Map;
import picocli.CommandLine.Option;

/** The options of a training in epochs over the true sequences; null where not given. */
final class EpochOptions {
    @Section.In(Section.OPTIMIZATION)
    @Option(names = "--epochs", paramLabel = "N", description = "Pass over the data N times at the most.")
    Integer epochs;

    @Section.In(Section.OBJECTIVE)
    @Option(
            names = "--softmax",
            paramLabel = "OVER",
            description = "Take the softmax over children (codes that can follow in the item trie) or level (all codes of"
                    + " the level). Default: the preset's; children for msl and bear.")
    Softmax softmax;

    @Section.In(Section.VALIDATION)
    @Option(
            names = "--best",
            paramLabel = "BY",
            description = "Keep the best epoch by ndcg (validation NDCG@10 of the beam search) or loss (the whole training"
                    + " loss of the validation users). Default: ndcg.")
    ValidationConfig.Best best;

    @Section.In(Section.DATA)
    @Option(
            names = "--hold-out",
            paramLabel = "N",
            description = "Leave out the last N training items of each user; rollouts and train-prm then learn from these"
                    + " alone, which the model has not seen.")
    Integer holdOut;

    @Section.In(Section.OBJECTIVE)
    @Option(
            names = "--prm-weight",
            paramLabel = "X",
            description = "Train a process reward model with the model, with this weight of its loss; 'train-prm --help'"
                    + " lists its parameters (-P prm.KEY=VALUE). Default: 0, none.")
    private double prmWeight;

    /** The process reward model to train with the model, with these parameters; null for none. */
    PrmConfig prm(Map<String, String> parameters) {
        if (prmWeight > 0) return PrmOptions.config(prmWeight, false, parameters);
        if (parameters.isEmpty()) return null;
        String key = PrmOptions.PREFIX + parameters.keySet().iterator().next();
        throw new UserError("-P " + key + ": has no effect without a process reward model; give --prm-weight 1, too");
    }
}
