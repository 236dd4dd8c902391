package dev.beamwright.autograd.optim;

import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.util.List;

/**
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) with clipping by the global norm: one
 * fused kernel per parameter. Parameters of one dimension (norms, biases) are not decayed.
 */
public final class AdamW {
    /**
     * The settings.
     *
     * @param rate the highest learning rate
     * @param clip the largest global norm of the gradient; 0 for none
     */
    public record Config(float rate, float beta1, float beta2, float eps, float decay, float clip) {
        /** The usual settings. */
        public static final Config DEFAULT = new Config(1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1f);
    }

    private final Config config;
    private final Schedule schedule;
    private final List<Variable> parameters;
    private final List<Tensor> firstMoments, secondMoments;
    private final Tensor settings, state, norms;
    private long steps;
    private double norm;

    public AdamW(List<Variable> parameters, Config config, Schedule schedule, SegmentAllocator memory) {
        this.parameters = List.copyOf(parameters);
        this.config = config;
        this.schedule = schedule;
        firstMoments = parameters.stream().map(p -> Tensor.zeros(memory, p.shape())).toList();
        secondMoments = parameters.stream().map(p -> Tensor.zeros(memory, p.shape())).toList();
        settings = Tensor.zeros(memory, Shape.of(3));
        state = Tensor.zeros(memory, Shape.of(4));
        norms = Tensor.zeros(memory, Shape.of(parameters.size()));
    }

    /** Updates every parameter and clears its gradient. */
    public void step(Backend backend) {
        double rate = rate();
        steps++;
        settings.copyFrom(
                (float) rate,
                (float) (1 / (1 - StrictMath.pow(config.beta1, steps))),
                (float) (1 / (1 - StrictMath.pow(config.beta2, steps))));
        backend.written(settings);
        for (int i = 0; i < parameters.size(); i++) backend.squaredNorm(norms, i, parameters.get(i).grad());
        backend.clip(state, settings, norms, config.clip);
        for (int i = 0; i < parameters.size(); i++) {
            Variable p = parameters.get(i);
            backend.adamW(
                    p.value(),
                    p.grad(),
                    firstMoments.get(i),
                    secondMoments.get(i),
                    state,
                    config.beta1,
                    config.beta2,
                    config.eps,
                    p.shape().rank() > 1 ? config.decay : 0);
        }
        backend.read(norms, () -> {
            double squares = 0;
            for (int i = 0; i < parameters.size(); i++) squares += norms.get(i);
            norm = Math.sqrt(squares);
        });
    }

    /** The global norm of the last step's gradient before clipping. */
    public double norm() {
        return norm;
    }

    /** The learning rate of the next step. */
    public double rate() {
        return config.rate * schedule.factor(steps);
    }

    /** How many steps were made. */
    public long steps() {
        return steps;
    }

    /** Goes on from a stored state: the moments are filled by the caller, see {@link #firstMoments()}. */
    public void resumeAt(long step) {
        steps = step;
    }

    /** The running means of the gradients, in the order of the parameters. */
    public List<Tensor> firstMoments() {
        return firstMoments;
    }

    /** The running means of the squared gradients, in the order of the parameters. */
    public List<Tensor> secondMoments() {
        return secondMoments;
    }
}
