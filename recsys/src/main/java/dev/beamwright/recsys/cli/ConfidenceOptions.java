package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.confidence.ListRule;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.serve.Recommender;
import picocli.CommandLine.Option;

/** Which model of a run, and what its confidence is used for; shared by {@code recommend} and {@code evaluate}. */
@Section.In(Section.CONFIDENCE)
final class ConfidenceOptions {
    /** By what lists are ordered. */
    enum Rank {
        LIKELIHOOD,
        HYBRID
    }

    @Option(
            names = "--rank",
            paramLabel = "BY",
            defaultValue = "likelihood",
            description = "Order lists by likelihood, or hybrid: exp of the mean log-probability of an item's codes, and the"
                    + " model's confidence in it. Default: ${DEFAULT-VALUE}.")
    private Rank rank;

    @Option(
            names = "--confidence-weight",
            paramLabel = "W",
            description = "Weigh the confidence in hybrid by W. Default: 0.5.")
    private Double weight;

    @Option(
            names = "--truncate-below",
            paramLabel = "C",
            defaultValue = "0",
            description = "Leave out items of which the model is less sure than C. Default: ${DEFAULT-VALUE}.")
    private double truncateBelow;

    /** The rule, for lists of which so many items from the top may change places. */
    ListRule rule(int pool) {
        return new ListRule(!hybrid() ? 0 : weight == null ? 0.5 : weight, pool, truncateBelow);
    }

    boolean hybrid() {
        return rank == Rank.HYBRID;
    }

    /** Whether lists are anything but those by likelihood; refuses what makes no sense. */
    boolean changesLists() {
        if (weight != null && !hybrid()) throw new UserError("--confidence-weight goes with --rank hybrid");
        ListRule rule = rule(1);
        return rule.weight() > 0 || rule.truncateBelow() > 0;
    }

    /** Refuses what only a model with confidence can do. */
    static void need(Recommender recommender, String what) {
        if (recommender.confidence() == null) {
            throw new UserError(what + ": the model " + recommender.name() + " says nothing of its confidence; make one"
                    + " that does by 'beamwright train NEW-RUN --objective ugr --from RUN'");
        }
    }
}
