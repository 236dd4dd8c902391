package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Noise;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A model whose logits stand in a table, one row for each user and inner node of the trie, so that any distribution can
 * be put before a beam search. Only decodes.
 *
 * @param logits (users, inner nodes, width of the node's level)
 */
public record TableModel(CodeSpace space, float[][][] logits) implements GenerativeModel {
    /** A catalogue of distinct random items. */
    public static CodeSpace catalogue(Key key, int[] widths, int items, Arena memory) {
        Set<List<Integer>> codes = new LinkedHashSet<>();
        for (int i = 0; codes.size() < items; i++) {
            List<Integer> code = new ArrayList<>();
            for (int l = 0; l < widths.length; l++) code.add(key.below((long) i * widths.length + l, widths[l]));
            codes.add(code);
        }
        int[][] table = codes.stream()
                .map(c -> c.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
        return new CodeSpace(widths, table, memory);
    }

    /** Normal logits; the larger the spread, the surer the model. */
    public static TableModel random(CodeSpace space, int users, double spread, Key key) {
        ItemTrie trie = space.trie();
        float[][][] logits = new float[users][trie.firstNode(trie.levels())][];
        for (int u = 0; u < users; u++) {
            for (int level = 0; level < trie.levels(); level++) {
                for (int node = trie.firstNode(level); node < trie.firstNode(level + 1); node++) {
                    float[] row = new float[space.width(level)];
                    for (int c = 0; c < row.length; c++) {
                        row[c] = (float) (spread * key.fold(u).fold(node).gaussian(c));
                    }
                    logits[u][node] = row;
                }
            }
        }
        return new TableModel(space, logits);
    }

    /** For each inner node, in order, the probabilities of all codes of its level. */
    public static TableModel of(CodeSpace space, double[]... probabilities) {
        float[][] logits = new float[probabilities.length][];
        for (int n = 0; n < logits.length; n++) {
            logits[n] = new float[probabilities[n].length];
            for (int c = 0; c < logits[n].length; c++) logits[n][c] = (float) Math.log(probabilities[n][c]);
        }
        return new TableModel(space, new float[][][] {logits});
    }

    @Override
    public int maxItems() {
        return 1;
    }

    @Override
    public Variable tokens() {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean sharesHistory() {
        return false;
    }

    @Override
    public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
        throw new UnsupportedOperationException();
    }

    /** A state is the user's number and the node; a search must say the same of the node. */
    @Override
    public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
        int rows = state.dim(0), width = space.width(level);
        float[] values = new float[rows * width];
        if (nodes.shape().size() != rows) throw new AssertionError(nodes.shape() + " nodes of " + rows + " rows");
        for (int r = 0; r < rows; r++) {
            int node = (int) state.value().get(2L * r + 1);
            if (nodes.getInt(r) != node) throw new AssertionError("row " + r + ": " + nodes.getInt(r) + " for " + node);
            float[] row = logits[(int) state.value().get(2L * r)][node];
            System.arraycopy(row, 0, values, r * width, width);
        }
        return Variable.constant(tape.floats(values).reshape(rows, width));
    }

    /** The users' numbers are their rows of the table. */
    @Override
    public Decoding read(Tape tape, List<int[]> histories, int[] users) {
        int[] roots = new int[users.length];
        return new Decoding() {
            private final List<IntArrayList> nodes = new ArrayList<>();

            @Override
            public Variable first() {
                return states(users, roots);
            }

            @Override
            public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                int[] reached = new int[codes.length], numbers = new int[codes.length];
                for (int r = 0; r < codes.length; r++) {
                    int parent = level == 0 ? 0 : nodes.get(level - 1).getInt(ancestors[r][level - 1]);
                    reached[r] = space.trie().child(parent, codes[r]);
                    numbers[r] = users[rowUsers[r]];
                }
                if (level == nodes.size()) nodes.add(new IntArrayList());
                IntArrayList all = nodes.get(level);
                if (ancestors[0][level] != all.size()) throw new AssertionError("rows must stand behind those before");
                all.addElements(all.size(), reached);
                return states(numbers, reached);
            }

            /** There are no histories behind a table. */
            @Override
            public Encoded prompts() {
                return null;
            }

            private Variable states(int[] numbers, int[] at) {
                float[] values = new float[2 * at.length];
                for (int r = 0; r < at.length; r++) {
                    values[2 * r] = numbers[r];
                    values[2 * r + 1] = at[r];
                }
                return Variable.constant(tape.floats(values).reshape(at.length, 2));
            }
        };
    }

    /** The log-probability of the code that leads to each node, in double precision; 0 for the root. */
    public double[] logProbabilities(int user, boolean overChildren) {
        ItemTrie trie = space.trie();
        double[] all = new double[trie.nodes()];
        for (int node = 0; node < trie.firstNode(trie.levels()); node++) {
            float[] row = logits[user][node];
            int first = trie.firstEdge(node), last = first + trie.children(node);
            double sum = 0;
            if (overChildren) for (int e = first; e < last; e++) sum += Math.exp(row[trie.code(e)]);
            else for (float v : row) sum += Math.exp(v);
            for (int e = first; e < last; e++) all[trie.child(e)] = row[trie.code(e)] - Math.log(sum);
        }
        return all;
    }

    @Override
    public String toString() {
        return "table of " + Arrays.toString(new int[] {logits.length, logits[0].length});
    }
}
