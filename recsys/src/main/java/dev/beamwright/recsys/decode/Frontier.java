package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.semanticid.ItemTrie;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.PriorityQueue;

/** One user's open paths in {@link BestFirst}, and the items closed so far. */
final class Frontier {
    /**
     * An open path, ordered by {@link PathOrder}.
     *
     * @param above where the decoder's rows of its ancestors are, by level
     */
    record Prefix(long place, int node, float score, int depth, int[] above) implements Comparable<Prefix> {
        @Override
        public int compareTo(Prefix other) {
            return Long.compare(place, other.place);
        }

        /** Where the decoder's rows of its path are, once its own is written. */
        int[] reached(int row) {
            int[] rows = Arrays.copyOf(above, above.length + 1);
            rows[above.length] = row;
            return rows;
        }
    }

    private final int user, wanted;
    private final Allowed allowed;
    private final PathScores scores;
    private final ItemTrie trie;
    private final NodeTerm.Values term;
    private final Allowed.Listing list;
    private final PriorityQueue<Prefix> open = new PriorityQueue<>();
    /** The best leaves so far, as many as items are wanted, the last of them on top: what ranks behind it is not needed. */
    private final PriorityQueue<Long> leaves = new PriorityQueue<>(Collections.reverseOrder());
    private long notOpened = PathOrder.NOTHING; // the best of what ranked behind enough leaves when it was found
    private int expansions;

    Frontier(int user, Allowed allowed, PathScores scores, NodeTerm.Values term, int wanted) {
        this.user = user;
        this.wanted = wanted;
        this.allowed = allowed;
        this.scores = scores;
        this.trie = scores.trie();
        this.term = term;
        list = allowed.new Listing(user);
    }

    Prefix root() {
        return new Prefix(PathOrder.of(0, trie.firstLeaf(0)), 0, 0, 0, new int[0]);
    }

    /** Opens the children of a prefix. */
    void expand(Prefix parent, int[] above, float[] logits, int from, int columns) {
        scores.children(parent.node(), parent.score(), logits, from, columns, term,
                (edge, score) -> open(trie.child(edge), score, parent, above));
    }

    private void open(int node, float score, Prefix parent, int[] above) {
        if (!allowed.node(user, node)) return;
        if (score > parent.score()) {
            throw new IllegalStateException("the score of node " + node + " is above its parent's, " + score + " > "
                    + parent.score() + ": a node term says that it is monotone and is not");
        }
        int depth = parent.depth() + 1;
        Prefix child = new Prefix(PathOrder.of(score, trie.firstLeaf(node)), node, score, depth, above);
        if (depth < trie.levels() && scores.likelihood().certain(trie, node)) {
            // One leaf is left below, and the network has nothing to say about it.
            scores.children(node, score, null, -1, 0, term, (edge, s) -> open(trie.child(edge), s, child, above));
            return;
        }
        if (leaves.size() == wanted && child.place() > leaves.peek()) {
            notOpened = Math.min(notOpened, child.place());
            return;
        }
        if (depth == trie.levels()) {
            leaves.add(child.place());
            if (leaves.size() > wanted) leaves.poll();
        }
        open.add(child);
    }

    private boolean leaf(Prefix p) {
        return p.depth() == trie.levels();
    }

    /**
     * Closes the leaves that are first, and takes out the prefixes to go on from.
     *
     * @param most how many of them
     * @param limit prefixes to go on from in the whole search
     * @return the best open prefixes; none when the search is over
     */
    List<Prefix> next(int most, int limit) {
        while (list.size() < wanted && !open.isEmpty() && leaf(open.peek())) {
            Prefix best = open.poll();
            list.leaf(best.node(), best.score());
        }
        List<Prefix> chosen = new ArrayList<>(), waiting = new ArrayList<>();
        if (list.size() >= wanted) return chosen;
        most = Math.min(most, limit - expansions);
        while (chosen.size() < most && !open.isEmpty()) {
            if (leaves.size() == wanted && open.peek().place() > leaves.peek()) break;
            Prefix best = open.poll();
            (leaf(best) ? waiting : chosen).add(best);
        }
        open.addAll(waiting);
        expansions += chosen.size();
        return chosen;
    }

    /** The list. Where the limit was met before it was full, the best leaves found so far stand behind what is proved. */
    Search.Result result() {
        long first = notOpened;
        for (Prefix p : open) if (!leaf(p) || list.size() >= wanted) first = Math.min(first, p.place());
        while (list.size() < wanted && !open.isEmpty()) {
            Prefix best = open.poll();
            if (leaf(best)) list.leaf(best.node(), best.score());
        }
        return list.certified(first);
    }
}
