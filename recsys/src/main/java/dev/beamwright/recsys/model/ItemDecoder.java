package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.FilteredBlock;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Linear;
import dev.beamwright.transformer.Noise;
import dev.beamwright.transformer.RelativeBias;
import dev.beamwright.transformer.RmsNorm;
import dev.beamwright.transformer.Sequences;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A recommender that reads one token for each item and writes semantic IDs. With the path of trie nodes
 * {@code n_1 … n_L} of an item and their codes {@code c_1 … c_L},
 *
 * <pre>
 * vec(n)    = code[c(n)] + own[n]                       of a node: its level's code, shared, and its own
 * item      = Σ_l vec(n_l)                              of an item; items of one leaf share it
 * state     = norm(blocks(dropout(norm(begin, item_1, item_2, …))))
 * logit(n') = gain_l · state · vec(n') + bias(n')       for each child n' of the node that a path has reached at level l
 * </pre>
 *
 * So an item has an identity, similar items share most of their vector, and an item that nobody has met has one at once.
 * The probabilities of a level are a softmax over the node's children ({@link Softmax#CHILDREN}, the only one that it
 * has); codes that are no children have the logit -∞. The state behind a history is the same at every level, so a beam
 * needs no further pass through the network, unless the levels have networks of their own ({@link LevelMlp}).
 *
 * @param tokens (all codes, begin, and a row for each trie node but the root, or fewer that are shared; width)
 * @param inputNorm of the items' vectors
 * @param distances what attention adds for each head and distance
 * @param gains by level, each (1)
 * @param biases (trie nodes but the root)
 * @param levelMlps for each level but the first, or null for none
 * @param rows which rows of the table stand for what
 * @param itemLists I32 (items + 1, 2 · levels): the rows of each item's vector, and last of the begin token's
 * @param edgeLists I32 (edges of the trie, 2): the rows of the vector of each edge's child
 * @param prefixLists I32 (inner nodes, 2 · (levels - 1)): the rows of the vectors of a node and those above it
 */
