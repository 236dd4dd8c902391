package dev.beamwright.recsys.prm;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.decode.PathScorer;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Attention;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.FeedForward;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Linear;
import dev.beamwright.transformer.Noise;
import dev.beamwright.transformer.RmsNorm;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A process reward model over paths of the item trie (Promise, Guo et al., arXiv 2601.04674, section 3.2): how well a
 * prefix of a semantic ID, of any length, goes with a user. A whole prefix is one token with an embedding of its own,
 *
 * <pre>
 * P'      = P + crossAttention(P, states of the user's history)
 * P_next  = P' + feedForward(rmsNorm(P'))
 * score   = out(gelu(hidden(P_last)))
 * </pre>
 *
 * <p>No path ever sees another one, so any number of them is scored in one batch, and the score of a path is the same
 * whatever else is scored.
 *
 * @param paths (rows of the table, width): the embeddings
 * @param hidden (width, width) with a bias
 * @param out (1, width)
 * @param rows by node of the trie: its rows of the table, which are added up
 */
public record ProcessRewardModel(
        Variable paths,
        List<PathBlock> blocks,
        Linear hidden,
        Linear out,
        int[][] rows)
        implements
            Layer,
            PathScorer {
    /** One block: attention of each path to a history, then a feed-forward part. */
    public record PathBlock(Attention attention, RmsNorm norm, FeedForward feedForward) implements Layer {}

    /**
     * An untrained model.
     *
     * @param backbone whose states it sees; it has as many heads, unless these are given, and a quarter of the columns
     *     inside its feed-forward parts, which are SwiGLU unless those of an encoder-decoder are ReLU
     */
    public static ProcessRewardModel of(
            PrmConfig c, ModelConfig backbone, CodeSpace space, Key key, SegmentAllocator memory) {
        int width = backbone.width(), heads = c.heads() == 0 ? backbone.heads() : c.heads();
        ItemTrie trie = space.trie();
        var init = new Initializer(memory, key);
        Variable paths = init.normal(0.1, c.table() == 0 ? trie.nodes() : c.table(), width);
        float scale = (float) (1 / Math.sqrt(backbone.headDim()));
        boolean gated = backbone.gated() || backbone.backbone().equals(ModelConfig.ITEM);
        double outGain = 1 / Math.sqrt(2.0 * c.blocks());
        List<PathBlock> blocks = IntStream.range(0, c.blocks())
                .mapToObj(i -> new PathBlock(
                        Attention.of(init, width, heads, backbone.headDim(), scale, 0, outGain),
                        RmsNorm.of(init, width, 1e-5f),
                        FeedForward.of(init, width, Math.max(1, backbone.hidden() / 4), gated, outGain)))
                .toList();
        return new ProcessRewardModel(
                paths, blocks, Linear.withBias(init, width, width, 1), Linear.of(init, width, 1, 1), rows(c, trie));
    }

    /**
     * Multiplications and additions to score paths of one user, two for each weight that a row meets.
     *
     * @param tokens rows of the history's states
     * @param n paths
     */
    public double flops(double tokens, double n) {
        double width = paths.dim(-1), once = 0, each = 2.0 * hidden.weight().size() + 2 * width;
        for (PathBlock b : blocks) {
            double inner = b.attention.heads() * b.attention.headDim();
            once += 4 * width * inner;
            each += 4 * width * inner + 4 * tokens * inner
                    + 2.0 * (b.feedForward.up().weight().size() + b.feedForward.down().weight().size());
        }
        return once * tokens + each * n;
    }

    /** The rows of each node: its own, or those of its ancestors, too. */
    private static int[][] rows(PrmConfig c, ItemTrie trie) {
        int[][] rows = new int[trie.nodes()][];
        Key[] hashes = new Key[trie.nodes()]; // of the path of each node
        rows[0] = new int[0];
        hashes[0] = Key.of(0).fold("paths");
        for (int node = 0; node < trie.firstNode(trie.levels()); node++) {
            for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                int child = trie.child(e);
                hashes[child] = hashes[node].fold(trie.code(e));
                int own = c.table() == 0 ? child : hashes[child].below(0, c.table());
                rows[child] = switch (c.paths()) {
                    case NODE -> new int[] {own};
                    case SUM -> {
                        int[] all = Arrays.copyOf(rows[node], rows[node].length + 1);
                        all[all.length - 1] = own;
                        yield all;
                    }
                };
            }
        }
        return rows;
    }

    /**
     * Histories that paths can be scored against: each block's keys and values of their states.
     *
     * @param keyValues for each block, (T, 2 · heads · headDim)
     * @param offsets I32 (users + 1): the rows of each user
     */
    public record Histories(List<Variable> keyValues, Tensor offsets) {}

    /** Gets to know histories by what a backbone made of them; done once, however many paths are scored. */
    public Histories histories(Tape tape, Encoded prompts) {
        List<Variable> keyValues = new ArrayList<>();
        for (PathBlock b : blocks) keyValues.add(b.attention.keyValue().apply(tape, prompts.states()));
        return new Histories(keyValues, prompts.offsets());
    }

    /**
     * The scores of paths: (N).
     *
     * @param nodes the N nodes that the paths have reached, users ascending
     * @param offsets user u has the nodes [offsets[u], offsets[u+1])
     */
    public Variable score(Tape tape, Histories histories, int[] nodes, int[] offsets, Noise noise) {
        Variable p = Ops.dropout(tape, Ops.gather(tape, paths, tableRows(tape, nodes)), noise.next());
        Tensor queries = tape.ints(offsets);
        for (int i = 0; i < blocks.size(); i++) {
            PathBlock b = blocks.get(i);
            Variable seen = b.attention.cross(
                    tape, p, null, queries, histories.keyValues.get(i), histories.offsets, noise);
            p = Ops.add(tape, p, Ops.dropout(tape, seen, noise.next()));
            Variable y = b.feedForward.apply(tape, b.norm.apply(tape, p), noise);
            p = Ops.add(tape, p, Ops.dropout(tape, y, noise.next()));
        }
        Variable scores = out.apply(tape, Ops.gelu(tape, hidden.apply(tape, p)));
        return Ops.reshape(tape, scores, nodes.length);
    }

    /** (N) or, where rows are added up, (N, as many as the longest path has). */
    private Tensor tableRows(Tape tape, int[] nodes) {
        int most = 1;
        for (int node : nodes) most = Math.max(most, rows[node].length);
        int[] ids = new int[nodes.length * most];
        Arrays.fill(ids, -1);
        for (int n = 0; n < nodes.length; n++) {
            System.arraycopy(rows[nodes[n]], 0, ids, n * most, rows[nodes[n]].length);
        }
        Tensor all = tape.ints(ids);
        return most == 1 ? all : all.reshape(nodes.length, most);
    }

    @Override
    public Session begin(Tape tape, Encoded prompts) {
        Histories histories = histories(tape, prompts);
        return (nodes, offsets) -> score(tape, histories, nodes, offsets, Noise.none()).value().toArray();
    }
}
