package dev.beamwright.recsys.model;

import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;

/**
 * Which rows of its table an {@link ItemDecoder} adds up: a row for each code and one for the begin token, numbered as in
 * {@link CodeSpace}, and behind them one for each trie node but the root. Where that would be too many, the nodes of the
 * upper levels, as many as half of the rows hold, have rows of their own, and those below share the others, each by a hash
 * of its codes (Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009).
 */
final class TableRows {
    private static final int NONE = -1;

    private final CodeSpace space;
    private final ItemTrie trie;
    private final int owners; // the nodes 1 … owners have rows of their own
    private final int nodeRows;
    private final int[] shared; // by node behind these: its row among those of nodes

    /**
     * @param most rows for nodes
     */
    TableRows(CodeSpace space, int most) {
        this.space = space;
        trie = space.trie();
        int nodes = trie.nodes() - 1, depth = space.levels();
        nodeRows = Math.min(nodes, most);
        while (nodes > most && trie.firstNode(depth + 1) - 1 > most / 2) depth--;
        owners = trie.firstNode(depth + 1) - 1;
        shared = shared();
    }

    private int[] shared() {
        int[] rows = new int[trie.nodes() - 1 - owners];
        if (rows.length == 0) return rows;
        Key[] paths = new Key[trie.firstNode(space.levels())];
        paths[0] = Key.of(0).fold("nodes");
        for (int parent = 0; parent < paths.length; parent++) {
            for (int e = trie.firstEdge(parent); e < trie.firstEdge(parent) + trie.children(parent); e++) {
                Key path = paths[parent].fold(trie.code(e));
                int child = trie.child(e);
                if (child < paths.length) paths[child] = path;
                if (child > owners) rows[child - owners - 1] = owners + path.below(0, nodeRows - owners);
            }
        }
        return rows;
    }

    /** How many nodes share rows. */
    int sharing() {
        return shared.length;
    }

    /** How many rows there are. */
    int count() {
        return space.tokens() + nodeRows;
    }

    /** A node's own row, or the one that it shares. */
    private int own(int node) {
        return space.tokens() + (node <= owners ? node - 1 : shared[node - owners - 1]);
    }

    /** For each item, the rows of its nodes, and last the row of the begin token: I32 (items + 1, 2 · levels). */
    Tensor ofItems(SegmentAllocator memory) {
        int levels = space.levels();
        int[] lists = new int[(space.items() + 1) * 2 * levels];
        for (int item = 0, at = 0; item < space.items(); item++) {
            for (int l = 0; l < levels; l++) {
                lists[at++] = space.token(item, l);
                lists[at++] = own(trie.node(item, l + 1));
            }
        }
        int last = lists.length - 2 * levels;
        Arrays.fill(lists, last, lists.length, NONE);
        lists[last] = space.begin();
        return Tensor.of(memory, Shape.of(space.items() + 1, 2 * levels), lists);
    }

    /** For each edge, the rows of its child: I32 (edges, 2). */
    Tensor ofEdges(SegmentAllocator memory) {
        int edges = trie.nodes() - 1;
        int[] lists = new int[2 * edges];
        for (int level = 0; level < space.levels(); level++) {
            for (int node = trie.firstNode(level + 1); node
                    < trie.firstNode(level + 1) + trie.nodesAt(level + 1); node++) {
                lists[2 * node - 2] = space.tokenOf(level, trie.code(node - 1));
                lists[2 * node - 1] = own(node);
            }
        }
        return Tensor.of(memory, Shape.of(edges, 2), lists);
    }

    /** For each inner node, the rows of its path: I32 (inner nodes, 2 · (levels - 1)), or one column of none. */
    Tensor ofPrefixes(SegmentAllocator memory) {
        int inner = trie.firstNode(space.levels()), width = Math.max(1, 2 * (space.levels() - 1));
        int[] lists = new int[inner * width];
        Arrays.fill(lists, NONE);
        for (int item = 0; item < space.items(); item++) {
            for (int depth = 1; depth < space.levels(); depth++) {
                int at = trie.node(item, depth) * width;
                for (int l = 0; l < depth; l++) {
                    lists[at++] = space.token(item, l);
                    lists[at++] = own(trie.node(item, l + 1));
                }
            }
        }
        return Tensor.of(memory, Shape.of(inner, width), lists);
    }

    /**
     * Adds to each node's own row the mean of the items below it, less that of its parent; the root's is 0. A row that is
     * shared stays as it is.
     */
    void add(float[][] items, Tensor table) {
        int columns = table.shape().dim(-1);
        double[][] means = new double[owners + 1][columns];
        int[] below = new int[means.length];
        for (int item = 0; item < items.length; item++) {
            for (int depth = 1; depth <= space.levels() && trie.node(item, depth) <= owners; depth++) {
                int node = trie.node(item, depth);
                below[node]++;
                for (int c = 0; c < columns; c++) means[node][c] += items[item][c];
            }
        }
        for (int node = 1; node < means.length; node++) for (int c = 0; c < columns; c++) means[node][c] /= below[node];
        for (int parent = 0; parent < trie.firstNode(space.levels()) && parent <= owners; parent++) {
            for (int e = trie.firstEdge(parent); e < trie.firstEdge(parent) + trie.children(parent); e++) {
                if (trie.child(e) > owners) return;
                long row = (long) own(trie.child(e)) * columns;
                for (int c = 0; c < columns; c++) {
                    double change = means[trie.child(e)][c] - means[parent][c];
                    table.set(row + c, (float) (table.get(row + c) + change));
                }
            }
        }
    }
}
