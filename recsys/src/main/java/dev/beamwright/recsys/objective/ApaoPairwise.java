package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@code apao-pairwise}: APAO with pairwise prefix losses (Yu et al., KDD 2026, arXiv 2603.02730): as
 * {@link ApaoPointwise}, but the loss of a prefix compares it with the prefixes of other items of the same length
 * ({@link PrefixContrast}),
 *
 * <pre>L = L_CE + β Σ_m w_m L_m                          (equation 11, with L_m of equation 14)</pre>
 *
 * <p>The negatives are drawn uniformly from all items, with replacement, for each target in each epoch; they go
 * through the network with the same history as the target, so a step costs as many times more as there are negatives.
 * Where a sample has several targets, only {@code instances} of them, drawn at random, are compared, and stand for all:
 * their losses are scaled so that the expected gradient is that of comparing every target.
 *
 * @param beta β
 * @param eta η, see {@link PrefixWeights}
 * @param prefixWeights what the weights w follow
 * @param crossEntropy whether L_CE is part of the loss; without it, the paper's ablation
 * @param negatives how many for each target that is compared
 * @param instances how many targets of a sample are compared at the most
 * @param prefixTau τ of {@link PrefixContrast}
 * @param distinct see {@link PrefixContrast}
 * @param kappa {@code scaled} of {@link PrefixContrast}
 * @param perCode see {@link PrefixContrast}
 * @param tau temperature of the softmax
 */
