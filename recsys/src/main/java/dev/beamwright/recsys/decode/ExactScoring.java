package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.objective.Likelihood;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Scores the whole catalogue: every node of the item trie gets the sum of the log-probabilities of the codes on its path,
 * by the same arithmetic as in {@link BeamSearch}. That is the ranking which a beam search approximates, and what a beam
 * as wide as the catalogue finds. It costs one position of the decoder for each inner node of the trie.
 *
 * <p>A user's trie is scored in blocks of neighbouring nodes that fit the memory, each with the nodes above them.
 */
public final class ExactScoring implements AutoCloseable {
    /** Nodes of the deepest inner level that are scored at once. */
    private static final int BLOCK = 1024;

    private final Backend backend;
    private final GenerativeModel model;
    private final Likelihood likelihood;
    private final ItemTrie trie;
    private final int block;
    private final int[] parents; // by node
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    public ExactScoring(Backend backend, GenerativeModel model, Likelihood likelihood) {
        this(backend, model, likelihood, BLOCK);
    }

    ExactScoring(Backend backend, GenerativeModel model, Likelihood likelihood, int block) {
        this.block = block;
        this.backend = backend;
        this.model = model;
        this.likelihood = likelihood;
        trie = model.space().trie();
        parents = new int[trie.nodes()];
        for (int node = 0; node < trie.firstNode(trie.levels()); node++) {
            for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                parents[trie.child(e)] = node;
            }
        }
    }

    /** Is given the scores of one user. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * Called once for each user, for several users at a time.
         *
         * @param user its place in the list of histories
         * @param scores by node of the trie; 0 for the root
         */
        void scores(int user, float[] scores);
    }

    /**
     * Scores the trie for each history, users side by side on all threads.
     *
     * @param users the number of each user
     */
    public void score(List<int[]> histories, int[] users, Visitor visitor) {
        Parallel.run(histories.size(), u -> {
            Workspace memory = idle.poll();
            if (memory == null) memory = new Workspace();
            float[] scores = new float[trie.nodes()];
            int depth = trie.levels() - 1, first = trie.firstNode(depth), last = first + trie.nodesAt(depth);
            for (int from = first; from < last; from += block) {
                try (Tape tape = Tape.inference(backend, memory)) {
                    var decoding = model.read(tape, List.of(histories.get(u)), new int[] {users[u]});
                    score(tape, decoding, from, Math.min(last, from + block), scores);
                }
            }
            idle.add(memory);
            visitor.scores(u, scores);
        });
    }

    /** Scores all that lies below and above the nodes [from, to) of the deepest inner level. */
    private void score(Tape tape, GenerativeModel.Decoding decoding, int from, int to, float[] scores) {
        int levels = trie.levels();
        // The nodes at depth d that are on the way: [first[d], last[d]], a range, because the trie is in order.
        int[] first = new int[levels], last = new int[levels];
        first[levels - 1] = from;
        last[levels - 1] = to - 1;
        for (int d = levels - 2; d >= 0; d--) {
            first[d] = parents[first[d + 1]];
            last[d] = parents[last[d + 1]];
        }
        Variable states = decoding.first();
        int[][] ancestors = {new int[0]}; // by row: its row at each level so far
        for (int d = 0; d < levels; d++) {
            int rows = last[d] - first[d] + 1;
            if (d > 0) {
                int[] codes = new int[rows];
                int[][] extended = new int[rows][];
                for (int r = 0; r < rows; r++) {
                    int node = first[d] + r;
                    codes[r] = trie.code(node - 1);
                    int[] above = ancestors[parents[node] - first[d - 1]];
                    extended[r] = Arrays.copyOf(above, d);
                    extended[r][d - 1] = r;
                }
                ancestors = extended;
                states = decoding.next(d - 1, codes, new int[rows], ancestors);
            }
            float[] logits = model.logits(tape, d, states).value().toArray();
            int columns = logits.length / rows;
            for (int r = 0; r < rows; r++) {
                int node = first[d] + r;
                double denominator = likelihood.logDenominator(logits, r * columns, columns, trie, node);
                for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                    scores[trie.child(e)] =
                            likelihood.score(scores[node], logits[r * columns + trie.code(e)], denominator);
                }
            }
        }
    }

    /**
     * The best nodes of one depth, best first; of equal ones the lower node first, as in {@link BeamSearch}.
     *
     * @param scores by node
     */
    public static int[] best(ItemTrie trie, float[] scores, int depth, int most) {
        int first = trie.firstNode(depth), n = trie.nodesAt(depth);
        long[] keys = new long[n];
        for (int i = 0; i < n; i++) keys[i] = order(scores[first + i]) << 32 | i;
        Arrays.sort(keys);
        int[] best = new int[Math.min(most, n)];
        for (int i = 0; i < best.length; i++) best[i] = first + (int) keys[i];
        return best;
    }

    /** The place of a node among all nodes of its depth, from 1, in the order of {@link #best}. */
    public static int rank(ItemTrie trie, float[] scores, int depth, int node) {
        int rank = 1;
        for (int other = trie.firstNode(depth); other < trie.firstNode(depth) + trie.nodesAt(depth); other++) {
            if (scores[other] > scores[node] || (scores[other] == scores[node] && other < node)) rank++;
        }
        return rank;
    }

    /** A number that is smaller the larger the score is. */
    private static long order(float score) {
        int bits = Float.floatToIntBits(score);
        return ~(long) (bits ^ (bits >> 31 & Integer.MAX_VALUE));
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
