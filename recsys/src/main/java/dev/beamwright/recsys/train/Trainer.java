package dev.beamwright.recsys.train;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Step;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes training steps. A batch is cut into micro-batches that fit the cache; each shard, with a gradient of its own,
 * takes its micro-batches in order, and the shards' gradients are added in order. So threads never wait for each other
 * within a step, and the result has the same bits for any number of them.
 *
 * @param <M> what is trained
 */
public final class Trainer<M extends Layer> implements AutoCloseable {
    /** What is made small: the loss of some samples. */
    @FunctionalInterface
    public interface Loss<M> {
        /**
         * The loss of one micro-batch.
         *
         * @param weight of one target: 1 / targets of the whole batch
         * @param key for whatever is drawn
         */
        Objective.Result of(Tape tape, M model, List<Sample> samples, Noise noise, float weight, Key key);

        /** How many rows a sample sends through the network besides its own tokens. */
        default int extraRows() {
            return 0;
        }

        /** Whether a device can capture it, see {@link dev.beamwright.recsys.objective.TargetObjective#recordable}. */
        default boolean recordable() {
            return false;
        }
    }

    /**
     * How steps are made.
     *
     * @param dropout share of activations set to zero
     * @param shards into how many parts a step's gradient is summed
     * @param microTokens tokens that go through the network at once
     * @param tokensPerItem how many tokens an item has
     */
    public record Settings(
            AdamW.Config optimizer,
            Schedule schedule,
            double dropout,
            int shards,
            int microTokens,
            int tokensPerItem) {}

    /** Tokens that go through the network at once on a device, where it is memory that limits them. */
    private static final int DEVICE_TOKENS = 1 << 16;

    private final Backend backend;
    private final Loss<M> loss;
    private final Settings settings;
    private final AdamW optimizer;
    private final Backend.Constants weights;
    private final List<M> replicas = new ArrayList<>();
    private final List<List<Variable>> parameters = new ArrayList<>();
    private final List<Noise> noises = new ArrayList<>();
    private final List<Workspace> workspaces = new ArrayList<>();

    public Trainer(Backend backend, M model, Loss<M> loss, Settings settings, Arena memory) {
        this.backend = backend;
        this.loss = loss;
        this.settings = settings;
        for (int s = 0; s < settings.shards(); s++) {
            M replica = s == 0 ? model : Layer.replica(model, memory);
            replicas.add(replica);
            parameters.add(List.copyOf(replica.parameters().values()));
            noises.add(new Noise((float) settings.dropout(), memory));
            workspaces.add(new Workspace());
        }
        weights = backend.constants(parameters.getFirst().stream().map(Variable::value).toList());
        optimizer = new AdamW(parameters.getFirst(), settings.optimizer(), settings.schedule(), memory);
    }

    /**
     * The trainer of a generative model under an objective, of a process reward model, or of both.
     *
     * @param config of which sizes of batches and the number of epochs are without effect
     * @param totalSteps after which the learning rate has fallen to its end
     */
    public static Trainer<Guided> of(
            Backend backend,
            Guided model,
            ObjectiveLoss loss,
            TrainConfig config,
            long totalSteps,
            Arena memory) {
        boolean device = backend.records();
        var settings = new Settings(
                new AdamW.Config(
                        (float) config.rate(), 0.9f, 0.98f, 1e-8f, (float) config.decay(), (float) config.clip()),
                Schedule.cosine(config.warmupSteps(totalSteps), totalSteps, 0.05),
                config.dropout(),
                device ? 1 : config.shards(),
                device ? DEVICE_TOKENS : config.microTokens(),
                model.backbone().rowsPerItem());
        return new Trainer<>(backend, model, loss, settings, memory);
    }

    public AdamW optimizer() {
        return optimizer;
    }

    /**
     * What a step reports.
     *
     * @param nll what the loss reports, for a generative model by level: the sum over targets
     * @param targets how many there were
     * @param norm of the gradient before clipping
     * @param prefixLosses what the objective reports of the losses of prefixes: the batch's mean for each length
     * @param counters what rollouts count
     */
    public record Report(double[] nll, int targets, double norm, double[] prefixLosses, Counters counters) {}

