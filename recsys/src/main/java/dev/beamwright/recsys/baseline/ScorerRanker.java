package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import java.util.List;

/**
 * Ranks by scores of the whole catalogue, several questions at a time. For the repeat prior the scores of unseen items
 * are taken as proportional to their probabilities.
 *
 * @param repeats how likely seen items return
 */
public record ScorerRanker(String name, Scorer scorer, int items, Repeats repeats) implements Ranker {
    private static final int SCORES = 1 << 22; // that a batch may hold: 32 MB

    @Override
    public int batch() {
        return Math.clamp(SCORES / items, 1, 256);
    }

    @Override
    public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
        return cases.parallelStream().map(c -> rank(c.history(), seen)).toList();
    }

    private Ranking rank(int[] history, SeenItems seen) {
        double[] scores = new double[items];
        scorer.score(history, scores);
        if (seen == SeenItems.ALLOWED) return new Ranking.Scores(scores);
        for (int item : history) scores[item] = Double.NEGATIVE_INFINITY;
        if (seen == SeenItems.HIDDEN || repeats.never()) return new Ranking.Scores(scores);
        Repeats.Masses masses = repeats.masses(history);
        double sum = 0;
        for (double s : scores) if (s > 0) sum += s;
        for (int i = 0; i < items && sum > 0; i++) scores[i] *= (1 - masses.total()) / sum;
        for (int i = 0; i < masses.items().length; i++) scores[masses.items()[i]] = masses.masses()[i];
        return new Ranking.Scores(scores);
    }
}