public record ItemDecoder(
        Variable tokens,
        RmsNorm inputNorm,
        RelativeBias distances,
        List<FilteredBlock> blocks,
        RmsNorm norm,
        List<Variable> gains,
        Variable biases,
        List<LevelMlp> levelMlps,
        CodeSpace space,
        int maxItems,
        TableRows rows,
        Tensor itemLists,
        Tensor edgeLists,
        Tensor prefixLists)
        implements
            GenerativeModel {
    private static final int NONE = -1; // a row number for which a gather adds nothing
    private static final double DEVIATION = 0.02;
    private static final float EPS = 1e-6f;

    /**
     * The network of a level: {@code state + down(gelu(state · A + prefix · B))}, where prefix is the sum of the vectors of
     * the nodes on the path so far.
     *
     * @param ofState (hidden, width), with a bias
     * @param ofPrefix (hidden, width)
     * @param down (width, hidden), with a bias
     */
    public record LevelMlp(Linear ofState, Linear ofPrefix, Linear down) implements dev.beamwright.transformer.Layer {
        static LevelMlp of(Initializer init, int width, int hidden) {
            return new LevelMlp(
                    new Linear(init.normal(DEVIATION, hidden, width), init.constant(0, hidden)),
                    new Linear(init.normal(DEVIATION, hidden, width), null),
                    new Linear(init.normal(DEVIATION, width, hidden), init.constant(0, width)));
        }

        Variable apply(Tape tape, Variable state, Variable prefix) {
            Variable h = Ops.add(tape, ofState.apply(tape, state), ofPrefix.apply(tape, prefix));
            return Ops.add(tape, state, down.apply(tape, Ops.gelu(tape, h)));
        }
    }

    /** An untrained model: vectors and weights normal with deviation 0.02; see also {@link #startAt}. */
    public static ItemDecoder of(ModelConfig c, CodeSpace space, Key key, SegmentAllocator memory) {
        var init = new Initializer(memory, key);
        var rows = new TableRows(space, c.item().nodeRows());
        int width = c.dModel(), mlp = c.item().levelMlp();
        return new ItemDecoder(
                init.normal(DEVIATION, rows.count(), width),
                RmsNorm.of(init, width, EPS),
                RelativeBias.ofEachDistance(init, c.heads(), c.maxItems() + 1),
                IntStream.range(0, c.layers())
                        .mapToObj(i -> FilteredBlock.of(
                                init, width, c.heads(), c.headDim(), c.ffnDim(), c.item().taps(), c.item().share(),
                                EPS))
                        .toList(),
                RmsNorm.of(init, width, EPS),
                IntStream.range(0, space.levels()).mapToObj(l -> init.constant(1, 1)).toList(),
                init.constant(0, space.trie().nodes() - 1),
                mlp == 0
                        ? null
                        : IntStream.range(1, space.levels()).mapToObj(l -> LevelMlp.of(init, width, mlp)).toList(),
                space,
                c.maxItems(),
                rows,
                rows.ofItems(memory),
                rows.ofEdges(memory),
                mlp == 0 ? null : rows.ofPrefixes(memory));
    }

    /**
     * Moves the vectors of an untrained model to where the items are: each node's own vector grows by the mean of the items
     * below it less that of its parent, so that an item's path adds up to its vector and what was there before.
     *
     * @param vectors of the items, with as many columns as the model
     */
    public void startAt(float[][] vectors) {
        rows.add(vectors, tokens.value());
    }

    @Override
    public boolean sharesHistory() {
        return true;
    }

    @Override
    public String remark() {
        if (rows.sharing() == 0) return "";
        return String.format(
                Locale.ROOT, "%,d of %,d trie nodes share %,d rows of the table of vectors", rows.sharing(),
                space.trie().nodes() - 1, tokens.dim(0) - space.tokens() - (space.trie().nodes() - 1 - rows.sharing()));
    }

    @Override
    public int rowsPerItem() {
        return 1;
    }

    /** The number of the begin token among the items. */
    private int begin() {
        return space.items();
    }

    /** The states of sequences of items: (T, width), normalised. */
    private Variable states(Tape tape, int[] ids, Sequences rows, Noise noise) {
        Variable x = Ops.gatherLists(tape, tokens, itemLists, tape.rowInts(NONE, ids));
        x = Ops.dropout(tape, inputNorm.apply(tape, x), noise.next());
        Variable bias = distances.apply(tape);
        for (FilteredBlock block : blocks) x = block.apply(tape, x, rows, bias, noise);
        return norm.apply(tape, x);
    }

    @Override
    public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
        int[] offsets = new int[samples.size() + 1];
        for (int s = 0; s < samples.size(); s++) offsets[s + 1] = offsets[s] + samples.get(s).items().length;
        int total = offsets[samples.size()];
        int[] ids = new int[total], positions = new int[total];
        IntArrayList begins = new IntArrayList(), ends = new IntArrayList(); // of each target: its sequence's row, its own
        for (int s = 0; s < samples.size(); s++) {
            int[] items = samples.get(s).items();
            for (int i = 0; i < items.length; i++) { // row i predicts item i, so the last one is no input
                int row = offsets[s] + i;
                ids[row] = i == 0 ? begin() : items[i - 1];
                positions[row] = i;
                if (i < samples.get(s).from()) continue;
                begins.add(offsets[s]);
                ends.add(row);
            }
        }
        var rows = new Sequences(tape.rowInts(total, offsets), tape.rowInts(0, positions));
        Variable x = states(tape, ids, rows, noise);
        Variable state = Ops.gather(tape, x, tape.rowInts(NONE, ends.toIntArray()));
        return new Forward() {
            @Override
            public List<Variable> states() {
                return Collections.nCopies(space.levels(), state);
            }

            @Override
            public List<Variable> candidates(int[] targets, int[][] items, Variable ask) {
                IntArrayList owners = new IntArrayList(), all = new IntArrayList();
                for (int t = 0; t < targets.length; t++) {
                    for (int item : items[t]) {
                        owners.add(targets[t]);
                        all.add(item);
                    }
                }
                Variable before = Ops.gather(tape, state, tape.rowInts(NONE, owners.toIntArray()));
                List<Variable> levels = new ArrayList<>(Collections.nCopies(space.levels(), before));
                if (ask != null) levels.add(asked(tape, before, all.toIntArray(), ask, noise));
                return levels;
            }

            /** A row has seen the rows before it only, so a history's states are the first ones of its sequence. */
            @Override
            public Encoded prompts(int[] targets) {
                var read = new IntArrayList();
                int[] cuts = new int[targets.length + 1];
                for (int t = 0; t < targets.length; t++) {
                    int from = begins.getInt(targets[t]), to = ends.getInt(targets[t]);
                    for (int row = from; row <= to; row++) read.add(row);
                    cuts[t + 1] = read.size();
                }
                return new Encoded(Ops.gather(tape, x, tape.ints(read.toIntArray())), tape.ints(cuts));
            }
        };
    }

    /**
     * The states behind a token that follows items, without another pass through attention: with the history's state h and
     * the item's vector e, normalised, {@code z = h + e + h ⊙ e + ask} goes through the last block's network and the last
     * norm. The product is there because how well an item fits is one of state and vector.
     */
    private Variable asked(Tape tape, Variable state, int[] items, Variable ask, Noise noise) {
        Variable e = inputNorm.apply(tape, Ops.gatherLists(tape, tokens, itemLists, tape.rowInts(NONE, items)));
        Variable z = Ops.add(tape, Ops.add(tape, state, e), Ops.multiply(tape, state, e));
        z = Ops.add(tape, z, Ops.gather(tape, ask, tape.rowInts(NONE, new int[items.length])));
        return norm.apply(tape, blocks.getLast().feedForward(tape, z, noise));
    }

    @Override
    public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
        if (levelMlps != null && level > 0) {
            Variable prefix = Ops.gatherLists(tape, tokens, prefixLists, nodes);
            state = levelMlps.get(level - 1).apply(tape, state, prefix);
        }
        return Ops.childLogits(
                tape, state, tokens, edgeLists, gains.get(level), biases, space.mask(nodes), space.width(level));
    }

    @Override
    public Decoding read(Tape tape, List<int[]> histories, int[] unused) {
        int users = histories.size();
        int[] offsets = new int[users + 1], last = new int[users];
        for (int u = 0; u < users; u++) {
            offsets[u + 1] = offsets[u] + 1 + Math.min(maxItems, histories.get(u).length);
            last[u] = offsets[u + 1] - 1;
        }
        int[] ids = new int[offsets[users]], positions = new int[offsets[users]];
        for (int u = 0; u < users; u++) {
            int[] history = histories.get(u);
            int n = last[u] - offsets[u];
            ids[offsets[u]] = begin();
            System.arraycopy(history, history.length - n, ids, offsets[u] + 1, n);
            for (int i = 0; i <= n; i++) positions[offsets[u] + i] = i;
        }
        var rows = new Sequences(tape.rowInts(ids.length, offsets), tape.rowInts(0, positions));
        Variable x = states(tape, ids, rows, Noise.none());
        Variable first = Ops.gather(tape, x, tape.rowInts(NONE, last));
        var prompts = new Encoded(x, rows.offsets());
        return new Decoding() {
            @Override
            public Variable first() {
                return first;
            }

            @Override
            public Encoded prompts() {
                return prompts;
            }

            /** The state behind the history, whatever the codes. */
            @Override
            public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                return Ops.gather(tape, first, tape.ints(rowUsers));
            }

            @Override
            public Variable next(int level, Tensor codes, int[] rowUsers, Tensor ancestors) {
                return Ops.gather(tape, first, tape.ints(rowUsers));
            }
        };
    }
}
