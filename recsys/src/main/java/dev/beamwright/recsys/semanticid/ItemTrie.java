package dev.beamwright.recsys.semanticid;

import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import it.unimi.dsi.fastutil.ints.IntSet;
import java.util.Arrays;

/**
 * The tree of all valid semantic IDs, in CSR form. Nodes are numbered level by level, the root is 0, and the children
 * of a node stand side by side in ascending order of their codes; so the child behind edge {@code e} is simply node
 * {@code e + 1}, and the nodes of one level are one range.
 *
 * <p>A leaf holds one item, or several where the semantic IDs are shared.
 */
public final class ItemTrie {
    private final int levels;
    private final int[] levelStarts; // first node of each level, and one past the last
    private final int[] childOffsets; // by inner node: its edges are [childOffsets[n], childOffsets[n+1])
    private final int[] edgeCodes; // by edge
    private final int[] itemOffsets; // by leaf, counted from the first leaf
    private final int[] items;
    private final int[][] paths; // by item and level: the node reached after that level
    private final boolean[] settled; // by node

    /**
     * Builds the trie.
     *
     * @param codes the codes of each item, one for each level
     */
    public ItemTrie(int[][] codes) {
        int n = codes.length;
        levels = codes[0].length;
        items = sortedByCodes(codes);
        paths = new int[n][levels];
        levelStarts = new int[levels + 2];
        levelStarts[1] = 1;
        int[] offsets = new int[1 + n * levels], edges = new int[n * levels];
        int[] parents = new int[n], leaves = new int[n + 1]; // by rank: the node that the item's path has reached
        int nodes = 1, edge = 0;
        for (int level = 0; level < levels; level++) {
            int[] reached = new int[n];
            int lastParent = -1, lastCode = -1;
            for (int rank = 0; rank < n; rank++) {
                int item = items[rank], code = codes[item][level], parent = parents[rank];
                if (parent != lastParent) {
                    // Every inner node has an item below it, so parents come without a gap.
                    offsets[parent] = edge;
                    lastCode = -1;
                }
                if (parent != lastParent || code != lastCode) {
                    edges[edge++] = code;
                    nodes++;
                    if (level == levels - 1) leaves[nodes - 1 - levelStarts[levels]] = rank;
                }
                reached[rank] = nodes - 1;
                paths[item][level] = nodes - 1;
                lastParent = parent;
                lastCode = code;
            }
            parents = reached;
            levelStarts[level + 2] = nodes;
        }
        int inner = levelStarts[levels];
        offsets[inner] = edge;
        childOffsets = Arrays.copyOf(offsets, inner + 1);
        edgeCodes = Arrays.copyOf(edges, edge);
        int leafCount = nodes - inner;
        leaves[leafCount] = n;
        itemOffsets = Arrays.copyOf(leaves, leafCount + 1);
        settled = new boolean[nodes];
        Arrays.fill(settled, inner, nodes, true);
        for (int node = inner - 1; node >= 0; node--) {
            settled[node] = children(node) == 1 && settled[child(firstEdge(node))];
        }
    }

    private static int[] sortedByCodes(int[][] codes) {
        Integer[] order = new Integer[codes.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> {
            int byCodes = Arrays.compare(codes[a], codes[b]);
            return byCodes != 0 ? byCodes : Integer.compare(a, b);
        });
        return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
    }

    /** How many codes an item has. */
    public int levels() {
        return levels;
    }

    /** How many items there are. */
    public int itemCount() {
        return items.length;
    }

    /** How many nodes there are, root and leaves included. */
    public int nodes() {
        return levelStarts[levels + 1];
    }

    /** The first node at a depth: 0 for the root, {@code levels()} for the leaves. */
    public int firstNode(int depth) {
        return levelStarts[depth];
    }

    /** How many nodes there are at a depth. */
    public int nodesAt(int depth) {
        return levelStarts[depth + 1] - levelStarts[depth];
    }

    /** The first edge of an inner node. */
    public int firstEdge(int node) {
        return childOffsets[node];
    }

    /** How many children an inner node has. */
    public int children(int node) {
        return childOffsets[node + 1] - childOffsets[node];
    }

    /** Whether there is one leaf below a node, or it is one, so that all codes to come are known. */
    public boolean settled(int node) {
        return settled[node];
    }

    /** The first leaf below a node, or the node itself if it is one. */
    public int firstLeaf(int node) {
        while (node < levelStarts[levels]) node = child(firstEdge(node));
        return node;
    }

    /** The code of an edge. */
    public int code(int edge) {
        return edgeCodes[edge];
    }

    /** The node behind an edge. */
    public int child(int edge) {
        return edge + 1;
    }

    /** The child of a node by its code, or -1. */
    public int child(int node, int code) {
        int e = Arrays.binarySearch(edgeCodes, childOffsets[node], childOffsets[node + 1], code);
        return e < 0 ? -1 : e + 1;
    }

    /** The items of a leaf, ascending; most leaves have one. */
    public int[] itemsOf(int leaf) {
        int i = leaf - levelStarts[levels];
        return Arrays.copyOfRange(items, itemOffsets[i], itemOffsets[i + 1]);
    }

    /** The node that an item's path has reached after so many codes; 0 codes is the root. */
    public int node(int item, int depth) {
        return depth == 0 ? 0 : paths[item][depth - 1];
    }

    /** Where each inner node's edges begin, and one more: the offsets of a softmax over children. */
    public int[] childOffsets() {
        return childOffsets.clone();
    }

    /** The code of each edge: the columns of a softmax over children. */
    public int[] edgeCodes() {
        return edgeCodes.clone();
    }

    /**
     * Which nodes have an item below them that may be returned.
     *
     * @param eligible by item
     * @return by node
     */
    public boolean[] reachable(boolean[] eligible) {
        boolean[] open = new boolean[nodes()];
        for (int item = 0; item < eligible.length; item++) {
            if (!eligible[item]) continue;
            open[0] = true;
            for (int node : paths[item]) open[node] = true;
        }
        return open;
    }

    /**
     * The nodes, but for the root, below which a user who is to be given nothing seen finds nothing. A beam that keeps
     * clear of them ends with as many items as it is wide, or with all there are.
     *
     * @param history the items that the user has seen
     * @param eligible which items may be returned, by item; null for all
     * @param open what {@link #reachable} says of these; null for all
     */
    public IntSet exhausted(int[] history, boolean[] eligible, boolean[] open) {
        IntSet seen = new IntOpenHashSet(history), exhausted = new IntOpenHashSet();
        for (int item : seen) {
            int leaf = node(item, levels);
            if (noneLeft(leaf, seen, eligible)) exhausted.add(leaf);
        }
        for (int depth = levels - 1; depth > 0; depth--) {
            for (int item : seen) {
                int node = node(item, depth), e = firstEdge(node), end = e + children(node);
                while (e < end && (exhausted.contains(child(e)) || open != null && !open[child(e)])) e++;
                if (e == end) exhausted.add(node);
            }
        }
        return exhausted;
    }

    private boolean noneLeft(int leaf, IntSet seen, boolean[] eligible) {
        for (int item : itemsOf(leaf)) {
            if (!seen.contains(item) && (eligible == null || eligible[item])) return false;
        }
        return true;
    }
}
