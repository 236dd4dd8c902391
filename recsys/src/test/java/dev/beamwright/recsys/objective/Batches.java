package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Micro-batches that consist of logits only, without a network behind them. */
final class Batches {
    private Batches() {}

    /** Random logits: one parameter for each level, (rows, width). */
    static List<Variable> logits(Arena memory, Key key, int levels, int rows, int width) {
        List<Variable> all = new ArrayList<>();
        for (int l = 0; l < levels; l++) {
            Variable v = Variable.parameter(memory, rows, width);
            for (int i = 0; i < v.size(); i++) v.value().set(i, (float) (1.5 * key.fold(l).gaussian(i)));
            all.add(v);
        }
        return all;
    }

    /** Logits with these values. */
    static Variable logits(Arena memory, double[]... rows) {
        Variable v = Variable.parameter(memory, rows.length, rows[0].length);
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) v.value().set((long) r * rows[r].length + c, (float) rows[r][c]);
        }
        return v;
    }

    /**
     * Targets of levels that are all alike.
     *
     * @param codes of each target, the same at each level
     * @param nodes the node of each target, which tells the codes that can follow
     * @param children of each node, ascending
     */
    static Targets targets(Arena memory, int levels, int[] codes, int[] nodes, int[][] children) {
        int[] offsets = new int[children.length + 1];
        List<Integer> columns = new ArrayList<>();
        for (int n = 0; n < children.length; n++) {
            for (int c : children[n]) columns.add(c);
            offsets[n + 1] = columns.size();
        }
        var mask = new SoftmaxMask(
                ints(memory, nodes),
                ints(memory, offsets),
                ints(memory, columns.stream().mapToInt(Integer::intValue).toArray()));
        List<Tensor> perLevel = new ArrayList<>();
        List<SoftmaxMask> masks = new ArrayList<>();
        for (int l = 0; l < levels; l++) {
            perLevel.add(ints(memory, codes));
            masks.add(mask);
        }
        return new Targets(codes, perLevel, masks);
    }

    /** A micro-batch that is the whole batch. */
    private static MicroBatch of(
            Tape tape, Likelihood likelihood, List<Variable> logits, Targets targets, double... prefixWeights) {
        return new MicroBatch(
                tape, null, null, null, logits, likelihood, targets, 1f / targets.count(), prefixWeights, Key.of(1));
    }

    /** An objective over a softmax. */
    record Under(TargetObjective objective, Softmax softmax) {
        /** Its loss of one micro-batch. */
        Objective.Result loss(Tape tape, List<Variable> logits, Targets targets, double... prefixWeights) {
            return objective.loss(of(tape, objective.likelihood(softmax), logits, targets, prefixWeights));
        }
    }

    private static Tensor ints(Arena memory, int... values) {
        return Tensor.of(memory, Shape.of(values.length), values);
    }
}
