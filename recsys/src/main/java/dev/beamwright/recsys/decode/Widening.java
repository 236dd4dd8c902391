package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * How a beam is widened and pruned again (Promise, Guo et al., arXiv 2601.04674): at each level the K+ likeliest children
 * of the beam's paths are looked at, and a {@link PathScorer} chooses the K' of them that go on.
 *
 * @param widen K+: one number, or one for each level
 * @param keep K'; 0 for as many as the beam is wide. Of fewer candidates none is pruned
 * @param order what prunes, and what the last level is ranked by
 * @param beta what scores are divided by where they are added to log-probabilities
 * @param levels at which levels, from 1; empty for all. At the others the beam is a plain one
 */
public record Widening(List<Integer> widen, int keep, Order order, double beta, List<Integer> levels) {
    /** What prunes, and what the last level is ranked by. */
    public enum Order {
        /** The score prunes and ranks, as in the paper. */
        PRM,
        /** The score prunes; the list is ranked by log-probability. */
        LM,
        /** Log-probability plus score / β prunes and ranks. */
        SUM
    }

    public Widening {
        for (int k : widen) if (k < 1) throw new UserError("--widen " + k + ": must be at least 1");
        if (widen.isEmpty()) throw new UserError("--widen: say how many candidates are looked at");
        if (keep < 0) throw new UserError("--keep " + keep + ": must be 0 (as many as the beam is wide) or more");
        if (!(beta > 0)) throw new UserError("--prm-beta " + beta + ": must be above 0");
        for (int l : levels) if (l < 1) throw new UserError("--prm-levels " + l + ": levels are counted from 1");
    }

    /** The paper's: so many candidates at each level, as many paths kept as the beam is wide, ranked by score. */
    public static Widening of(int widen) {
        return new Widening(List.of(widen), 0, Order.PRM, 1, List.of());
    }

    /** Whether a level, from 0, is widened. */
    boolean at(int level) {
        return levels.isEmpty() || levels.contains(level + 1);
    }

    /** K+ of a level, from 0. */
    int candidates(int level) {
        return widen.get(widen.size() == 1 ? 0 : level);
    }

    /** K' under a beam of this width. */
    int kept(int width) {
        return keep == 0 ? width : keep;
    }

    /** Refuses what does not go together with a beam over so many levels. */
    void check(int width, int trieLevels) {
        if (widen.size() != 1 && widen.size() != trieLevels) {
            throw new UserError("--widen " + list(widen) + ": give one number, or one for each of the " + trieLevels
                    + " levels");
        }
        for (int l : levels) {
            if (l > trieLevels) throw new UserError("--prm-levels " + l + ": there are " + trieLevels + " levels");
        }
        for (int level = 0; level < trieLevels; level++) {
            if (at(level) && candidates(level) < kept(width)) {
                throw new UserError("--widen " + list(widen) + ": fewer candidates than the " + kept(width)
                        + " paths that are kept; widen more, or give a smaller --keep");
            }
        }
    }

    private static String list(List<Integer> numbers) {
        return String.join(",", numbers.stream().map(String::valueOf).toList());
    }
}
