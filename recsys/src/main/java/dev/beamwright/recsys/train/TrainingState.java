package dev.beamwright.recsys.train;

import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.run.Nullable;
import java.util.Arrays;

/**
 * Where a training stands; stored in its checkpoints. A training that resumes from it ends with the same bits as one that
 * was never interrupted.
 *
 * @param step updates made
 * @param validations made, the one of the start model not counted
 * @param lines of the metrics file
 * @param sums of what the steps since the last validation reported
 * @param carried what the objective takes from step to step, see {@link TrainingRun.Stage#carried()}
 * @param start the start model's validation; null where there is no start model
 * @param best the best validation of a trained model; null before the first
 * @param last the last validation, of the start model too; null before the first
 * @param seconds of training so far, validations counted
 * @param validatedAt seconds at the last validation
 */
public record TrainingState(
        long step,
        int validations,
        int lines,
        Sums sums,
        double[] carried,
        @Nullable Score start,
        @Nullable Best best,
        @Nullable Score last,
        double seconds,
        double validatedAt,
        boolean finished) {
    /** Before the first step. */
    public static final TrainingState BEGIN =
            new TrainingState(0, 0, 0, Sums.NONE, new double[0], null, null, null, 0, 0, false);

    /**
     * What validation cases say of a model.
     *
     * @param loss null where the loss does not choose the model to keep
     */
    public record Score(double ndcg10, @Nullable Double loss) {
        /**
         * Whether this is better: by a lower loss, where that chooses, or else by a higher NDCG@10. NaN is the worst loss.
         * Of models without a single hit the later is the better.
         */
        boolean beats(Score other) {
            if (other == null) return true;
            if (loss != null) return other.loss == null || Double.compare(loss, other.loss) < 0;
            return ndcg10 > other.ndcg10 || ndcg10 == 0 && other.ndcg10 == 0;
        }
    }

    /** The best validation: its score, the step it was made after, and which validation it was, from 1. */
    public record Best(Score score, long step, int validation) {}

    /**
     * Sums over the steps since the last validation.
     *
     * @param steps how many
     * @param values what the loss reports, such as the negative log-likelihood by level, summed over targets
     * @param targets how many there were
     * @param norms of the gradients before clipping
     * @param counters what rollouts count
     */
    public record Sums(int steps, double[] values, long targets, double norms, Counters counters) {
        static final Sums NONE = new Sums(0, new double[0], 0, 0, new Counters());

        Sums plus(Trainer.Report report) {
            double[] sum = Arrays.copyOf(values, report.nll().length);
            for (int i = 0; i < sum.length; i++) sum[i] += report.nll()[i];
            return new Sums(steps + 1, sum, targets + report.targets(), norms + report.norm(),
                    counters.plus(report.counters()));
        }
    }

    /** After one more step. */
    TrainingState stepped(Trainer.Report report, double[] carried, double seconds) {
        return new TrainingState(step + 1, validations, lines, sums.plus(report), carried, start, best, last, seconds,
                validatedAt, false);
    }

    /** After the validation of the start model. */
    TrainingState started(Score score, int lines, double seconds) {
        return new TrainingState(
                step, validations, lines, Sums.NONE, carried, score, best, score, seconds, seconds, false);
    }

    /** After a validation. */
    TrainingState validated(Score score, int lines, double seconds) {
        Best better = improvedBy(score) ? new Best(score, step, validations + 1) : best;
        return new TrainingState(step, validations + 1, lines, Sums.NONE, carried, start, better, score, seconds,
                seconds, false);
    }

    /** At the end. */
    TrainingState finish() {
        return new TrainingState(
                step, validations, lines, sums, carried, start, best, last, seconds, validatedAt, true);
    }

    /** Whether a validation is better than all before it, the start model's not counted. */
    boolean improvedBy(Score score) {
        return score.beats(best == null ? null : best.score);
    }

    /** Validations since the best one; since the first, as long as none has found anything at all. */
    int validationsWithoutBetter() {
        boolean nothing = best.score.loss == null && best.score.ndcg10 == 0;
        return validations - (nothing ? 1 : best.validation);
    }
}
