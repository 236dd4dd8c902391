package dev.beamwright.recsys.model;

import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;

/**
 * Which rows of its table an {@link ItemDecoder} adds up: a row for each code and one for the begin token, numbered as in
 * {@link CodeSpace}, and behind them one for each trie node but the root.
 */
final class TableRows {
    private static final int NONE = -1;

    private final CodeSpace space;
    private final ItemTrie trie;

    TableRows(CodeSpace space) {
        this.space = space;
        trie = space.trie();
    }

    /** How many rows there are. */
    int count() {
        return space.tokens() + trie.nodes() - 1;
    }

    /** A node's own row. */
    private int own(int node) {
        return space.tokens() + node - 1;
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
            for (int node = trie.firstNode(level + 1); node < trie.firstNode(level + 1) + trie.nodesAt(level + 1); node++) {
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

    /** Adds to each node's row the mean of the items below it, less that of its parent; the root's is 0. */
    void add(float[][] items, Tensor table) {
        int columns = table.shape().dim(-1);
        double[][] means = new double[trie.nodes()][columns];
        int[] below = new int[trie.nodes()];
        for (int item = 0; item < items.length; item++) {
            for (int depth = 1; depth <= space.levels(); depth++) {
                int node = trie.node(item, depth);
                below[node]++;
                for (int c = 0; c < columns; c++) means[node][c] += items[item][c];
            }
        }
        for (int node = 1; node < means.length; node++) for (int c = 0; c < columns; c++) means[node][c] /= below[node];
        for (int parent = 0; parent < trie.firstNode(space.levels()); parent++) {
            for (int e = trie.firstEdge(parent); e < trie.firstEdge(parent) + trie.children(parent); e++) {
                long row = (long) own(trie.child(e)) * columns;
                for (int c = 0; c < columns; c++) {
                    double change = means[trie.child(e)][c] - means[parent][c];
                    table.set(row + c, (float) (table.get(row + c) + change));
                }
            }
        }
    }
}
