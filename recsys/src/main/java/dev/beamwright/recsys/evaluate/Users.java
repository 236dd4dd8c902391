package dev.beamwright.recsys.evaluate;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Whom questions are about. With a time split there are many about one user, who share most of a history and so are no
 * independent evidence: what is drawn, and what is compared, is users. With one question each that is the same.
 *
 * @param questions the questions of each user; users in the order of their first
 */
record Users(int[][] questions) {
    /** The users of these questions. */
    static Users of(List<?> users) {
        Map<Object, IntArrayList> byUser = new LinkedHashMap<>();
        for (int q = 0; q < users.size(); q++) byUser.computeIfAbsent(users.get(q), _ -> new IntArrayList()).add(q);
        return new Users(byUser.values().stream().map(IntArrayList::toIntArray).toArray(int[][]::new));
    }

    /** A user for each question. */
    static Users each(int questions) {
        return new Users(IntStream.range(0, questions).mapToObj(q -> new int[] {q}).toArray(int[][]::new));
    }

    /** How many there are. */
    int count() {
        return questions.length;
    }

    /** Sums of values of questions, by user. */
    double[] sums(double[] values) {
        double[] sums = new double[count()];
        for (int u = 0; u < sums.length; u++) for (int q : questions[u]) sums[u] += values[q];
        return sums;
    }
}
