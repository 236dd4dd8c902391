package dev.beamwright.recsys.baseline;

/**
 * What followed the latest items, near or far? In the training part a pair (a, then b) at distance d &lt;= 3 counts 1/d.
 * An item's score is the sum over the last three items of the history, newest first (k = 0, 1, 2), of 0.5^k times that
 * count, plus 1e-6 times the item's own count in the training part.
 */
record MarkovDecayed() implements Baseline {
    private static final int REACH = 3;
    private static final double POPULARITY = 1e-6;

    @Override
    public String name() {
        return "markov-decayed";
    }

    @Override
    public Scorer fit(int[][] train, int items) {
        Pairs pairs = Pairs.count(train, items, REACH);
        double[] popularity = new double[items];
        for (int[] s : train) for (int item : s) popularity[item]++;
        for (int i = 0; i < items; i++) popularity[i] *= POPULARITY;
        ThreadLocal<int[]> scratch = ThreadLocal.withInitial(() -> new int[items]); // all 0 between calls
        return (history, scores) -> {
            System.arraycopy(popularity, 0, scores, 0, items);
            int[] sum = scratch.get(); // whole numbers, so that equal scores are exactly equal
            int unit = Pairs.WHOLE << (REACH - 1); // what a count of 1 at k = 0 is in them
            int n = Math.min(REACH, history.length);
            for (int k = 0; k < n; k++) {
                int a = history[history.length - 1 - k];
                for (int p = pairs.start()[a]; p < pairs.end()[a]; p++) {
                    sum[pairs.item()[p]] += pairs.sixths()[p] << (REACH - 1 - k);
                }
            }
            for (int k = 0; k < n; k++) {
                int a = history[history.length - 1 - k];
                for (int p = pairs.start()[a]; p < pairs.end()[a]; p++) {
                    int b = pairs.item()[p];
                    scores[b] += (double) sum[b] / unit;
                    sum[b] = 0;
                }
            }
        };
    }
}
