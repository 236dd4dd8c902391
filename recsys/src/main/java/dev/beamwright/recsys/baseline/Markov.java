package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.data.Pairs;
import it.unimi.dsi.fastutil.ints.IntArrays;

/**
 * The first-order Markov rule. First come the items that followed the history's last item in the training part, the most
 * frequent first, and of equally frequent ones the one that followed it first. Then come all others by popularity, and of
 * equally popular ones the one that was met first. (Users in their order, each from the oldest item on.) So no two items
 * are equal.
 */
record Markov() implements Baseline {
    private static final double EARLIER = 1e-6; // what puts equal counts in order

    @Override
    public String name() {
        return "markov";
    }

    @Override
    public Scorer fit(int[][] train, int items) {
        Pairs pairs = Pairs.count(train, items, 1);
        double[] popularity = byPopularity(train, items);
        return (history, scores) -> {
            System.arraycopy(popularity, 0, scores, 0, items);
            if (history.length == 0) return;
            int last = history[history.length - 1];
            int from = pairs.start()[last], followers = pairs.end()[last] - from;
            for (int j = 0; j < followers; j++) {
                int count = pairs.sixths()[from + j] / Pairs.WHOLE;
                scores[pairs.item()[from + j]] = count + EARLIER * (1 - (double) j / followers);
            }
        };
    }

    /** A score far below 1 for each item, higher for the more popular. */
    private static double[] byPopularity(int[][] train, int items) {
        int[] count = new int[items], order = new int[items];
        int met = 0;
        for (int[] s : train) for (int item : s) if (count[item]++ == 0) order[met++] = item;
        for (int item = 0; item < items; item++) if (count[item] == 0) order[met++] = item;
        IntArrays.mergeSort(order, (a, b) -> count[b] - count[a]); // stable
        double[] score = new double[items];
        for (int place = 0; place < items; place++) score[order[place]] = EARLIER * (items - place) / (items + 1);
        return score;
    }
}
