package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.semanticid.ItemTrie;
import it.unimi.dsi.fastutil.floats.FloatArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntSet;
import it.unimi.dsi.fastutil.longs.LongArrayList;
import java.util.List;

/** What may be returned to each user of a query, and which nodes of the trie lead to such items. */
final class Allowed {
    private final Query query;
    private final ItemTrie trie;
    private final boolean[] open; // by node, for all users; null for all nodes
    private final List<IntSet> exhausted; // by user: nodes with nothing left; null for none

    Allowed(Query query, ItemTrie trie) {
        this.query = query;
        this.trie = trie;
        open = query.eligible() == null ? null : trie.reachable(query.eligible());
        exhausted = query.hideSeen()
                ? query.histories().stream().map(h -> trie.exhausted(h, query.eligible(), open)).toList()
                : null;
    }

    /** Whether a user may be given an item below a node. */
    boolean node(int user, int node) {
        return (open == null || open[node]) && (exhausted == null || !exhausted.get(user).contains(node));
    }

    /** Whether a user may be given an item. */
    boolean item(int user, int item) {
        if (query.eligible() != null && !query.eligible()[item]) return false;
        if (query.hideSeen()) for (int seen : query.histories().get(user)) if (seen == item) return false;
        return true;
    }

    /** Which nodes lead to an eligible item; null for all. */
    boolean[] open() {
        return open;
    }

    /** By user, the nodes below which all eligible items are in the history; null where the history is not hidden. */
    List<IntSet> exhausted() {
        return exhausted;
    }

    /** A user's list, to which leaves are added best first. */
    final class Listing {
        private final int user;
        private final IntArrayList items = new IntArrayList();
        private final FloatArrayList scores = new FloatArrayList();
        private final LongArrayList places = new LongArrayList();

        Listing(int user) {
            this.user = user;
        }

        void leaf(int leaf, float score) {
            for (int item : trie.itemsOf(leaf)) {
                if (!item(user, item)) continue;
                items.add(item);
                scores.add(score);
                places.add(PathOrder.of(score, leaf));
            }
        }

        int size() {
            return items.size();
        }

        /** The list, of which nothing is proved. */
        Search.Result uncertified() {
            return new Search.Result(items.toIntArray(), scores.toFloatArray(), null);
        }

        /** The list, and what is proved of it. */
        Search.Result certified(long pruned) {
            Certificate certificate = Certificate.of(places.toLongArray(), pruned);
            return new Search.Result(items.toIntArray(), scores.toFloatArray(), certificate);
        }
    }
}
