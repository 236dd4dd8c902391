package dev.beamwright.recsys.train;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.tensor.Backend;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * How a model in training answers the validation cases, items of a user's history not hidden: means over the cases, 0 if
 * there are none.
 *
 * @param recall10 share of cases with the target among ten
 * @param hr1 share of cases with the target in the first place
 * @param found what a search found for each case; empty where a {@link Ranker} answered
 */
public record Validation(double recall10, double ndcg10, double hr1, List<Search.Result> found) {
    /**
     * By a search.
     *
     * @param done called from any thread with the number of cases done; what it throws ends the search
     */
    public static Validation of(
            Backend backend, GenerativeModel model, SearchConfig search, List<Case> cases, IntConsumer done) {
        Search.Result[] results;
        try (var generator = new Generator(backend, model)) {
            results = generator.recommend(
                    search,
                    Query.of(
                            cases.stream().map(c -> c.latest(model.maxItems())).toList(),
                            cases.stream().mapToInt(Case::user).toArray()),
                    done);
        }
        double[] ranks = new double[results.length];
        for (int i = 0; i < ranks.length; i++) ranks[i] = rank(results[i].items(), cases.get(i).target());
        return of(ranks, List.of(results));
    }

    private static double rank(int[] items, int target) {
        for (int i = 0; i < items.length; i++) if (items[i] == target) return i + 1;
        return Double.POSITIVE_INFINITY;
    }

    /** By a ranker, in batches; {@code done} as above. */
    public static Validation of(Ranker ranker, List<Case> cases, IntConsumer done) {
        double[] ranks = new double[cases.size()];
        for (int from = 0; from < ranks.length; from += ranker.batch()) {
            List<Case> batch = cases.subList(from, Math.min(ranks.length, from + ranker.batch()));
            var answers = ranker.rank(batch, SeenItems.ALLOWED, 10);
            for (int i = 0; i < batch.size(); i++) {
                ranks[from + i] = answers.get(i).rank(batch.get(i).target(), null);
            }
            done.accept(from + batch.size());
        }
        return of(ranks, List.of());
    }

    private static Validation of(double[] ranks, List<Search.Result> found) {
        double recall10 = 0, ndcg10 = 0, hr1 = 0;
        for (double rank : ranks) {
            recall10 += RankMetric.RECALL.at(10, rank);
            ndcg10 += RankMetric.NDCG.at(10, rank);
            hr1 += RankMetric.RECALL.at(1, rank);
        }
        int n = Math.max(1, ranks.length);
        return new Validation(recall10 / n, ndcg10 / n, hr1 / n, found);
    }
}
