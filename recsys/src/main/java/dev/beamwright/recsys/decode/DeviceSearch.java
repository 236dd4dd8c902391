package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BeamSpec;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import it.unimi.dsi.fastutil.ints.IntSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * The search of {@link BeamSearch} by kernels alone, so that a device runs all levels as one captured step: keys and
 * values, the trie, the choice of the best and the paths stay on the device, and only the last beam comes back; what was pruned does
 * not, so its lists have no certificate. Every
 * user has as many rows as the beam is wide; where there are fewer paths, the rows behind them stand for none.
 */
final class DeviceSearch implements Search {
    private final GenerativeModel model;
    private final ItemTrie trie;
    private final SearchConfig config;

    DeviceSearch(GenerativeModel model, SearchConfig config) {
        this.model = model;
        this.trie = model.space().trie();
        this.config = config;
    }

    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        List<Supplier<List<Result>>> found = new ArrayList<>();
        backend.capture(() -> {
            try (Tape tape = Tape.inference(backend, memory)) {
                found.add(search(tape, query));
            }
        }).run();
        return found.getFirst().get();
    }

    /**
     * Searches for a batch of users.
     *
     * @return what they get, to be asked for when the captured step has been run
     */
    Supplier<List<Result>> search(Tape tape, Query query) {
        List<int[]> histories = query.histories();
        Backend backend = tape.backend();
        int width = config.beamSize(), real = histories.size(), users = backend.rows(real), levels = trie.levels();
        int[] rowUsers = new int[users * width];
        for (int r = 0; r < rowUsers.length; r++) rowUsers[r] = Math.min(r / width, real - 1);
        SoftmaxMask edges = model.space().mask(null);
        Allowed allowed = new Allowed(query, trie);
        Tensor open = allowed.open() == null ? null : tape.ints(numbers(allowed.open()));
        int most = most(histories); // the same at all levels, so that few programs are built
        List<IntSet> exhausted = allowed.exhausted();

        GenerativeModel.Decoding decoding = model.read(tape, histories, query.users());
        Tensor ancestors = decoding.depth() == 0 ? null : tape.ints(range(users)).reshape(users, 1);
        float[] none = new float[users];
        Arrays.fill(none, real, users, Float.NEGATIVE_INFINITY);
        Tensor nodes = tape.ints(new int[users]), scores = tape.floats(none);
        Variable states = decoding.first();
        for (int level = 0; level < levels; level++) {
            boolean last = level == levels - 1;
            Tensor logits = model.logits(tape, level, states, nodes).value();
            Tensor reached = tape.allocateInts(users * width), parents = tape.allocateInts(users * width);
            Tensor tokens = tape.allocateInts(users * width), sums = tape.allocate(Shape.of(users * width));
            var spec = new BeamSpec(
                    level == 0 ? 1 : width, width, edges.offsets(), edges.columns(), open,
                    exhausted == null ? null : barred(tape, exhausted, level + 1, most, users),
                    config.likelihood().softmax() == Softmax.CHILDREN, config.likelihood().temperature(),
                    model.space().tokenOf(level, 0));
            backend.extendBeams(reached, sums, parents, tokens, logits, nodes, scores, spec);
            nodes = reached;
            scores = sums;
            if (last) break;
            Tensor paths = tape.allocateInts(users * width, decoding.depth() + level + 1);
            backend.extendPaths(paths, ancestors, parents);
            ancestors = paths;
            states = decoding.next(level, tokens, rowUsers, ancestors);
        }
        int[][] leaves = new int[1][];
        float[][] values = new float[1][];
        Tensor lastNodes = nodes, lastScores = scores;
        backend.read(lastNodes, () -> leaves[0] = lastNodes.toIntArray());
        backend.read(lastScores, () -> values[0] = lastScores.toArray());
        return () -> results(leaves[0], values[0], allowed, real);
    }

    private List<Result> results(int[] leaves, float[] values, Allowed allowed, int users) {
        List<Result> results = new ArrayList<>();
        int width = config.beamSize();
        for (int u = 0; u < users; u++) {
            Allowed.Listing list = allowed.new Listing(u);
            for (int r = u * width; r < (u + 1) * width && values[r] != Float.NEGATIVE_INFINITY; r++) {
                list.leaf(leaves[r], values[r]);
            }
            results.add(list.uncertified());
        }
        return results;
    }

    /** No user has more exhausted nodes at a depth than items. */
    private static int most(List<int[]> histories) {
        return Math.max(1, histories.stream().mapToInt(h -> new IntOpenHashSet(h).size()).max().orElse(1));
    }

    /** The users' exhausted nodes at a depth: (users, most), filled up with -1. */
    private Tensor barred(Tape tape, List<IntSet> exhausted, int depth, int most, int users) {
        int first = trie.firstNode(depth), end = first + trie.nodesAt(depth);
        List<int[]> all = exhausted.stream()
                .map(nodes -> nodes.intStream().filter(n -> n >= first && n < end).sorted().toArray())
                .toList();
        int each = tape.backend().rows(most);
        int[] flat = new int[users * each];
        Arrays.fill(flat, -1);
        for (int u = 0; u < all.size(); u++) System.arraycopy(all.get(u), 0, flat, u * each, all.get(u).length);
        return tape.ints(flat).reshape(users, each);
    }

    private static int[] numbers(boolean[] flags) {
        int[] n = new int[flags.length];
        for (int i = 0; i < n.length; i++) n[i] = flags[i] ? 1 : 0;
        return n;
    }

    private static int[] range(int n) {
        int[] r = new int[n];
        for (int i = 0; i < n; i++) r[i] = i;
        return r;
    }
}
