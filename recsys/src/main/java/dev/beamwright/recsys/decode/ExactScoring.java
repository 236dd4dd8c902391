package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Scores the whole catalogue: every node of the item trie gets the sum of the log-probabilities of the codes on its path
 * and its {@link NodeTerm}, by the same arithmetic as in {@link BeamSearch}. That is the ranking which a beam search approximates, and what a beam
 * as wide as the catalogue finds. It costs one position of the decoder for each inner node of the trie below which
 * anything is left to decide.
 *
 * <p>A user's trie is scored in blocks of neighbouring nodes that fit the memory, each with the nodes above them.
 */
public final class ExactScoring implements Search, AutoCloseable {
    /** Positions of the decoder that are computed at once. */
    private static final int BLOCK = 2048;

    private final Backend backend;
    private final GenerativeModel model;
    private final SearchConfig config;
    private final ItemTrie trie;
    private final PathScores pathScores;
    private final int[] parents; // by node
    private final int[] cuts; // where each block begins among the nodes of the deepest inner level, and where the last ends
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    /** The model's own scores, with nothing added. */
    public ExactScoring(Backend backend, GenerativeModel model, Likelihood likelihood) {
        this(backend, model, SearchConfig.beam(1, likelihood));
    }

    /**
     * @param config of which the likelihood and the term count, and how many items a search returns
     */
    public ExactScoring(Backend backend, GenerativeModel model, SearchConfig config) {
        this(backend, model, config, BLOCK);
    }

    ExactScoring(Backend backend, GenerativeModel model, SearchConfig config, int block) {
        this.backend = backend;
        this.model = model;
        this.config = config;
        trie = model.space().trie();
        pathScores = new PathScores(config.likelihood(), trie);
        parents = new int[trie.nodes()];
        for (int node = 0; node < trie.firstNode(trie.levels()); node++) {
            for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                parents[trie.child(e)] = node;
            }
        }
        cuts = cuts(block);
    }

    /** Blocks of at most so many positions, and at least one node. */
    private int[] cuts(int block) {
        IntArrayList cuts = new IntArrayList();
        int first = trie.firstNode(trie.levels() - 1), last = trie.firstNode(trie.levels());
        int positions = block;
        for (int node = first; node < last; node++) {
            // The node, and each above it below which it is the first.
            for (int n = node; n > 0; n = parents[n]) {
                if (!config.likelihood().certain(trie, n)) positions++;
                if (trie.firstEdge(parents[n]) + 1 != n) break;
            }
            if (positions >= block) {
                cuts.add(node);
                positions = trie.levels();
            }
        }
        cuts.add(last);
        return cuts.toIntArray();
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
            float[] scores = score(backend, memory, histories.get(u), users[u]);
            idle.add(memory);
            visitor.scores(u, scores);
        });
    }

    private float[] score(Backend backend, Workspace memory, int[] history, int user) {
        float[] scores = new float[trie.nodes()];
        NodeTerm.Values term = config.term().of(history);
        for (int block = 0; block < cuts.length - 1; block++) {
            try (Tape tape = Tape.inference(backend, memory)) {
                var decoding = model.read(tape, List.of(history), new int[] {user});
                score(tape, decoding, cuts[block], cuts[block + 1], term, scores);
            }
        }
        return scores;
    }

    /** The best items by these scores; all of them are certified. */
    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        Allowed allowed = new Allowed(query, trie);
        List<Result> results = new ArrayList<>();
        for (int u = 0; u < query.size(); u++) {
            float[] scores = score(backend, memory, query.histories().get(u), query.users()[u]);
            Best best = new Best(Math.min(config.items(), trie.nodesAt(trie.levels())));
            for (int leaf = trie.firstNode(trie.levels()); leaf < trie.nodes(); leaf++) {
                if (allowed.node(u, leaf)) best.offer(scores[leaf], 0, leaf - 1);
            }
            best.sort();
            Allowed.Listing list = allowed.new Listing(u);
            int used = 0;
            for (; used < best.size && list.size() < config.items(); used++) {
                list.leaf(trie.child(best.edges[used]), best.scores[used]);
            }
            results.add(list.certified(used < best.size
                    ? PathOrder.of(best.scores[used], trie.child(best.edges[used]))
                    : best.pruned(trie)));
        }
        return results;
    }

    /** Scores all that lies below and above the nodes [from, to) of the deepest inner level. */
    private void score(
            Tape tape, GenerativeModel.Decoding decoding, int from, int to, NodeTerm.Values term, float[] scores) {
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
        int[] at = {0}; // by node of this depth: where its state is, -1 for none
        var nodes = IntArrayList.of(0); // by state
        int[][] ancestors = {new int[0]}; // by state: where the states above it are
        for (int d = 0; d < levels; d++) {
            if (d > 0) {
                int[] above = at;
                int[][] extended = new int[last[d] - first[d] + 1][];
                IntArrayList codes = new IntArrayList();
                nodes.clear();
                at = new int[extended.length];
                for (int i = 0; i < at.length; i++) {
                    int node = first[d] + i;
                    at[i] = config.likelihood().certain(trie, node) ? -1 : codes.size();
                    if (at[i] < 0) continue;
                    int[] path = ancestors[above[parents[node] - first[d - 1]]];
                    extended[at[i]] = Arrays.copyOf(path, d);
                    extended[at[i]][d - 1] = at[i];
                    codes.add(trie.code(node - 1));
                    nodes.add(node);
                }
                ancestors = Arrays.copyOf(extended, codes.size());
                states = ancestors.length == 0
                        ? null
                        : decoding.next(d - 1, codes.toIntArray(), new int[ancestors.length], ancestors);
            }
            float[] logits = states == null
                    ? null
                    : model.logits(tape, d, states, tape.ints(nodes.toIntArray())).value().toArray();
            int columns = model.space().width(d);
            for (int i = 0; i < at.length; i++) {
                int node = first[d] + i;
                pathScores.children(
                        node, scores[node], logits, at[i] * columns, columns, term,
                        (edge, score) -> scores[trie.child(edge)] = score);
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
        for (int i = 0; i < n; i++) keys[i] = PathOrder.of(scores[first + i], i);
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

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
