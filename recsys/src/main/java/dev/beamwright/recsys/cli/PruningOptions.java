package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.decode.Widening;
import java.util.List;
import picocli.CommandLine.Option;

/**
 * How a widened beam is pruned. What is not given is as in the paper, but for the order: added to the log-probability, the
 * score was worth more on every data set that was tried.
 */
@Section.In(Section.SEARCH)
final class PruningOptions {
    @Option(names = "--keep", paramLabel = "N", description = "Keep N paths, with --widen. Default: the beam size.")
    private Integer keep;

    @Option(
            names = "--order",
            paramLabel = "BY",
            description = "Prune and rank, with --widen, by sum (log-probability + score / beta), prm (the score alone, as in"
                    + " the paper) or lm (the score prunes, log-probability ranks). Default: sum.")
    private Widening.Order order;

    @Option(names = "--prm-beta", paramLabel = "X", description = "Divide scores by X, with --order sum. Default: 1.")
    private Double beta;

    @Option(
            names = "--prm-levels",
            split = ",",
            paramLabel = "N",
            description = "Prune at these levels only, from 1, with --widen. Default: at all.")
    private List<Integer> levels;

    boolean given() {
        return keep != null || order != null || beta != null || levels != null;
    }

    /** Whether beta is given, and an order that does not ask for it. */
    boolean betaWithoutEffect() {
        return beta != null && order != null && order != Widening.Order.SUM;
    }

    /** The widening to so many candidates: one number, or one for each level. */
    Widening of(List<Integer> candidates) {
        return new Widening(
                candidates,
                keep == null ? 0 : keep,
                order == null ? Widening.Order.SUM : order,
                beta == null ? 1 : beta,
                levels == null ? List.of() : levels);
    }
}
