package dev.beamwright.recsys.baseline;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Decoder;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Noise;
import dev.beamwright.transformer.RmsNorm;
import dev.beamwright.transformer.Sequences;
import dev.beamwright.transformer.StackConfig;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * SASRec (Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018): a causal transformer over the items
 * of a history, each position trained to find the next item among all items by the product of its state with their
 * embeddings. Positions are learned, counted from the oldest item that is read. The blocks are our own: normalised
 * before each part by RMS norms, ReLU between.
 *
 * @param items (items, width): inputs and outputs
 * @param positions (maxItems, width)
 */
record SasRec(Variable items, Variable positions, RmsNorm inputNorm, Decoder decoder) implements Layer {
    /**
     * An untrained model.
     *
     * @param start what is added to the first columns of the items' random embeddings, by item; null for nothing
     */
    static SasRec of(SasRecConfig.Model c, int items, float[][] start, Key key, SegmentAllocator memory) {
        var init = new Initializer(memory, key);
        var form = new StackConfig(
                c.dModel(), c.layers(), c.heads(), c.dModel() / c.heads(), c.ffnDim(), false, true, 0, 1e-6f);
        Variable embeddings = init.normal(0.02, items, c.dModel());
        for (int i = 0; start != null && i < items; i++) {
            for (int j = 0; j < start[i].length; j++) {
                int at = i * c.dModel() + j;
                embeddings.value().set(at, embeddings.value().get(at) + start[i][j]);
            }
        }
        return new SasRec(
                embeddings,
                init.normal(0.02, c.maxItems(), c.dModel()),
                RmsNorm.of(init, c.dModel(), form.eps()),
                Decoder.of(init, form));
    }

    /** A state for each item of each sequence, which are not empty: (all items, width). */
    Variable states(Tape tape, List<int[]> sequences, Noise noise) {
        int[] offsets = new int[sequences.size() + 1];
        for (int s = 0; s < sequences.size(); s++) offsets[s + 1] = offsets[s] + sequences.get(s).length;
        int[] ids = new int[offsets[sequences.size()]], places = new int[ids.length];
        for (int s = 0; s < sequences.size(); s++) {
            int[] sequence = sequences.get(s);
            System.arraycopy(sequence, 0, ids, offsets[s], sequence.length);
            for (int i = 0; i < sequence.length; i++) places[offsets[s] + i] = i;
        }
        var rows = new Sequences(tape.ints(offsets), tape.ints(places));
        Variable x = Ops.add(
                tape, Ops.gather(tape, items, tape.ints(ids)), Ops.gather(tape, positions, rows.positions()));
        return decoder.apply(tape, inputNorm.apply(tape, x), rows, noise);
    }

    /** Scores of all items for what comes behind each sequence: (sequences, items). */
    Variable scores(Tape tape, List<int[]> sequences) {
        int[] last = new int[sequences.size()];
        for (int s = 0, end = 0; s < last.length; s++) last[s] = (end += sequences.get(s).length) - 1;
        Variable states = Ops.gather(tape, states(tape, sequences, Noise.none()), tape.ints(last));
        return Ops.linear(tape, states, items);
    }

    /** The loss of some samples, none of which begins with a target. */
    Objective.Result loss(
            Tape tape, List<Sample> samples, SasRecConfig config, Noise noise, float weight, Key key) {
        List<int[]> inputs = new ArrayList<>();
        IntArrayList chosen = new IntArrayList(), targets = new IntArrayList();
        List<int[]> read = new ArrayList<>(); // for each target, all items of its sequence in ascending order
        int row = 0;
        for (Sample s : samples) {
            int[] sequence = s.items(), own = Arrays.stream(sequence).sorted().distinct().toArray();
            inputs.add(Arrays.copyOf(sequence, sequence.length - 1));
            // Row i has seen items 0 … i and predicts item i + 1.
            for (int i = s.from() - 1; i < sequence.length - 1; i++) {
                chosen.add(row + i);
                targets.add(sequence[i + 1]);
                read.add(own);
            }
            row += sequence.length - 1;
        }
        Variable states = Ops.gather(tape, states(tape, inputs, noise), tape.ints(chosen.toIntArray()));
        int[] target = targets.toIntArray();
        return switch (config.loss()) {
            case CE -> crossEntropy(tape, Ops.linear(tape, states, items), target, weight);
            case BCE -> binary(tape, states, target, read, config.negatives(), weight, key);
            case SAMPLED -> sampled(tape, states, target, config.negatives(), weight, key);
        };
    }

