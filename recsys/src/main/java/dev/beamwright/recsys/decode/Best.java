package dev.beamwright.recsys.decode;

/** The best so many candidates: a heap with the worst on top. Of equal scores the lower edge is better. */
final class Best {
    final float[] scores;
    final int[] rows, edges;
    float[] ranks; // by what they are ordered
    int size;

    Best(int capacity) {
        scores = ranks = new float[capacity];
        rows = new int[capacity];
        edges = new int[capacity];
    }

    /** Some of these, ordered by values that begin at {@code from}; null for the scores. */
    Best chosen(int[] places, float[] values, int from) {
        Best b = new Best(places.length);
        for (int place : places) b.set(b.size++, scores[place], rows[place], edges[place]);
        if (values != null) {
            b.ranks = new float[places.length];
            for (int i = 0; i < places.length; i++) b.ranks[i] = values[from + places[i]];
        }
        return b;
    }

    void offer(float score, int row, int edge) {
        if (size < scores.length) {
            set(size++, score, row, edge);
            for (int i = size - 1; i > 0 && worse(i, (i - 1) / 2); i = (i - 1) / 2) swap(i, (i - 1) / 2);
        } else if (!worse(score, edge, 0)) {
            set(0, score, row, edge);
            sink(0, size);
        }
    }

    /** Best first. */
    void sort() {
        for (int n = size - 1; n > 0; n--) {
            swap(0, n);
            sink(0, n);
        }
    }

    /** What is not a number is worse than any. */
    private boolean worse(float s, int edge, int i) {
        boolean none = Float.isNaN(s), other = Float.isNaN(scores[i]);
        return none != other ? none : s < scores[i] || ((none || s == scores[i]) && edge > edges[i]);
    }

    private boolean worse(int i, int j) {
        return worse(scores[i], edges[i], j);
    }

    private void sink(int i, int n) {
        while (true) {
            int child = 2 * i + 1;
            if (child >= n) return;
            if (child + 1 < n && worse(child + 1, child)) child++;
            if (!worse(child, i)) return;
            swap(i, child);
            i = child;
        }
    }

    private void set(int i, float score, int row, int edge) {
        scores[i] = score;
        rows[i] = row;
        edges[i] = edge;
    }

    private void swap(int i, int j) {
        float s = scores[i];
        int r = rows[i], e = edges[i];
        set(i, scores[j], rows[j], edges[j]);
        set(j, s, r, e);
    }
}
