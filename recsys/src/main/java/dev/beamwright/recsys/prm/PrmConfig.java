package dev.beamwright.recsys.prm;

import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.run.Parameterized;
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
        @Help("keep its loss from changing the model") boolean detached,
        @Help("other prefixes that each prefix of a target is compared with") int negatives,
        @Help("share of these that are hard, see hard") double hardShare,
        @Help("hard negatives: of the model's own beam, or that differ in the last code alone") Hard hard,
        @Help("targets of a sequence that are compared, drawn at random") int targets,
        @Help("blocks of cross-attention") int blocks,
        @Help("heads of each attention; 0 for as many as the model's") int heads,
        @Help("rows of the table of paths, shared by hashing; 0 for one for each path") int table,
        @Help("a path has a vector of its own, or the sum of those of its prefixes") Paths paths)
        implements
            Parameterized {
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
        require(weight >= 0 && weight < 1000, "weight", "0 or more", weight);
        require(negatives >= 1 && negatives <= 1_000_000, "negatives", "from 1 to 1000000", negatives);
        require(hardShare >= 0 && hardShare <= 1, "hard-share", "in [0, 1]", hardShare);
        if (hardShare > 0 && Math.round(hardShare * negatives) == 0) {
            throw new UserError("prm: hard-share " + hardShare + " of " + negatives + " negatives is not a single one");
        }
        require(targets >= 1, "targets", "1 or more", targets);
        require(blocks >= 1, "blocks", "1 or more", blocks);
        require(heads >= 0, "heads", "0 (as many as the model's) or more", heads);
        require(table >= 0, "table", "0 (a row for each path) or more", table);
    }

    /** The same with another weight. */
    public PrmConfig withWeight(double weight) {
        return new PrmConfig(weight, detached, negatives, hardShare, hard, targets, blocks, heads, table, paths);
    }

    /** The same, whether or not its loss leaves the backbone as it is. */
    public PrmConfig withDetached(boolean detached) {
        return new PrmConfig(weight, detached, negatives, hardShare, hard, targets, blocks, heads, table, paths);
    }

    @Override
    public String idle(String key) {
        return key.equals("hard") && hardShare == 0 ? "without hard negatives (hard-share)" : null;
    }

    /** How many of the negatives are hard. */
    int hardNegatives() {
        return (int) Math.round(hardShare * negatives);
    }

    private static void require(boolean holds, String key, String range, double value) {
        Parameter.require(holds, "prm", key, range, value);
    }
}
