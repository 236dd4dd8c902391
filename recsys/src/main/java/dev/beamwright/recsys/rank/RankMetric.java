package dev.beamwright.recsys.rank;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * What an answer is worth, by the rank r of the question's one target, counted from 1 (see {@link Ranking#rank}). The
 * value at depth K is 0 where the target is not within the first K, which is r ≥ K + 1: a mid-rank between K and K + 1
 * counts as K. Metrics of a model are means of these values over all questions. Logarithms are {@link StrictMath}'s, so
 * that the bits are the same on every machine.
 */
public enum RankMetric {
    /** 1; with one target recall, hit rate and HR are the same. */
    RECALL {
        @Override
        double within(double rank) {
            return 1;
        }
    },
    /** 1 / log2(r + 1): the discounted cumulative gain, which is normalised as it stands, since the ideal is 1. */
    NDCG {
        @Override
        double within(double rank) {
            return StrictMath.log(2) / StrictMath.log(rank + 1);
        }
    },
    /** 1 / r, the reciprocal rank. */
    MRR {
        @Override
        double within(double rank) {
            return 1 / rank;
        }
    };

    abstract double within(double rank);

    /** The value at depth k of a target with this rank; 0 for a rank of positive infinity, a target without a place. */
    public double at(int k, double rank) {
        return rank < k + 1 ? within(rank) : 0;
    }

    /** The same of a target that stands at an index of a list, counted from 0; negative for a target not in it. */
    public double atIndex(int k, int index) {
        return index < 0 ? 0 : at(k, index + 1.0);
    }

    /** As it is called in a score card: {@code ndcg@10}. */
    public String name(int k) {
        return name().toLowerCase(Locale.ROOT) + "@" + k;
    }

    /** The metric of a name without depth, such as {@code ndcg}; empty if there is none. */
    public static Optional<RankMetric> named(String name) {
        return Arrays.stream(values()).filter(m -> m.name().toLowerCase(Locale.ROOT).equals(name)).findFirst();
    }
}
