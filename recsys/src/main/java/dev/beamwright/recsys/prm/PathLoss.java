package dev.beamwright.recsys.prm;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Noise;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The loss of a process reward model (Promise, Guo et al., arXiv 2601.04674, section 3.3): each prefix of a target is to
 * score higher than other prefixes of the same length,
 *
 * <pre>L_b = -log( e^{y⁺} / (e^{y⁺} + Σ e^{y⁻}) )</pre>
 *
 * averaged over levels b and targets; the paper adds up the levels of this loss and of the backbone's, here both are
 * means. Negatives are drawn uniformly from the prefixes that the catalogue has, but for a share of hard ones if asked for.
 * Where a sample has several targets,
 * some are drawn at random and stand for all: their losses are scaled so that the expected gradient is that of all.
 *
 * <p>A target's prefixes see the states of its history only. In a model that reads whole sequences these are the first
 * rows of the sequence, copied for each target that is compared.
 */
public final class PathLoss {
    /** A row of a process reward model is that much cheaper than one of a backbone, when batches are cut. */
    private static final int CHEAPER = 8;

    private final PrmConfig config;
    private final Likelihood likelihood;

    /**
     * @param likelihood of the backbone, for its beam
     */
    public PathLoss(PrmConfig config, Likelihood likelihood) {
        this.config = config;
        this.likelihood = likelihood;
    }

    /**
     * A loss and what it was made of.
     *
     * @param loss of one element, with its weight
     * @param byLevel for each level, the sum over targets without the weight
     */
    public record Result(Variable loss, double[] byLevel) {}

    /** How many rows a sample sends through the network, counted in rows of the backbone. */
    public int rows(int levels) {
        long rows = (long) config.targets() * levels * (1 + config.negatives()) / CHEAPER;
        return (int) Math.min(rows, Integer.MAX_VALUE / 2);
    }

    /**
     * The loss of a micro-batch.
     *
     * @param model the backbone
     * @param forward what it made of the samples
     * @param weight of one target
     * @param scale of the loss beside others
     * @param key for what is drawn
     */
    public Result of(
            Tape tape,
            GenerativeModel model,
            ProcessRewardModel prm,
            List<Sample> samples,
            GenerativeModel.Forward forward,
            Noise noise,
            float weight,
            double scale,
            Key key) {
        ItemTrie trie = model.space().trie();
        int levels = trie.levels();
        List<Drawn> drawn = draw(samples, key.fold("targets"));
        int[][][] beams = config.hardNegatives() == 0 || config.hard() != PrmConfig.Hard.BEAM
                ? null
                : beams(tape, model, drawn);
        var nodes = new IntArrayList();
        int n = drawn.size();
        int[] offsets = new int[n + 1], groups = new int[n * levels + 1];
        double[] weights = new double[n * levels];
        for (int t = 0; t < n; t++) {
            for (int depth = 1; depth <= levels; depth++) {
                int g = t * levels + depth - 1, item = drawn.get(t).item, positive = trie.node(item, depth);
                Key draws = key.fold("negatives").fold(drawn.get(t).target).fold(depth);
                int[] hard = config.hardNegatives() == 0
                        ? new int[0]
                        : beams != null
                                ? beams[t][depth - 1]
                        : siblings(trie, trie.node(item, depth - 1), positive, config.hardNegatives(), draws);
                nodes.add(positive);
                nodes.addElements(
                        nodes.size(), negatives(trie, depth, positive, hard, config.negatives(), draws));
                groups[g + 1] = nodes.size();
                weights[g] = drawn.get(t).stands;
            }
            offsets[t + 1] = nodes.size();
        }
        Encoded prompts = forward.prompts(drawn.stream().mapToInt(Drawn::target).toArray());
        if (config.detached()) {
            prompts = new Encoded(Variable.constant(prompts.states().value()), prompts.offsets());
        }
        Variable y = prm.score(tape, prm.histories(tape, prompts), nodes.toIntArray(), offsets, noise);
        double[] byGroup = new double[n * levels], byLevel = new double[levels], scaled = new double[n * levels];
        for (int g = 0; g < scaled.length; g++) scaled[g] = scale * weight / levels * weights[g];
        Variable loss = infoNce(tape, y, groups, scaled, byGroup);
        for (int g = 0; g < byGroup.length; g++) byLevel[g % levels] += weights[g] * byGroup[g];
        return new Result(loss, byLevel);
    }

