package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** How likely a model finds given items for a user: only their paths are computed, each prefix once. */
final class PathLikelihood {
    /** Items whose paths are computed at once. */
    private static final int ITEMS = 512;

    private final GenerativeModel model;
    private final Likelihood likelihood;
    private final ItemTrie trie;
    private final PathScores scores;

    PathLikelihood(GenerativeModel model, Likelihood likelihood) {
        this.model = model;
        this.likelihood = likelihood;
        trie = model.space().trie();
        scores = new PathScores(likelihood, trie);
    }

    /**
     * The log-probability of the semantic ID of each item.
     *
     * @param history all items of the user, oldest first
     * @param user its number
     */
    double[] logProbabilities(Backend backend, Workspace memory, int[] history, int user, int[] items) {
        double[] all = new double[items.length];
        for (int from = 0; from < items.length; from += ITEMS) {
            int[] some = Arrays.copyOfRange(items, from, Math.min(items.length, from + ITEMS));
            try (Tape tape = Tape.inference(backend, memory)) {
                double[] p = logProbabilities(model.read(tape, List.of(history), new int[] {user}), tape, some);
                System.arraycopy(p, 0, all, from, p.length);
            }
        }
        return all;
    }

    private double[] logProbabilities(GenerativeModel.Decoding decoding, Tape tape, int[] items) {
        int[] nodes = {0}, states = {0}; // of the prefixes of this depth, ascending; -1 where no state is needed
        float[] reached = {0}; // the score of each
        int[][] ancestors = {new int[0]}; // by state
        Variable state = decoding.first();
        for (int depth = 0; depth < trie.levels(); depth++) {
            int d = depth;
            int[] next = IntStream.of(items).map(i -> trie.node(i, d + 1)).sorted().distinct().toArray();
            int[] here = nodes, needed = states;
            int[] open = IntStream.range(0, here.length).filter(n -> needed[n] >= 0).map(n -> here[n]).toArray();
            float[] logits = state == null
                    ? null
                    : model.logits(tape, depth, state, tape.ints(open)).value().toArray();
            float[] nextScores = new float[next.length];
            int[] parents = new int[next.length];
            int columns = model.space().width(depth);
            for (int n = 0; n < nodes.length; n++) {
                int parent = n;
                scores.children(
                        nodes[n], reached[n], logits, states[n] * columns, columns, node -> 0, (edge, score) -> {
                            int child = Arrays.binarySearch(next, trie.child(edge));
                            if (child < 0) return;
                            nextScores[child] = score;
                            parents[child] = parent;
                        });
            }
            if (depth < trie.levels() - 1) {
                int[] nextStates = new int[next.length], codes = new int[next.length];
                int[][] nextAncestors = new int[next.length][];
                int computed = 0;
                for (int n = 0; n < next.length; n++) {
                    nextStates[n] = likelihood.certain(trie, next[n]) ? -1 : computed;
                    if (nextStates[n] < 0) continue;
                    int[] above = ancestors[states[parents[n]]];
                    nextAncestors[computed] = Arrays.copyOf(above, depth + 1);
                    nextAncestors[computed][depth] = computed;
                    codes[computed++] = trie.code(next[n] - 1);
                }
                ancestors = Arrays.copyOf(nextAncestors, computed);
                state = computed == 0
                        ? null
                        : decoding.next(depth, Arrays.copyOf(codes, computed), new int[computed], ancestors);
                states = nextStates;
            }
            nodes = next;
            reached = nextScores;
        }
        int[] leaves = nodes;
        float[] found = reached;
        return IntStream.of(items)
                .mapToDouble(i -> found[Arrays.binarySearch(leaves, trie.node(i, trie.levels()))])
                .toArray();
    }
}
