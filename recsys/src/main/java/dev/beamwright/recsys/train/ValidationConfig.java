package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.UserError;

/**
 * How validation chooses the model that is kept.
 *
 * @param cases how many validation users are asked; 0 for all
 * @param patience validations without a better one after which training stops; 0 for never
 * @param best what makes a validation better than another
 */
public record ValidationConfig(int cases, int patience, Best best) {
    /** By what a model is chosen. */
    public enum Best {
        /** The NDCG@10 of a beam search, of what serves. */
        NDCG,
        /**
         * The whole training loss, as in the APAO paper: the objective, with the prefix weights that the epoch ended
         * with, and the loss of a process reward model that is trained with the model.
         */
        LOSS
    }

    public ValidationConfig {
        if (cases < 0) throw new UserError("train: validation cases must be 0 (all) or more, got " + cases);
        if (patience < 0) throw new UserError("train: patience must be 0 or more, got " + patience);
    }

    /** By NDCG@10. */
    public ValidationConfig(int cases, int patience) {
        this(cases, patience, Best.NDCG);
    }

    public ValidationConfig withCases(int cases) {
        return new ValidationConfig(cases, patience, best);
    }

    public ValidationConfig withPatience(int patience) {
        return new ValidationConfig(cases, patience, best);
    }

    public ValidationConfig withBest(Best best) {
        return new ValidationConfig(cases, patience, best);
    }
}
