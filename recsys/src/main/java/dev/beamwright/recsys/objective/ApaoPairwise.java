package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * APAO with pairwise prefix losses (Yu et al., KDD 2026, arXiv 2603.02730): as {@link ApaoPointwise}, but the loss of a
 * prefix compares it with the prefixes of other items of the same length ({@link PrefixContrast}),
 *
 * <pre>L = L_CE + β Σ_m w_m L_m                          (equation 11, with L_m of equation 14)</pre>
 *
 * <p>The negatives are drawn uniformly from all items, with replacement, anew for each target in each epoch; they go
 * through the network with the same history as the target, so a step costs as many times more as there are negatives.
 * Where a sample has several targets, only {@code instances} of them, drawn at random, are compared, and stand for all:
 * their losses are scaled so that the expected gradient is that of comparing every target.
 *
 * @param beta β
 * @param negatives how many for each target that is compared
 * @param instances how many targets of a sample are compared at the most
 * @param crossEntropy whether L_CE is part of the loss; without it, the paper's ablation
 */
public record ApaoPairwise(
        Likelihood likelihood,
        double beta,
        PrefixWeights weights,
        int negatives,
        int instances,
        PrefixContrast contrast,
        boolean crossEntropy)
        implements
            Objective {
    @Override
    public Result loss(MicroBatch b) {
        int levels = b.levels();
        double[] nll = new double[levels];
        Variable ce = crossEntropy
                ? CrossEntropy.meanNll(b, likelihood, nll)
                : CrossEntropy.weighted(b, likelihood, new float[levels], nll);
        if (beta == 0) return new Result(ce, nll, new double[levels]);

        Drawn drawn = draw(b);
        CodeSpace space = b.model().space();
        ItemTrie trie = space.trie();
        int compared = drawn.targets.length;
        List<Variable> logProbs = new ArrayList<>(); // of the targets by level, then of the negatives by level
        Targets own = Targets.of(b.tape(), space, drawn.items);
        for (int t = 0; t < levels; t++) {
            Variable logits = Ops.gather(b.tape(), b.logits().get(t), b.tape().rowInts(-1, drawn.targets));
            logProbs.add(likelihood.logProbability(b.tape(), logits, own, t));
        }
        List<Variable> states = b.forward().candidates(drawn.targets, drawn.negatives);
        int[] flat = Arrays.stream(drawn.negatives).flatMapToInt(Arrays::stream).toArray();
        Targets others = Targets.of(b.tape(), space, flat);
        for (int t = 0; t < levels; t++) {
            Variable logits = b.model().logits(b.tape(), t, states.get(t), others.nodes(t));
            logProbs.add(likelihood.logProbability(b.tape(), logits, others, t));
        }

        int[] prefixes = PrefixContrast.prefixes(trie);
        double[] w = weights.current(b.prefixWeights(), levels), prefixLosses = new double[levels];
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
        return weights.next(w, prefixLosses);
    }
}