    private static Objective.Result crossEntropy(Tape tape, Variable logits, int[] targets, float weight) {
        var loss = Ops.crossEntropy(tape, logits, tape.ints(targets), constant(tape, targets.length, weight));
        double nll = 0;
        for (int i = 0; i < targets.length; i++) nll += loss.nll().get(i);
        return new Objective.Result(loss.value(), new double[] {nll});
    }

    /**
     * {@code -log σ(s⁺) - Σ log σ(-s⁻) / negatives}, for the score s⁺ of the target and s⁻ of items drawn at random
     * from those that its sequence has not. Each is a cross-entropy over the two classes with logits (s, 0).
     */
    private Objective.Result binary(
            Tape tape, Variable states, int[] targets, List<int[]> read, int negatives, float weight, Key key) {
        int n = targets.length, all = n * (1 + negatives);
        int[] rows = new int[all], candidates = new int[all], classes = new int[all];
        float[] weights = new float[all];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k <= negatives; k++) {
                int at = i * (1 + negatives) + k;
                rows[at] = i;
                candidates[at] = k == 0 ? targets[i] : other(key, at, items.dim(0), read.get(i));
                classes[at] = k == 0 ? 0 : 1;
                weights[at] = k == 0 ? weight : weight / negatives;
            }
        }
        Variable products = Ops.multiply(
                tape,
                Ops.gather(tape, states, tape.ints(rows)),
                Ops.gather(tape, items, tape.ints(candidates)));
        int width = items.dim(-1);
        float[] sumAndNothing = new float[2 * width];
        Arrays.fill(sumAndNothing, 0, width, 1);
        Variable logits =
                Ops.linear(tape, products, Variable.constant(tape.floats(sumAndNothing).reshape(2, width)));
        var loss = Ops.crossEntropy(tape, logits, tape.ints(classes), tape.floats(weights));
        return new Objective.Result(loss.value(), new double[] {loss.value().value().get(0) / weight});
    }

    /** The cross-entropy over the target and items drawn at random, the same ones for all rows. */
    private Objective.Result sampled(
            Tape tape, Variable states, int[] targets, int negatives, float weight, Key key) {
        int n = targets.length, count = items.dim(0);
        int[] drawn = new int[negatives];
        for (int k = 0; k < negatives; k++) drawn[k] = key.below(k, count);
        drawn = Arrays.stream(drawn).sorted().distinct().toArray();
        int[] columns = IntStream.concat(Arrays.stream(drawn), Arrays.stream(targets))
                .sorted()
                .distinct()
                .toArray();
        int[] negativeColumns = Arrays.stream(drawn).map(i -> Arrays.binarySearch(columns, i)).toArray();
        int[] nodes = new int[n], offsets = new int[n + 1], classes = new int[n];
        IntArrayList seen = new IntArrayList();
        for (int i = 0; i < n; i++) {
            nodes[i] = i;
            classes[i] = Arrays.binarySearch(columns, targets[i]);
            int own = classes[i], at = Arrays.binarySearch(negativeColumns, own);
            for (int k = 0; k < negativeColumns.length; k++) {
                if (k == -at - 1) seen.add(own);
                seen.add(negativeColumns[k]);
            }
            if (-at - 1 == negativeColumns.length) seen.add(own);
            offsets[i + 1] = seen.size();
        }
        var mask = new SoftmaxMask(tape.ints(nodes), tape.ints(offsets), tape.ints(seen.toIntArray()));
        Variable logits = Ops.linear(tape, states, Ops.gather(tape, items, tape.ints(columns)));
        Variable logProb = Ops.logProbability(tape, logits, tape.ints(classes), mask, 1);
        Variable loss = Ops.weightedSum(tape, logProb, constant(tape, n, -weight));
        return new Objective.Result(loss, new double[] {loss.value().get(0) / weight});
    }

    /** One of {@code count} items drawn at random that is none of these, which ascend, if there is another. */
    static int other(Key key, int n, int count, int[] these) {
        if (count == these.length) return key.below(n, count);
        int drawn = key.below(n, count - these.length);
        for (int item : these) if (drawn >= item) drawn++;
        return drawn;
    }

    private static Tensor constant(Tape tape, int n, float value) {
        float[] values = new float[n];
        Arrays.fill(values, value);
        return tape.floats(values);
    }
}
