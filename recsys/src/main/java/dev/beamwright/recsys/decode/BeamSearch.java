package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Parallel;
import it.unimi.dsi.fastutil.ints.IntSet;
import java.util.ArrayList;
import java.util.List;

/**
 * Constrained beam search over the item trie, for many users at once. Only paths of the trie are ever looked at, so
 * every path that is left at the end names an item. A path's score is the sum of the log-probabilities of its codes.
 * With a {@link Widening} the likeliest candidates are only looked at, and another score chooses among them.
 *
 * <p>A path that has only one leaf below it, under a softmax over children, is done: the codes to come have probability
 * one. It stays in the beam, but the decoder computes no more rows for it.
 *
 * <p>Ties: of two paths with the same log-probability the one that comes first in the trie (lower codes) ranks first; of
 * two that another score finds equal the likelier one.
 */
public final class BeamSearch {
    /**
     * How to search.
     *
     * @param width paths kept at each level
     * @param likelihood how logits become probabilities, as in training
     * @param widening how the beam is widened and pruned again, or null for a plain beam
     * @param scorer what prunes a widened beam, or null
     */
    public record Config(int width, Likelihood likelihood, Widening widening, PathScorer scorer) {
        /** A plain beam. */
        public Config(int width, Likelihood likelihood) {
            this(width, likelihood, null, null);
        }

        /** A plain beam, with a temperature of 1. */
        public Config(int width, Softmax softmax) {
            this(width, new Likelihood(softmax, 1));
        }

        /** The same with another width. */
        public Config withWidth(int width) {
            return new Config(width, likelihood, widening, scorer);
        }
    }

    /**
     * What one user gets.
     *
     * @param items best first; several items of one leaf stand side by side, ascending
     * @param scores of each item's semantic ID, by which the list is ordered: its log-probability, unless a
     *     {@link Widening} says otherwise
     */
    public record Result(int[] items, float[] scores) {}

    /**
     * The paths after one level, kept for whoever wants to look inside the beam.
     *
     * @param nodes of the trie, best first
     * @param scores log-probability of each
     */
    public record Level(int[] nodes, float[] scores) {}

    /** May look at each level of each user's beam. */
    @FunctionalInterface
    public interface Observer {
        /** Called for each user after each level, 1 for the first. */
        void level(int user, int depth, Level beam);
    }

    private final GenerativeModel model;
    private final ItemTrie trie;
    private final Config config;

    public BeamSearch(GenerativeModel model, Config config) {
        this.model = model;
        this.trie = model.space().trie();
        this.config = config;
        if (config.widening() != null) config.widening().check(config.width(), trie.levels());
    }

    /** Searches for a batch of users who are not known. */
    public List<Result> search(
            Tape tape, List<int[]> histories, boolean[] eligible, boolean seen, Observer observer) {
        return search(tape, histories, Sample.nobodies(histories.size()), eligible, seen, observer);
    }

