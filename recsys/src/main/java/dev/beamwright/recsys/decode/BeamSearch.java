package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Constrained beam search over the item trie, for many users at once. Only paths of the trie are ever looked at, so
 * every path that is left at the end names an item. A path's score is the sum of the log-probabilities of its codes and
 * the {@link NodeTerm} of its node. With a {@link Guide} the best candidates are only looked at, and another score
 * chooses among them.
 *
 * <p>A path that has only one leaf below it, under a softmax over children, is done: the codes to come have probability
 * one. It stays in the beam, but the decoder computes no more rows for it.
 *
 * <p>Ties: of two paths with the same score the one that comes first in the trie (lower codes) ranks first; of
 * two that a guide finds equal the one with the better score.
 */
public final class BeamSearch implements Search {
    /**
     * The paths after one level, kept for whoever wants to look inside the beam.
     *
     * @param nodes of the trie, best first
     * @param scores of each
     */
    public record Level(int[] nodes, float[] scores) {}

    /** May look at each level of each user's beam. */
    @FunctionalInterface
    public interface Observer {
        /** Called for each user after each level, 1 for the first. */
        void level(int user, int depth, Level beam);
    }

    private static final int ROWS = 1 << 14; // candidates of all users at once

    private final GenerativeModel model;
    private final ItemTrie trie;
    private final SearchConfig config;
    private final PathScores scores;

    /** A beam over the model's trie. Throws {@link dev.beamwright.recsys.run.UserError} if the guide does not fit. */
    public BeamSearch(GenerativeModel model, SearchConfig config) {
        this.model = model;
        this.trie = model.space().trie();
        this.config = config;
        scores = new PathScores(config.likelihood(), trie);
        if (config.guide() != null) config.guide().widening().check(config.beamSize(), trie.levels());
    }

