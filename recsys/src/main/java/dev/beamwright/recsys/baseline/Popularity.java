package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.run.Progress;

/** The same for everybody: an item's score is how often it stands in the training part. */
record Popularity() implements Baseline {
    @Override
    public String name() {
        return "popularity";
    }

    @Override
    public Scorer fit(int[][] train, int items, Progress progress) {
        double[] count = new double[items];
        for (int[] sequence : train) for (int item : sequence) count[item]++;
        return (_, scores) -> System.arraycopy(count, 0, scores, 0, items);
    }
}
