package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.decode.SequenceMemory;
import dev.beamwright.recsys.run.Progress;

/**
 * What followed the latest items, near or far? An item's score is its weight in a {@link SequenceMemory} that has read
 * the training part, plus 1e-6 times the item's own count there.
 */
record MarkovDecayed() implements Baseline {
    private static final double POPULARITY = 1e-6;

    @Override
    public String name() {
        return "markov-decayed";
    }

    @Override
    public Scorer fit(int[][] train, int items, Progress progress) {
        SequenceMemory memory = SequenceMemory.of(train, items);
        double[] popularity = new double[items];
        for (int[] s : train) for (int item : s) popularity[item]++;
        for (int i = 0; i < items; i++) popularity[i] *= POPULARITY;
        return (history, scores) -> {
            System.arraycopy(popularity, 0, scores, 0, items);
            var recalled = memory.recall(history);
            for (int i = 0; i < recalled.items().length; i++) {
                scores[recalled.items()[i]] += (double) recalled.weights()[i] / SequenceMemory.UNIT;
            }
        };
    }
}
