package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.decode.Frontier.Prefix;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.List;

/**
 * Best-first search: always goes on from the best open prefix, until the items wanted are closed. It returns the same
 * list as exact scoring, bit by bit, and prunes nothing. The idea is known from translation: best-first beam search
 * (Meister, Vieira and Cotterell, TACL 2020) and exact search (Stahlberg and Byrne, EMNLP 2019).
 *
 * <p>Why it is exact.
 * <ol>
 *   <li>Let s(v) be the score of the path to node v: s(child) = s(parent) + log p(child | parent) + t(child) − t(parent).
 *   <li>log p ≤ 0, and t is monotone: t(child) ≤ t(parent). So s(child) ≤ s(parent), rounded too (see {@link PathScores}).
 *   <li>Hence s(leaf) ≤ s(v) for each leaf below v, and no leaf below v comes before the first one in the trie.
 *   <li>Order all paths by (s, first leaf below), see {@link PathOrder}: no leaf below v ranks before v.
 *   <li>The open paths (the frontier) cut the trie: each leaf is closed, open, or below exactly one open prefix.
 *   <li>A leaf is closed when it is the first of the frontier. It ranks before all open leaves,
 *   <li>and by 4 before all leaves below open prefixes. So leaves close in the order of exact scoring.
 *   <li>With k items closed, these are the first k, ties included; what cannot be returned to the user is never opened.
 *   <li>Each step replaces a prefix by its children or closes a leaf, so it ends: at the latest with the whole trie.
 *   <li>Going on from several prefixes at once opens more than is needed, and changes nothing in 4 to 8.
 * </ol>
 *
 * <p>For a network that runs at each level, a round goes on from the best few open prefixes of all users in one batch.
 */
public final class BestFirst implements Search {
    private final GenerativeModel model;
    private final ItemTrie trie;
    private final SearchConfig config;
    private final PathScores scores;

    BestFirst(GenerativeModel model, SearchConfig config) {
        this.model = model;
        this.trie = model.space().trie();
        this.config = config;
        scores = new PathScores(config.likelihood(), trie);
    }

    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        try (Tape tape = Tape.inference(backend, memory)) {
            return new Run(tape, query).results();
        }
    }

    /** The search for one batch of users. */
    private final class Run {
        private final Tape tape;
        private final GenerativeModel.Decoding decoding;
        private final List<Frontier> users = new ArrayList<>();
        private final int[] written = new int[trie.levels()]; // rows of each level so far

        Run(Tape tape, Query query) {
            this.tape = tape;
            decoding = model.read(tape, query.histories(), query.users());
            Allowed allowed = new Allowed(query, trie);
            for (int u = 0; u < query.size(); u++) {
                NodeTerm.Values term = config.term().of(query.histories().get(u));
                users.add(new Frontier(u, allowed, scores, term, config.items()));
            }
        }

        List<Result> results() {
            List<List<Prefix>> roots = users.stream().map(u -> List.of(u.root())).toList();
            expand(0, roots, decoding.first());
            while (true) {
                List<List<Prefix>> chosen = new ArrayList<>();
                int open = 0;
                for (Frontier u : users) {
                    List<Prefix> next = u.next(config.limits().together(), config.limits().expansions());
                    open += next.size();
                    chosen.add(next);
                }
                if (open == 0) return users.stream().map(Frontier::result).toList();
                for (int depth = 1; depth < trie.levels(); depth++) step(depth, chosen);
            }
        }

        /** Goes on from those of the chosen prefixes that have this depth. */
        private void step(int depth, List<List<Prefix>> chosen) {
            var codes = new IntArrayList();
            var rowUsers = new IntArrayList();
            List<int[]> ancestors = new ArrayList<>();
            List<List<Prefix>> here = new ArrayList<>();
            for (int u = 0; u < chosen.size(); u++) {
                List<Prefix> prefixes =
                        chosen.get(u).stream().filter(p -> p.depth() == depth).toList();
                here.add(prefixes);
                for (Prefix p : prefixes) {
                    codes.add(trie.code(p.node() - 1));
                    rowUsers.add(u);
                    ancestors.add(p.reached(written[depth - 1] + ancestors.size()));
                }
            }
            if (codes.isEmpty()) return;
            Variable states = decoding.next(
                    depth - 1, codes.toIntArray(), rowUsers.toIntArray(), ancestors.toArray(int[][]::new));
            expand(depth, here, states);
            written[depth - 1] += ancestors.size();
        }

        /** Opens the children of prefixes of one depth, whose states are in their order. */
        private void expand(int depth, List<List<Prefix>> prefixes, Variable states) {
            int[] first = new int[prefixes.size() + 1], nodes = new int[states.dim(0)];
            for (int u = 0; u < prefixes.size(); u++) {
                first[u + 1] = first[u];
                for (Prefix p : prefixes.get(u)) nodes[first[u + 1]++] = p.node();
            }
            int columns = model.space().width(depth);
            float[] logits = model.logits(tape, depth, states, tape.ints(nodes)).value().toArray();
            Parallel.run(prefixes.size(), u -> {
                for (int i = 0; i < prefixes.get(u).size(); i++) {
                    int row = first[u] + i;
                    int[] above = depth == 0
                            ? new int[0]
                            : prefixes.get(u).get(i).reached(written[depth - 1] + row);
                    users.get(u).expand(prefixes.get(u).get(i), above, logits, row * columns, columns);
                }
            });
        }
    }
}
