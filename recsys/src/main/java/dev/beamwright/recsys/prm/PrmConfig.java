package dev.beamwright.recsys.prm;

import dev.beamwright.recsys.run.UserError;

/**
 * The sizes of a process reward model, and how it is trained.
 *
 * @param weight of its loss beside the objective's; without effect where it is trained alone
 * @param detached whether its loss leaves the backbone as it is
 * @param negatives other prefixes of the same length that each prefix of a target is compared with, where there are so
 *     many
 * @param hardShare share of the negatives that are hard, not drawn from all prefixes
 * @param hard where these come from
 * @param targets of a sample that are compared, drawn at random; they stand for all
 * @param blocks of cross-attention
 * @param heads of each attention; 0 for as many as the backbone's, which so small a backbone needs; the paper's has a
 *     quarter of them
 * @param table rows of the table of path embeddings, shared by hashing; 0 for a row for each prefix of the catalogue
 * @param paths what the embedding of a path is made of
 */
public record PrmConfig(
        double weight,
        boolean detached,
        int negatives,
        double hardShare,
        Hard hard,
        int targets,
        int blocks,
        int heads,
        int table,
        Paths paths) {
    /** How a path becomes a vector. */
    public enum Paths {
        /** Each prefix has a row of its own, as in the paper. */
        NODE,
        /** The rows of a prefix and of all that it begins with are added up, so that rare items begin like their kin. */
        SUM
    }

    /** Where hard negatives come from. */
    public enum Hard {
        /** What the model's own beam ends with at that level, likeliest first. */
        BEAM,
        /** Prefixes that differ from the target's in the last code alone, drawn at random; no search is needed. */
        SIBLINGS
    }

    /** The settings that are used unless others are asked for. */
    public static final PrmConfig DEFAULT = new PrmConfig(1, false, 32, 0, Hard.BEAM, 4, 1, 0, 0, Paths.SUM);

    public PrmConfig {
        require(weight >= 0 && weight < 1000, "prm-weight must be 0 or more, got " + weight);
        require(negatives >= 1, "prm-negatives must be at least 1, got " + negatives);
        require(hardShare >= 0 && hardShare <= 1, "prm-hard-share must be in [0, 1], got " + hardShare);
        require(targets >= 1, "prm-targets must be at least 1, got " + targets);
        require(blocks >= 1, "prm-blocks must be at least 1, got " + blocks);
        require(heads >= 0, "prm-heads must be 0 (as many as the backbone's) or more, got " + heads);
        require(table >= 0, "prm-table must be 0 (a row for each prefix) or more, got " + table);
    }

    /** How many of the negatives are hard. */
    int hardNegatives() {
        return (int) Math.round(hardShare * negatives);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
