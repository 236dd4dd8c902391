package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.run.UserError;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of a beam that is widened, and pruned by the run's process reward model. */
@Section.In(Section.SEARCH)
final class WideningOptions {
    @Option(
            names = "--widen",
            split = ",",
            paramLabel = "N",
            description = "Look at N candidates at each level (one number, or one for each), and let the process reward model"
                    + " choose. Default: a plain beam.")
    private List<Integer> widen;

    @Mixin
    private PruningOptions pruning;

    /** What was asked for; null for a plain beam. */
    Widening widening() {
        if (widen == null && pruning.given()) {
            throw new UserError("--keep, --order, --prm-beta and --prm-levels go with --widen N");
        }
        if (pruning.betaWithoutEffect()) {
            throw new UserError("--prm-beta has no effect with another --order than sum; leave it out");
        }
        return widen == null ? null : pruning.of(widen);
    }
}
