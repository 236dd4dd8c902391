package dev.beamwright.recsys.train;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes training steps. A batch is cut into micro-batches that fit the cache; each shard, with a gradient of its own,
 * takes its micro-batches in order, and the shards' gradients are added in order. So threads never wait for each other
 * within a step, and the result has the same bits for any number of them.
 */
final class Trainer implements AutoCloseable {
    private final Backend backend;
    private final GenerativeModel model;
    private final Objective objective;
    private final int shards, microTokens;
    private double[] prefixWeights = new double[0];
    private final AdamW optimizer;
    private final List<GenerativeModel> replicas = new ArrayList<>();
    private final List<List<Variable>> parameters = new ArrayList<>();
    private final List<Noise> noises = new ArrayList<>();
    private final List<Workspace> workspaces = new ArrayList<>();

    Trainer(
            Backend backend,
            GenerativeModel model,
            Objective objective,
            TrainConfig config,
            long totalSteps,
            Arena memory) {
        this.backend = backend;
        this.model = model;
        this.objective = objective;
        this.shards = config.shards();
        this.microTokens = config.microTokens();
        for (int s = 0; s < shards; s++) {
            GenerativeModel replica = s == 0 ? model : Layer.replica(model, memory);
            replicas.add(replica);
            parameters.add(List.copyOf(replica.parameters().values()));
            noises.add(new Noise((float) config.dropout(), memory));
            workspaces.add(new Workspace());
        }
        var settings = new AdamW.Config(
                (float) config.rate(), 0.9f, 0.98f, 1e-8f, (float) config.decay(), (float) config.clip());
        long warmup = Math.round(config.warmup() * totalSteps);
        optimizer = new AdamW(parameters.getFirst(), settings, Schedule.cosine(warmup, totalSteps, 0.05), memory);
    }

    AdamW optimizer() {
        return optimizer;
    }

    /** The weights of the prefix losses for the next step; empty before the first and for objectives without such. */
    double[] prefixWeights() {
        return prefixWeights;
    }

    /** Goes on after this many steps, with these prefix weights. */
    void resumeAt(long steps, double[] weights) {
        optimizer.resumeAt(steps);
        prefixWeights = weights;
    }

    /**
     * What a step reports.
     *
     * @param nll for each level, the sum over targets
     * @param targets how many there were
     * @param norm of the gradient before clipping
     */
    record Report(double[] nll, int targets, double norm) {}

    /** One step over a batch of samples. */
    Report step(List<Sample> batch, Key key) {
        int levels = model.space().levels();
        List<List<Sample>> micro =
                Samples.micro(batch, levels, objective.extraRows(levels), microTokens, shards);
        int targets = batch.stream().mapToInt(Sample::targets).sum();
        var results = new Objective.Result[micro.size()];
        Parallel.run(shards, shard -> {
            for (int m = shard; m < micro.size(); m += shards) {
                if (micro.get(m).isEmpty()) continue;
                results[m] = forwardAndBackward(shard, micro.get(m), 1f / targets, key.fold(m));
            }
        });
        addShards();
        double norm = optimizer.step(backend);
        double[] nll = new double[levels], prefixLosses = new double[levels];
        for (Objective.Result part : results) { // in the order of the micro-batches
            if (part == null) continue;
            for (int l = 0; l < levels; l++) nll[l] += part.nll()[l];
            for (int m = 0; m < part.prefixLosses().length; m++) prefixLosses[m] += part.prefixLosses()[m];
        }
        prefixWeights = objective.nextPrefixWeights(prefixWeights, prefixLosses);
        return new Report(nll, targets, norm);
    }

    private Objective.Result forwardAndBackward(int shard, List<Sample> samples, float weight, Key key) {
        GenerativeModel replica = replicas.get(shard);
        Noise noise = noises.get(shard);
        noise.begin(key);
        try (Tape tape = Tape.training(backend, workspaces.get(shard))) {
            var batch = MicroBatch.of(tape, replica, samples, noise, weight, prefixWeights, key.fold("objective"));
            Objective.Result result = objective.loss(batch);
            tape.backward(result.loss());
            return result;
        }
    }

    private void addShards() {
        if (shards == 1) return;
        Parallel.run(parameters.getFirst().size(), p -> {
            for (int s = 1; s < shards; s++) {
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
