package dev.beamwright.recsys.reinforce;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Noise;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How undecided a model is: the entropy of the next code, in nats, along the path of an item. */
final class CodeEntropy {
    private static final int CASES = 256, CHUNK = 16;

    private CodeEntropy() {}

    /**
     * The mean over the first cases, at most 256, and all levels, along the path of the best item that was found for each.
     *
     * @param found a result for each case; NaN if there are none
     */
    static double mean(
            Backend backend, GenerativeModel model, Likelihood likelihood, List<Case> cases,
            List<Search.Result> found) {
        int n = Math.min(CASES, found.size()), chunks = (n + CHUNK - 1) / CHUNK;
        double[] sums = new double[chunks];
        Parallel.run(chunks, b -> {
            List<Sample> samples = new ArrayList<>();
            for (int i = b * CHUNK; i < Math.min(n, (b + 1) * CHUNK); i++) {
                int[] history = cases.get(i).latest(model.maxItems());
                int[] items = Arrays.copyOf(history, history.length + 1);
                items[history.length] = found.get(i).items()[0];
                samples.add(new Sample(cases.get(i).user(), items, items.length - 1));
            }
            try (
                    var workspace = new Workspace();
                    Tape tape = Tape.inference(backend, workspace)) {
                sums[b] = sum(tape, model, samples, likelihood);
            }
        });
        return Arrays.stream(sums).sum() / n / model.space().levels();
    }

    /** The sum, over samples of one target and levels, of the entropy of the next code on the target's path. */
    static double sum(Tape tape, GenerativeModel model, List<Sample> samples, Likelihood likelihood) {
        var space = model.space();
        var trie = space.trie();
        List<Variable> states = model.forward(tape, samples, Noise.none()).states();
        var targets = Targets.of(tape, space, samples);
        double sum = 0;
        for (int level = 0; level < space.levels(); level++) {
            float[] logits = model.logits(tape, level, states.get(level), targets.nodes(level)).value().toArray();
            int columns = space.width(level);
            for (int s = 0; s < samples.size(); s++) {
                int node = trie.node(samples.get(s).items()[samples.get(s).from()], level);
                double denominator = likelihood.logDenominator(logits, s * columns, columns, trie, node);
                boolean all = likelihood.softmax() == Softmax.LEVEL;
                int count = all ? columns : trie.children(node);
                for (int c = 0; c < count; c++) {
                    int code = all ? c : trie.code(trie.firstEdge(node) + c);
                    double log = logits[s * columns + code] / likelihood.temperature() - denominator;
                    sum -= StrictMath.exp(log) * log;
                }
            }
        }
        return sum;
    }
}