    /**
     * {@code Σ_g weights[g] · L_g}, the first score of each group against all of it.
     *
     * @param y (N)
     * @param groups group g has the scores [groups[g], groups[g+1])
     * @param losses receives each L_g
     */
    static Variable infoNce(Tape tape, Variable y, int[] groups, double[] weights, double[] losses) {
        float[] scores = y.value().toArray(), gradient = new float[scores.length];
        double value = 0;
        for (int g = 0; g < weights.length; g++) {
            double max = Double.NEGATIVE_INFINITY, sum = 0;
            for (int i = groups[g]; i < groups[g + 1]; i++) max = Math.max(max, scores[i]);
            for (int i = groups[g]; i < groups[g + 1]; i++) sum += Math.exp(scores[i] - max);
            for (int i = groups[g]; i < groups[g + 1]; i++) {
                double share = Math.exp(scores[i] - max) / sum;
                gradient[i] = (float) (weights[g] * (i == groups[g] ? share - 1 : share));
            }
            losses[g] = Math.log(sum) + max - scores[groups[g]];
            value += weights[g] * losses[g];
        }
        return Ops.computed(tape, value, List.of(y), List.of(gradient));
    }

    /**
     * Distinct prefixes of one length, never the positive: first the hard ones, then others drawn uniformly, as many as
     * there are at the most (Floyd's draw without replacement).
     */
    static int[] negatives(ItemTrie trie, int depth, int positive, int[] hard, int wanted, Key key) {
        int first = trie.firstNode(depth), others = trie.nodesAt(depth) - 1, n = Math.min(wanted, others);
        int[] drawn = new int[n];
        var taken = new IntOpenHashSet();
        int size = 0;
        for (int node : hard) if (size < n && node != positive && taken.add(node)) drawn[size++] = node;
        if (n == others) { // all that are left
            for (int i = 0; i < others; i++) {
                int node = first + i + (first + i >= positive ? 1 : 0);
                if (taken.add(node)) drawn[size++] = node;
            }
            return drawn;
        }
        // What is not hard is numbered without gaps: the i-th of the others that are left.
        int[] out = Arrays.copyOf(drawn, size + 1);
        out[size] = positive;
        Arrays.sort(out);
        int left = trie.nodesAt(depth) - out.length, rest = n - size;
        var chosen = new IntOpenHashSet();
        for (int j = left - rest; j < left; j++) {
            int i = key.below(j - (left - rest), j + 1);
            if (!chosen.add(i)) chosen.add(i = j);
            int node = first + i;
            for (int o : out) if (o <= node) node++;
            drawn[size++] = node;
        }
        return drawn;
    }

    /** Other children of a node, as many as there are at the most, drawn at random. */
    static int[] siblings(ItemTrie trie, int parent, int positive, int wanted, Key key) {
        int first = trie.firstEdge(parent);
        return Arrays.stream(key.fold("siblings").permutation(trie.children(parent)))
                .map(i -> trie.child(first + i))
                .filter(node -> node != positive)
                .limit(wanted)
                .toArray();
    }

    /**
     * A target that is compared.
     *
     * @param target its number in the micro-batch
     * @param stands for how many targets
     * @param history the items that were seen before it
     */
    private record Drawn(int target, int item, double stands, int user, int[] history) {}

    private List<Drawn> draw(List<Sample> samples, Key key) {
        List<Drawn> drawn = new ArrayList<>();
        int first = 0;
        for (int s = 0; s < samples.size(); s++) {
            Sample sample = samples.get(s);
            int n = Math.min(config.targets(), sample.targets());
            int[] chosen = key.fold(s).permutation(sample.targets());
            Arrays.sort(chosen, 0, n);
            for (int i = 0; i < n; i++) {
                int at = sample.from() + chosen[i];
                drawn.add(new Drawn(
                        first + chosen[i],
                        sample.items()[at],
                        (double) sample.targets() / n,
                        sample.user(),
                        Arrays.copyOf(sample.items(), at)));
            }
            first += sample.targets();
        }
        return drawn;
    }

    /** For each target and level, the prefixes that the model's own beam ends with, best first, but not the target's. */
    private int[][][] beams(Tape tape, GenerativeModel model, List<Drawn> drawn) {
        int levels = model.space().levels();
        int[][][] beams = new int[drawn.size()][levels][];
        var search = new BeamSearch(model, SearchConfig.beam(config.hardNegatives() + 1, likelihood));
        search.search(
                tape.inference(),
                Query.of(
                        drawn.stream().map(Drawn::history).toList(), drawn.stream().mapToInt(Drawn::user).toArray()),
                (t, depth, beam) -> beams[t][depth - 1] = Arrays.stream(beam.nodes())
                        .filter(node -> node != model.space().trie().node(drawn.get(t).item, depth))
                        .limit(config.hardNegatives())
                        .toArray());
        return beams;
    }
}
