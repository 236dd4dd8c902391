package dev.beamwright.recsys.rank;

import dev.beamwright.recsys.data.Case;
import java.util.List;
import java.util.Map;

/** Whatever can stand in a score card: it answers what comes next. */
public interface Ranker {
    /** The name by which it stands in a score card and in the name of its predictions' file. */
    String name();

    /** How many questions it likes to be asked at once. */
    int batch();

    /**
     * How it answers, such as the width of its beam, for whoever compares score cards.
     *
     * @param depth how many items it is asked for
     */
    default Map<String, Object> settings(int depth) {
        return Map.of();
    }

    /**
     * Answers questions from their histories; the targets are there for the evaluation and must not be looked at.
     *
     * @param cases the questions, at most {@link #batch()} of them
     * @param seenMask whether items of the history must not be in the answer
     * @param depth how many items are wanted at least, where the catalogue and the history leave so many
     * @return an answer for each question, in their order
     */
    List<Ranking> rank(List<Case> cases, boolean seenMask, int depth);
}
