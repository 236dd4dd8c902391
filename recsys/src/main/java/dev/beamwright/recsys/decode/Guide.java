package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.semanticid.ItemTrie;
import java.util.Arrays;

/**
 * What guides a beam (Promise, Guo et al., arXiv 2601.04674): more candidates are looked at than are kept, and a scorer
 * chooses among them.
 */
public record Guide(Widening widening, PathScorer scorer) {
    /** Keeps of each user's candidates, which are in the order of their scores, those that the scorer finds best. */
    void prune(Best[] best, PathScorer.Session scoring, ItemTrie trie, int beamSize, boolean last) {
        int[] offsets = new int[best.length + 1];
        for (int u = 0; u < best.length; u++) offsets[u + 1] = offsets[u] + best[u].size;
        int[] nodes = new int[offsets[best.length]];
        if (nodes.length == 0) return;
        for (int u = 0; u < best.length; u++) {
            for (int i = 0; i < best[u].size; i++) nodes[offsets[u] + i] = trie.child(best[u].edges[i]);
        }
        float[] values = scoring.score(nodes, offsets);
        for (int u = 0; u < best.length; u++) {
            if (widening.order() == Widening.Order.SUM) {
                for (int i = 0; i < best[u].size; i++) {
                    int at = offsets[u] + i;
                    values[at] = (float) (best[u].scores[i] + values[at] / widening.beta());
                }
            }
            int[] chosen = TopK.largest(values, offsets[u], offsets[u + 1], widening.kept(beamSize));
            boolean byLikelihood = last && widening.order() == Widening.Order.LM;
            if (byLikelihood) Arrays.sort(chosen);
            best[u] = best[u].chosen(chosen, byLikelihood ? null : values, offsets[u]);
        }
    }
}
