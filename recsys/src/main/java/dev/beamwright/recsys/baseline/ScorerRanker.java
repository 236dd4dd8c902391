package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import java.util.List;

/** Ranks by scores of the whole catalogue, several questions at a time. */
public record ScorerRanker(String name, Scorer scorer, int items) implements Ranker {
    private static final int SCORES = 1 << 22; // that a batch may hold: 32 MB

    @Override
    public int batch() {
        return Math.clamp(SCORES / items, 1, 256);
    }

    @Override
    public List<Ranking> rank(List<Case> cases, boolean seenMask, int depth) {
        return cases.parallelStream().map(c -> rank(c.history(), seenMask)).toList();
    }

    private Ranking rank(int[] history, boolean seenMask) {
        double[] scores = new double[items];
        scorer.score(history, scores);
        if (seenMask) for (int seen : history) scores[seen] = Double.NEGATIVE_INFINITY;
        return new Ranking.Scores(scores);
    }
}