public record ApaoPairwise(
        @Help("weight of the prefix losses") double beta,
        @Help("how fast the prefix weights change") double eta,
        @Help("what the prefix weights follow: the losses, the normalised losses, or nothing") PrefixWeights.Form prefixWeights,
        @Help("whether the cross-entropy is part of the loss") boolean crossEntropy,
        @Help("negatives of each target") int negatives,
        @Help("targets of a sequence that are compared, drawn at random (the paper compares all)") int instances,
        @Help("temperature of the prefix scores") double prefixTau,
        @Help("count negatives that share a prefix once") boolean distinct,
        @Help("scale the negatives to the number of all prefixes") boolean kappa,
        @Help("divide the loss of a prefix by its length") boolean perCode,
        @Help("temperature of the softmax, in training and in decoding") double tau)
        implements
            TargetObjective {
    public ApaoPairwise {
        ApaoPointwise.requireApao("apao-pairwise", beta, eta, crossEntropy);
        Parameter.require(negatives >= 1, "apao-pairwise", "negatives", "1 or more", negatives);
        Parameter.require(instances >= 1, "apao-pairwise", "instances", "1 or more", instances);
        Parameter.require(prefixTau >= 1e-6 && prefixTau < 1e6, "apao-pairwise", "prefix-tau", "from 1e-6 to below 1e6",
                prefixTau);
        CrossEntropy.requireTau("apao-pairwise", tau);
    }

    /** The usual parameters, those of the paper's program. */
    public ApaoPairwise() {
        this(0.2, 1e-4);
    }

    /** The usual parameters but for β and η. */
    public ApaoPairwise(double beta, double eta) {
        this(beta, eta, 100, 1);
    }

    /** The usual parameters but for these. */
    public ApaoPairwise(double beta, double eta, int negatives, int instances) {
        this(beta, eta, PrefixWeights.Form.CODE, true, negatives, instances, 1, true, true, true, 1);
    }

    @Override
    public String name() {
        return "apao-pairwise";
    }

    @Override
    public String summary() {
        return "the same, each prefix against those of sampled items";
    }

    @Override
    public String equation() {
        return """
                L   = L_CE + beta * sum_m w_m L_m               (APAO, arXiv 2603.02730, equation 11)
                L_m = -log(e^S_0 / (e^S_0 + kappa_m sum_j e^S_j)) / m,  S the score of the prefix of m codes,
                      0 the target, j the negatives             (equations 13 and 14; kappa_m and 1/m: the program)
                w_m follow the losses, by eta                   (equations 15 to 17)""";
    }

    /** β and η of table 5 of the paper. */
    @Override
    public List<Preset> presets() {
        return List.of(
                Preset.of("office-tiger", new ApaoPairwise(0.2, 3e-5)),
                Preset.of("grocery-tiger", new ApaoPairwise(0.1, 5e-5)),
                Preset.of("beauty-tiger", new ApaoPairwise(0.1, 1e-4)),
                Preset.of("yelp-tiger", new ApaoPairwise(0.05, 5e-6)),
                Preset.of("office-llama", new ApaoPairwise(0.4, 5e-5)),
                Preset.of("grocery-llama", new ApaoPairwise(0.2, 3e-5)),
                Preset.of("beauty-llama", new ApaoPairwise(0.4, 1e-5)),
                Preset.of("yelp-llama", new ApaoPairwise(0.1, 5e-6)));
    }

    @Override
    public String idle(String key) {
        return key.equals("eta") && prefixWeights == PrefixWeights.Form.UNIFORM ? "with prefix-weights=uniform" : null;
    }

    /** How prefixes are compared. */
    PrefixContrast contrast() {
        return new PrefixContrast(prefixTau, distinct, kappa, perCode);
    }

    private PrefixWeights weights() {
        return new PrefixWeights(prefixWeights, eta);
    }

    @Override
    public Result loss(MicroBatch b) {
        int levels = b.levels();
        double[] nll = new double[levels];
        Variable ce = crossEntropy
                ? CrossEntropy.meanNll(b, nll)
                : CrossEntropy.weighted(b, new float[levels], nll);
        if (beta == 0) return new Result(ce, nll, new double[levels]);

        Drawn drawn = draw(b);
        CodeSpace space = b.model().space();
        ItemTrie trie = space.trie();
        int compared = drawn.targets.length;
        List<Variable> logProbs = new ArrayList<>(); // of the targets by level, then of the negatives by level
        Targets own = Targets.of(b.tape(), space, drawn.items);
        for (int t = 0; t < levels; t++) {
            Variable logits = Ops.gather(b.tape(), b.logits().get(t), b.tape().rowInts(-1, drawn.targets));
            logProbs.add(b.likelihood().logProbability(b.tape(), logits, own, t));
        }
        List<Variable> states = b.forward().candidates(drawn.targets, drawn.negatives);
        int[] flat = Arrays.stream(drawn.negatives).flatMapToInt(Arrays::stream).toArray();
        Targets others = Targets.of(b.tape(), space, flat);
        for (int t = 0; t < levels; t++) {
            Variable logits = b.model().logits(b.tape(), t, states.get(t), others.nodes(t));
            logProbs.add(b.likelihood().logProbability(b.tape(), logits, others, t));
        }

        PrefixContrast contrast = contrast();
        int[] prefixes = PrefixContrast.prefixes(trie);
        double[] w = weights().current(b.prefixWeights(), levels), prefixLosses = new double[levels];
        List<float[]> gradients = new ArrayList<>();
        for (Variable v : logProbs) gradients.add(new float[(int) v.size()]);
        double value = 0;
        for (int i = 0; i < compared; i++) {
            double[][] candidates = new double[1 + negatives][levels];
            int[][] nodes = new int[1 + negatives][levels];
            for (int j = 0; j <= negatives; j++) {
                int item = j == 0 ? drawn.items[i] : drawn.negatives[i][j - 1];
                for (int t = 0; t < levels; t++) {
                    candidates[j][t] = value(logProbs, levels, i, j, t);
                    nodes[j][t] = trie.node(item, t + 1);
                }
            }
            var compare = contrast.compare(candidates, nodes, prefixes, w);
            double scale = b.weight() * drawn.stands[i];
            for (int m = 0; m < levels; m++) {
                prefixLosses[m] += scale * compare.losses()[m];
                value += beta * scale * w[m] * compare.losses()[m];
            }
            for (int j = 0; j <= negatives; j++) {
                for (int t = 0; t < levels; t++) {
                    float g = (float) (beta * scale * compare.gradient()[j][t]);
                    if (j == 0) gradients.get(t)[i] = g;
                    else gradients.get(levels + t)[i * negatives + j - 1] = g;
                }
            }
        }
        Variable loss = Ops.add(b.tape(), ce, Ops.computed(b.tape(), value, logProbs, gradients));
        return new Result(loss, nll, prefixLosses);
    }

    private double value(List<Variable> logProbs, int levels, int i, int j, int t) {
        Tensor v = logProbs.get(j == 0 ? t : levels + t).value();
        return v.get(j == 0 ? i : (long) i * negatives + j - 1);
    }

    /** Targets that are compared, by row, their items, for how many targets each stands, and its negatives. */
    private record Drawn(int[] targets, int[] items, double[] stands, int[][] negatives) {}

    private Drawn draw(MicroBatch b) {
        int compared = b.samples().stream().mapToInt(s -> Math.min(instances, s.targets())).sum();
        var drawn = new Drawn(
                new int[compared], new int[compared], new double[compared], new int[compared][negatives]);
        int at = 0, first = 0;
        for (int s = 0; s < b.samples().size(); s++) {
            Sample sample = b.samples().get(s);
            int n = Math.min(instances, sample.targets());
            int[] chosen = b.key().fold("targets").fold(s).permutation(sample.targets());
            Arrays.sort(chosen, 0, n);
            for (int i = 0; i < n; i++, at++) {
                drawn.targets[at] = first + chosen[i];
                drawn.items[at] = b.targets().items()[first + chosen[i]];
                drawn.stands[at] = (double) sample.targets() / n;
                var key = b.key().fold("negatives").fold(first + chosen[i]);
                for (int j = 0; j < negatives; j++) {
                    drawn.negatives[at][j] = key.below(j, b.model().space().items());
                }
            }
            first += sample.targets();
        }
        return drawn;
    }

    @Override
    public int extraRows(int levels) {
        return beta == 0 ? 0 : instances * negatives * levels;
    }

    @Override
    public double[] nextPrefixWeights(double[] w, double[] prefixLosses) {
        return weights().next(w, prefixLosses);
    }
}
