package dev.beamwright.recsys.rank;

import dev.beamwright.recsys.data.Case;
import java.util.List;
import java.util.Map;

/** Whatever can stand in a score card: it answers what comes next. */
public interface Ranker extends AutoCloseable {
    /** The name by which it stands in a score card and in the name of its predictions' file. */
    String name();

    /** The name of the model that answers, without a word on how it is asked or which checkpoint it is. */
    default String label() {
        return name();
    }

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

    /** Whether it can treat the items of the history like this. */
    default boolean supports(SeenItems seen) {
        return true;
    }

    /**
     * Answers questions from their histories; the targets are there for the evaluation and must not be looked at.
     *
     * @param cases the questions, at most {@link #batch()} of them
     * @param seen what becomes of the items of the history; one that the ranker {@linkplain #supports supports}
     * @param depth how many items are wanted at least, where the catalogue and the history leave so many
     * @return an answer for each question, in their order
     */
    List<Ranking> rank(List<Case> cases, SeenItems seen, int depth);

    /** Gives back what it holds, if it holds anything. */
    @Override
    default void close() {}
}