    /** One step over a batch of samples; at least one of them has a target. */
    public Report step(List<Sample> batch, Key key) {
        List<List<Sample>> micro = micro(batch);
        int targets = batch.stream().mapToInt(Sample::targets).sum();
        var results = new Objective.Result[micro.size()];
        weights.changed(); // by the last step, or by whoever loaded them
        Step gradient = () -> each(micro, (shard, m) -> {
            Key microKey = key.fold(m);
            noises.get(shard).begin(microKey);
            results[m] = forwardAndBackward(shard, micro.get(m), 1f / targets, microKey);
        });
        Step update = () -> {
            addShards();
            optimizer.step(backend);
        };
        if (micro.size() == 1 && loss.recordable()) { // the whole step as one
            backend.capture(() -> {
                gradient.run();
                update.run();
            }).run();
        } else {
            gradient.run();
            backend.capture(update::run).run();
        }
        double[] nll = null, prefixLosses = null;
        var counters = new Counters();
        for (Objective.Result part : results) { // in the order of the micro-batches
            if (part == null) continue;
            nll = plus(nll, part.nll());
            prefixLosses = plus(prefixLosses, part.prefixLosses());
            counters.add(part.counters());
        }
        return new Report(nll, targets, optimizer.norm(), prefixLosses, counters);
    }

    /**
     * What is made small, as the model stands and without dropout: the mean over the targets of some samples, of which
     * there is at least one. Nothing is learnt.
     */
    public double measure(List<Sample> samples, Key key) {
        List<List<Sample>> micro = micro(samples);
        int targets = samples.stream().mapToInt(Sample::targets).sum();
        double[] values = new double[micro.size()];
        weights.changed();
        each(micro, (shard, m) -> {
            try (Tape tape = Tape.inference(backend, workspaces.get(shard))) {
                Tensor value = loss.of(
                        tape, replicas.get(shard), micro.get(m), Noise.none(), 1f / targets, key.fold(m))
                        .loss().value();
                backend.read(value, () -> values[m] = value.get(0));
            }
        });
        return Arrays.stream(values).sum();
    }

    private List<List<Sample>> micro(List<Sample> samples) {
        return Samples.micro(
                samples, settings.tokensPerItem(), loss.extraRows(), settings.microTokens(), settings.shards());
    }

    /** What is done with one micro-batch. */
    @FunctionalInterface
    private interface Part {
        void run(int shard, int micro);
    }

    /** Does something with each micro-batch, shards side by side, those of a shard in order; a device captures each. */
    private void each(List<List<Sample>> micro, Part part) {
        int shards = settings.shards();
        weights.during(() -> Parallel.run(shards, shard -> {
            for (int m = shard; m < micro.size(); m += shards) {
                if (micro.get(m).isEmpty()) continue;
                int number = m;
                Step one = () -> part.run(shard, number);
                (loss.recordable() ? backend.capture(one::run) : one).run();
            }
        }));
    }

    private static double[] plus(double[] sum, double[] part) {
        if (sum == null) return part.clone();
        for (int i = 0; i < sum.length; i++) sum[i] += part[i];
        return sum;
    }

    private Objective.Result forwardAndBackward(int shard, List<Sample> samples, float weight, Key key) {
        try (Tape tape = Tape.training(backend, workspaces.get(shard))) {
            Objective.Result result = loss.of(tape, replicas.get(shard), samples, noises.get(shard), weight, key);
            tape.backward(result.loss());
            return result;
        }
    }

    private void addShards() {
        if (settings.shards() == 1) return;
        Parallel.run(parameters.getFirst().size(), p -> {
            for (int s = 1; s < settings.shards(); s++) {
                backend.accumulate(
                        parameters.getFirst().get(p).grad(), 1, parameters.get(s).get(p).grad());
                backend.fill(parameters.get(s).get(p).grad(), 0);
            }
        });
    }

    @Override
    public void close() {
        workspaces.forEach(Workspace::close);
    }
}
