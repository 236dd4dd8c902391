package dev.beamwright.recsys.rank;

import dev.beamwright.recsys.run.UserError;
import java.util.Arrays;

/** An answer to one question: scores for all items, or a list of the best. */
public sealed interface Ranking {
    /** Stands in a list for something that names no item. */
    int INVALID = -1;

    /**
     * The place of the target, from 1; positive infinity if it has none.
     *
     * @param groups a number for each item by which items count as the same (items with the same semantic ID), so that
     *     the group of the target stands where its best item stands; null if each item stands for itself
     */
    double rank(int target, int[] groups);

    /** The best items, at most n. */
    Top top(int n);

    /** Each score. */
    double[] scores();

    /** This answer, if all its scores are numbers. Throws {@link UserError}, which names the model, if one is not. */
    default Ranking checked(String model) {
        for (double s : scores()) if (Double.isNaN(s)) throw notANumber(model);
        return this;
    }

    /** What to say of a model one of whose scores is not a number. */
    static UserError notANumber(String model) {
        return new UserError("the model '" + model + "' gave a score that is not a number: its training diverged; train"
                + " again with a lower learning rate, or with --max-grad-norm");
    }

    /**
     * A score for each item, minus infinity for items that are hidden. Equal scores share the middle of the places that
     * they take together (mid-rank), so that nothing is won by an order that the scores do not tell: of n items with the
     * best score each has rank (n + 1) / 2. Such a rank may lie half-way between two places.
     */
    record Scores(double[] scores) implements Ranking {
        @Override
        public double rank(int target, int[] groups) {
            return groups == null ? midRank(scores, target) : midRank(best(groups), groups[target]);
        }

        private static double midRank(double[] scores, int target) {
            double score = scores[target];
            if (!(score > Double.NEGATIVE_INFINITY)) return Double.POSITIVE_INFINITY; // hidden, or not a number
            int above = 0, equal = -1; // the target itself is no rival
            for (double s : scores) {
                if (s > score) above++;
                else if (s == score) equal++;
            }
            return 1 + above + equal / 2.0;
        }

        /** The best score of each group. */
        private double[] best(int[] groups) {
            double[] best = new double[Arrays.stream(groups).max().orElse(-1) + 1];
            Arrays.fill(best, Double.NEGATIVE_INFINITY);
            for (int i = 0; i < scores.length; i++) if (scores[i] > best[groups[i]]) best[groups[i]] = scores[i];
            return best;
        }

        /** The best items; of equal ones the lower number first. */
        @Override
        public Top top(int n) {
            int[] items = new int[n];
            double[] best = new double[n];
            int size = 0;
            for (int i = 0; i < scores.length; i++) {
                double s = scores[i];
                if (!(s > Double.NEGATIVE_INFINITY) || (size == n && !(s > best[n - 1]))) continue;
                int at = size < n ? size++ : n - 1;
                for (; at > 0 && best[at - 1] < s; at--) {
                    best[at] = best[at - 1];
                    items[at] = items[at - 1];
                }
                best[at] = s;
                items[at] = i;
            }
            return new Top(Arrays.copyOf(items, size), Arrays.copyOf(best, size));
        }
    }

    /**
     * The best items, best first, as a decoder finds them. What names no item is {@link #INVALID} and keeps its place.
     *
     * @param items item numbers
     * @param scores the score of each, for whoever reads the predictions; the order is the list's
     * @param proved how many of the first items are proved to be those that the model scores best; null if nothing is known
     */
    record Top(int[] items, double[] scores, Integer proved) implements Ranking {
        /** A list of which nothing is proved. */
        public Top(int[] items, double[] scores) {
            this(items, scores, null);
        }

        @Override
        public double rank(int target, int[] groups) {
            int place = 0;
            for (int i = 0; i < items.length; i++) {
                if (groups != null && groupBefore(i, groups)) continue;
                place++;
                if (items[i] == INVALID || Double.isNaN(scores[i])) continue;
                if (groups == null ? items[i] == target : groups[items[i]] == groups[target]) return place;
            }
            return Double.POSITIVE_INFINITY;
        }

        /** Whether the group of the i-th item stood in the list before. */
        private boolean groupBefore(int i, int[] groups) {
            if (items[i] == INVALID) return false;
            for (int j = 0; j < i; j++) {
                if (items[j] != INVALID && groups[items[j]] == groups[items[i]]) return true;
            }
            return false;
        }

        @Override
        public Top top(int n) {
            int size = Math.min(n, items.length);
            return new Top(Arrays.copyOf(items, size), Arrays.copyOf(scores, size), proved);
        }
    }
}