    /**
     * Searches for a batch of users.
     *
     * @param tape of inference; all of the search's memory
     * @param histories the items of each user, oldest first
     * @param userNumbers the number of each user, {@link Sample#NOBODY} for one who is not known
     * @param eligible which items may be returned, by item; null for all
     * @param seen whether items of a user's own history are left out
     * @param observer may be null
     */
    public List<Result> search(
            Tape tape,
            List<int[]> histories,
            int[] userNumbers,
            boolean[] eligible,
            boolean seen,
            Observer observer) {
        int users = histories.size();
        boolean[] open = eligible == null ? null : trie.reachable(eligible);
        List<IntSet> exhausted = seen
                ? histories.stream().map(h -> trie.exhausted(h, eligible, open)).toList()
                : null;
        GenerativeModel.Decoding decoding = model.read(tape, histories, userNumbers);
        PathScorer.Session scoring =
                config.widening() == null ? null : config.scorer().begin(tape, decoding.prompts());
        Paths paths = Paths.roots(users);
        Variable states = decoding.first();
        for (int level = 0; level < trie.levels(); level++) {
            boolean last = level == trie.levels() - 1;
            float[] logits = states == null
                    ? null
                    : model.logits(tape, level, states, tape.ints(paths.openNodes())).value().toArray();
            boolean widened = scoring != null && config.widening().at(level);
            int most = widened ? config.widening().candidates(level) : config.width();
            most = Math.min(most, trie.nodesAt(level + 1));
            Best[] best = children(most, level, paths, logits, users, open, exhausted);
            if (widened) prune(best, scoring, last);
            paths = extend(paths, best);
            if (observer != null) paths.show(users, level + 1, observer);
            if (!last) states = next(decoding, level, paths);
        }
        return results(paths, users, eligible, seen ? histories : null);
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
        final float[] scores, ranks; // log-probability, and by what the rows are ordered
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
                                java.util.Arrays.copyOfRange(nodes, from, to),
                                java.util.Arrays.copyOfRange(scores, from, to)));
            }
        }
    }

    /** The likeliest children of each user's paths, best first. */
    private Best[] children(
            int most,
            int level,
            Paths p,
            float[] logits,
            int users,
            boolean[] open,
            List<IntSet> exhausted) {
        Best[] best = new Best[users];
        int columns = model.space().width(level);
        Parallel.run(users, u -> {
            Best b = best[u] = new Best(most);
            for (int row = p.userRows[u]; row < p.userRows[u + 1]; row++) {
                int node = p.nodes[row], first = trie.firstEdge(node), n = trie.children(node);
                int from = p.states[row] * columns;
                double lse = from < 0 ? 0 : config.likelihood().logDenominator(logits, from, columns, trie, node);
                for (int e = first; e < first + n; e++) {
                    int child = trie.child(e);
                    if (open != null && !open[child]) continue;
                    if (exhausted != null && exhausted.get(u).contains(child)) continue;
                    float score = from < 0
                            ? p.scores[row]
                            : config.likelihood().score(p.scores[row], logits[from + trie.code(e)], lse);
                    b.offer(score, row, e);
                }
            }
            b.sort();
        });
        return best;
    }

    /** Keeps of each user's candidates, which are in the order of their log-probabilities, those that score best. */
    private void prune(Best[] best, PathScorer.Session scoring, boolean last) {
        Widening w = config.widening();
        int[] offsets = new int[best.length + 1];
        for (int u = 0; u < best.length; u++) offsets[u + 1] = offsets[u] + best[u].size;
        int[] nodes = new int[offsets[best.length]];
        if (nodes.length == 0) return;
        for (int u = 0; u < best.length; u++) {
            for (int i = 0; i < best[u].size; i++) nodes[offsets[u] + i] = trie.child(best[u].edges[i]);
        }
        float[] values = scoring.score(nodes, offsets);
        for (int u = 0; u < best.length; u++) {
            if (w.order() == Widening.Order.SUM) {
                for (int i = 0; i < best[u].size; i++) {
                    int at = offsets[u] + i;
                    values[at] = (float) (best[u].scores[i] + values[at] / w.beta());
                }
            }
            int[] chosen = TopK.largest(values, offsets[u], offsets[u + 1], w.kept(config.width()));
            boolean byLikelihood = last && w.order() == Widening.Order.LM;
            if (byLikelihood) java.util.Arrays.sort(chosen);
            best[u] = best[u].chosen(chosen, byLikelihood ? null : values, offsets[u]);
        }
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
        int[] b = java.util.Arrays.copyOf(a, a.length + 1);
        b[a.length] = last;
        return b;
    }

    private static boolean contains(int[] items, int item) {
        for (int i : items) if (i == item) return true;
        return false;
    }

    private List<Result> results(Paths p, int users, boolean[] eligible, List<int[]> barred) {
        List<Result> results = new ArrayList<>();
        for (int u = 0; u < users; u++) {
            var items = new it.unimi.dsi.fastutil.ints.IntArrayList();
            var scores = new it.unimi.dsi.fastutil.floats.FloatArrayList();
            for (int r = p.userRows[u]; r < p.userRows[u + 1]; r++) {
                for (int item : trie.itemsOf(p.nodes[r])) {
                    if (eligible != null && !eligible[item]) continue;
                    if (barred != null && contains(barred.get(u), item)) continue;
                    items.add(item);
                    scores.add(p.ranks[r]);
                }
            }
            results.add(new Result(items.toIntArray(), scores.toFloatArray()));
        }
        return results;
    }

    /** The best so many candidates: a heap with the worst on top. Equal scores: the lower edge is better. */
    private static final class Best {
        final float[] scores;
        final int[] rows, edges;
        float[] ranks; // by what they are ordered
        int size;

        Best(int capacity) {
            scores = ranks = new float[capacity];
            rows = new int[capacity];
            edges = new int[capacity];
        }

        /** Some of these, ordered by values that begin at {@code from}; null for the log-probabilities. */
        Best chosen(int[] places, float[] values, int from) {
            Best b = new Best(places.length);
            for (int place : places) b.set(b.size++, scores[place], rows[place], edges[place]);
            if (values != null) {
                b.ranks = new float[places.length];
                for (int i = 0; i < places.length; i++) b.ranks[i] = values[from + places[i]];
            }
            return b;
        }

        private boolean worse(float s, int edge, int i) {
            return s < scores[i] || (s == scores[i] && edge > edges[i]);
        }

        private boolean worse(int i, int j) {
            return worse(scores[i], edges[i], j);
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
}
