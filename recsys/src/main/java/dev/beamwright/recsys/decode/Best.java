package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.semanticid.ItemTrie;

/** The best so many candidates: a heap with the worst on top, and the best that had no room in it. Of equal scores the lower edge is better. */
final class Best {
    final float[] scores;
    final int[] rows, edges;
    float[] ranks; // by what they are ordered
    int size;
    float prunedScore; // of the best that is not among these, if there is one
    int prunedEdge = -1;

    Best(int capacity) {
        scores = ranks = new float[capacity];
        rows = new int[capacity];
        edges = new int[capacity];
    }

    /** Some of these, ordered by values that begin at {@code from}; null for the scores. */
    Best chosen(int[] places, float[] values, int from) {
        Best b = new Best(places.length);
        b.prunedScore = prunedScore;
        b.prunedEdge = prunedEdge;
        boolean[] stays = new boolean[size];
        for (int place : places) {
            stays[place] = true;
            b.set(b.size++, scores[place], rows[place], edges[place]);
        }
        for (int i = 0; i < size; i++) if (!stays[i]) b.prune(scores[i], edges[i]);
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
            prune(scores[0], edges[0]);
            set(0, score, row, edge);
            sink(0, size);
        } else {
            prune(score, edge);
        }
    }

    private void prune(float score, int edge) {
        if (prunedEdge >= 0 && (score < prunedScore || score == prunedScore && edge > prunedEdge)) return;
        prunedScore = score;
        prunedEdge = edge;
    }

    /** The {@link PathOrder} of the best that is not among these. */
    long pruned(ItemTrie trie) {
        return prunedEdge < 0 ? PathOrder.NOTHING : PathOrder.of(prunedScore, trie.firstLeaf(trie.child(prunedEdge)));
    }

    /** Whether they are in the order of their scores. */
    boolean byScore() {
        return ranks == scores;
    }

    /** Best first. */
    void sort() {
        for (int n = size - 1; n > 0; n--) {
            swap(0, n);
            sink(0, n);
        }
    }

    private boolean worse(float s, int edge, int i) {
        return s < scores[i] || (s == scores[i] && edge > edges[i]);
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