    /** Fewer where so many candidates are looked at that their rows would fill the memory. */
    @Override
    public int users() {
        int candidates = config.guide() == null
                ? Math.min(config.beamSize(), trie.nodesAt(trie.levels()))
                : Collections.max(config.guide().widening().widen());
        return Math.clamp(ROWS / candidates, 1, Search.super.users());
    }

    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        try (Tape tape = Tape.inference(backend, memory)) {
            return search(tape, query, null);
        }
    }

    /**
     * Searches for a batch of users.
     *
     * @param tape of inference; all of the search's memory
     * @param observer may be null
     */
    public List<Result> search(Tape tape, Query query, Observer observer) {
        int users = query.size();
        Allowed allowed = new Allowed(query, trie);
        List<NodeTerm.Values> terms = query.histories().stream().map(config.term()::of).toList();
        GenerativeModel.Decoding decoding = model.read(tape, query.histories(), query.users());
        Guide guide = config.guide();
        PathScorer.Session scoring =
                guide == null ? null : guide.scorer().begin(tape, decoding.prompts());
        Paths paths = Paths.roots(users);
        Variable states = decoding.first();
        long[] pruned = new long[users];
        Arrays.fill(pruned, PathOrder.NOTHING);
        boolean byScore = true; // in which the last level is ordered
        for (int level = 0; level < trie.levels(); level++) {
            boolean last = level == trie.levels() - 1;
            float[] logits = states == null
                    ? null
                    : model.logits(tape, level, states, tape.ints(paths.openNodes())).value().toArray();
            boolean guided = guide != null && guide.widening().at(level);
            int most = guided ? guide.widening().candidates(level) : config.beamSize();
            Best[] best = children(Math.min(most, trie.nodesAt(level + 1)), level, paths, logits, allowed, terms);
            if (guided) guide.prune(best, scoring, trie, config.beamSize(), last);
            for (int u = 0; u < users; u++) pruned[u] = Math.min(pruned[u], best[u].pruned(trie));
            byScore = Arrays.stream(best).allMatch(Best::byScore);
            paths = extend(paths, best);
            if (observer != null) paths.show(users, level + 1, observer);
            if (!last) states = next(decoding, level, paths);
        }
        return results(paths, allowed, byScore && config.term().monotone() ? pruned : null, users);
    }

    /** The states of all paths of which anything is left to decide, in their order; null if there are none. */
    private Variable next(GenerativeModel.Decoding decoding, int level, Paths p) {
        int n = p.computed;
        if (n == 0) return null;
        int[] codes = new int[n], users = new int[n];
        int[][] ancestors = new int[n][];
        for (int row = 0; row < p.rows(); row++) {
            int i = p.states[row];
            if (i < 0) continue;
            codes[i] = p.codes[row];
            users[i] = p.users[row];
            ancestors[i] = append(p.history[row], i);
        }
        return decoding.next(level, codes, users, ancestors);
    }

    /** All rows of all users, users ascending; each user's rows best first. */
    private static final class Paths {
        final int[] users, nodes, codes;
        final float[] scores, ranks; // and by what the rows are ordered
        final int[] userRows; // rows of user u are [userRows[u], userRows[u+1])
        final int[][] history; // by row: where the states of the levels before are
        final int[] states; // by row: where the decoder's state is, -1 where it needs none
        final int computed; // how many states there are

        Paths(
                int[] users,
                int[] nodes,
                int[] codes,
                float[] scores,
                float[] ranks,
                int[] userRows,
                int[][] history,
                int[] states,
                int computed) {
            this.users = users;
            this.ranks = ranks;
            this.nodes = nodes;
            this.codes = codes;
            this.scores = scores;
            this.userRows = userRows;
            this.history = history;
            this.states = states;
            this.computed = computed;
        }

        static Paths roots(int n) {
            int[] users = new int[n], offsets = new int[n + 1];
            for (int u = 0; u < n; u++) {
                users[u] = u;
                offsets[u + 1] = u + 1;
            }
            return new Paths(
                    users, new int[n], null, new float[n], new float[n], offsets, new int[n][0], users, n);
        }

        int rows() {
            return users.length;
        }

        /** By state: the node that its path has reached. */
        int[] openNodes() {
            int[] open = new int[computed];
            for (int row = 0; row < rows(); row++) if (states[row] >= 0) open[states[row]] = nodes[row];
            return open;
        }

        void show(int userCount, int depth, Observer observer) {
            for (int u = 0; u < userCount; u++) {
                int from = userRows[u], to = userRows[u + 1];
                observer.level(
                        u,
                        depth,
                        new Level(
                                Arrays.copyOfRange(nodes, from, to),
                                Arrays.copyOfRange(scores, from, to)));
            }
        }
    }

    /** The best children of each user's paths, best first. */
    private Best[] children(
            int most, int level, Paths p, float[] logits, Allowed allowed, List<NodeTerm.Values> terms) {
        Best[] best = new Best[terms.size()];
        int columns = model.space().width(level);
        Parallel.run(best.length, u -> {
            Best b = best[u] = new Best(most);
            for (int r = p.userRows[u]; r < p.userRows[u + 1]; r++) {
                int row = r;
                scores.children(
                        p.nodes[row], p.scores[row], logits, p.states[row] * columns, columns, terms.get(u),
                        (edge, score) -> {
                            if (allowed.node(u, trie.child(edge))) b.offer(score, row, edge);
                        });
            }
            b.sort();
        });
        return best;
    }

    /** The beams that consist of these children. */
    private Paths extend(Paths p, Best[] best) {
        int rows = 0, users = best.length;
        int[] offsets = new int[users + 1];
        for (int u = 0; u < users; u++) offsets[u + 1] = rows += best[u].size;
        int[] user = new int[rows], nodes = new int[rows], codes = new int[rows];
        float[] scores = new float[rows], ranks = new float[rows];
        int[][] history = new int[rows][];
        int[] states = new int[rows];
        int computed = 0;
        for (int u = 0; u < users; u++) {
            for (int i = 0; i < best[u].size; i++) {
                int r = offsets[u] + i, parent = best[u].rows[i];
                user[r] = u;
                nodes[r] = trie.child(best[u].edges[i]);
                codes[r] = trie.code(best[u].edges[i]);
                states[r] = config.likelihood().certain(trie, nodes[r]) ? -1 : computed++;
                scores[r] = best[u].scores[i];
                ranks[r] = best[u].ranks[i];
                // The parent's own ancestors, and the parent itself unless it is the root.
                boolean root = p.codes == null;
                history[r] = root ? p.history[parent] : append(p.history[parent], p.states[parent]);
            }
        }
        return new Paths(user, nodes, codes, scores, ranks, offsets, history, states, computed);
    }

    private static int[] append(int[] a, int last) {
        int[] b = Arrays.copyOf(a, a.length + 1);
        b[a.length] = last;
        return b;
    }

    /** The lists; with certificates if what was pruned is given. */
    private static List<Result> results(Paths p, Allowed allowed, long[] pruned, int users) {
        List<Result> results = new ArrayList<>();
        for (int u = 0; u < users; u++) {
            Allowed.Listing list = allowed.new Listing(u);
            for (int r = p.userRows[u]; r < p.userRows[u + 1]; r++) list.leaf(p.nodes[r], p.ranks[r]);
            results.add(pruned == null ? list.uncertified() : list.certified(pruned[u]));
        }
        return results;
    }
}
