package dev.beamwright.recsys.rank;

import java.util.Locale;

/** What becomes of the items of a user's own history in a list for that user. */
public enum SeenItems {
    /** They are items like all others: the model alone says how likely they are. */
    ALLOWED,
    /** They are left out. */
    HIDDEN,
    /**
     * They have the probability with which people come back to items in the training part, see
     * {@link dev.beamwright.recsys.data.Repeats}. Where nobody does, that is {@link #HIDDEN}.
     */
    PRIOR;

    /** The same where seen items cannot have their own masses: then the prior hides them. */
    public SeenItems withoutPrior() {
        return this == PRIOR ? HIDDEN : this;
    }

    /** The word for it in a table. */
    public String text() {
        return this == PRIOR ? "repeat prior" : name().toLowerCase(Locale.ROOT);
    }
}
