package dev.beamwright.autograd.check;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.util.List;
import java.util.function.Function;

/** Compares gradients with central differences along random directions. */
public final class GradCheck {
    private GradCheck() {}

    /**
     * The largest relative error over the inputs and four random directions each. The function's output, of any shape,
     * is reduced to a loss by fixed random weights.
     *
     * @param h the length of the step, in units of the inputs
     */
    public static double relativeError(
            Backend backend, Function<Tape, Variable> function, List<Variable> inputs, double h, Key key) {
        double worst = 0;
        for (int input = 0; input < inputs.size(); input++) {
            Variable x = inputs.get(input);
            int n = (int) x.size();
            for (int trial = 0; trial < 4; trial++) {
                Key k = key.fold(input).fold(trial);
                float[] direction = new float[n];
                for (int i = 0; i < n; i++) direction[i] = (float) k.gaussian(i);
                for (Variable v : inputs) if (v.grad() != null) v.grad().data().fill((byte) 0);
                run(backend, function, true);
                double analytic = 0;
                for (int i = 0; i < n; i++) analytic += (double) direction[i] * x.grad().get(i);
                // Differences over one and two steps, joined so that the function's third derivative cancels.
                double near = difference(backend, function, x, direction, h);
                double far = difference(backend, function, x, direction, 2 * h);
                double numeric = (8 * near - far) / (12 * h);
                double error = Math.abs(analytic - numeric);
                worst = Math.max(worst, error / Math.max(1e-2, Math.abs(analytic) + Math.abs(numeric)));
            }
        }
        return worst;
    }

    private static double difference(
            Backend backend, Function<Tape, Variable> function, Variable x, float[] direction, double h) {
        return shifted(backend, function, x, direction, h) - shifted(backend, function, x, direction, -h);
    }

    private static double shifted(
            Backend backend, Function<Tape, Variable> function, Variable x, float[] direction, double h) {
        float[] before = x.value().toArray(), after = before.clone();
        for (int i = 0; i < before.length; i++) after[i] = (float) (before[i] + h * direction[i]);
        x.value().copyFrom(after);
        double loss = run(backend, function, false);
        x.value().copyFrom(before);
        return loss;
    }

    private static double run(Backend backend, Function<Tape, Variable> function, boolean backward) {
        try (
                var memory = new Workspace();
                var tape = Tape.training(backend, memory)) {
            Variable y = function.apply(tape);
            float[] weights = weights((int) y.size());
            if (backward) tape.backward(y.size() == 1 ? y : Ops.weightedSum(tape, y, tape.floats(weights)));
            if (y.size() == 1) return y.value().get(0);
            double loss = 0;
            Tensor value = y.value();
            for (int i = 0; i < weights.length; i++) loss += (double) weights[i] * value.get(i);
            return loss;
        }
    }

    private static float[] weights(int n) {
        Key key = Key.of(7).fold("weights");
        float[] w = new float[n];
        for (int i = 0; i < n; i++) w[i] = (float) (key.uniform(i) * 2 - 1);
        return w;
    }
}
