package dev.beamwright.recsys.train;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
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
        List<List<Sample>> micro = Samples.micro(batch, model.space().levels(), microTokens, shards);
        int targets = batch.stream().mapToInt(Sample::targets).sum();
        double[][] nll = new double[micro.size()][];
        Parallel.run(shards, shard -> {
            for (int m = shard; m < micro.size(); m += shards) {
                if (micro.get(m).isEmpty()) continue;
                noises.get(shard).begin(key.fold(m));
                nll[m] = forwardAndBackward(shard, micro.get(m), 1f / targets);
            }
        });
        addShards();
        double norm = optimizer.step(backend);
        double[] sum = new double[model.space().levels()];
        for (double[] part : nll) {
            for (int l = 0; part != null && l < sum.length; l++) sum[l] += part[l];
        }
        return new Report(sum, targets, norm);
    }

    private double[] forwardAndBackward(int shard, List<Sample> samples, float weight) {
        GenerativeModel replica = replicas.get(shard);
        try (Tape tape = Tape.training(backend, workspaces.get(shard))) {
            Targets targets = Targets.of(tape, replica.space(), samples);
            List<Variable> states = replica.states(tape, samples, noises.get(shard));
            List<Variable> logits = new ArrayList<>();
            for (int l = 0; l < states.size(); l++) logits.add(replica.logits(tape, l, states.get(l)));
            Objective.Result result = objective.loss(tape, logits, targets, weight);
            tape.backward(result.loss());
            return result.nll();
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
