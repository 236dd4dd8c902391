package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.ModelOptions.or;

import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.Batches;
import dev.beamwright.recsys.train.TrainConfig;
import picocli.CommandLine.Mixin;

/** The options of {@code train} that {@code run} has, too. */
final class TrainingOptions {
    @Mixin
    ModelOptions model;

    @Mixin
    ObjectiveOptions objective;

    @Mixin
    OptimizationOptions optimization;

    @Mixin
    EpochOptions epochs;

    /** With other usual epochs than the preset's, unless null. */
    TrainConfig config(long seed, Integer usualEpochs) {
        return config(TrainConfig.preset(model.preset(), seed), null, seed, usualEpochs, null);
    }

    /** The same for a run that is prepared: what its data decide is decided, unless it is given. */
    TrainConfig config(long seed, Integer usualEpochs, RunFolder run) {
        run.need("config/prepare.json", "prepare");
        Integer history = run.config("prepare", PrepareConfig.class).maxItems();
        TrainConfig config = config(TrainConfig.preset(model.preset(), seed), null, seed, usualEpochs, history);
        return optimization.batch == null ? Batches.fitted(config, run) : config;
    }

    /** For a training that begins from a trained run's model, and else has that run's settings. */
    TrainConfig continuing(TrainConfig first, long seed) {
        return config(first, first, seed, null, null);
    }

    private TrainConfig config(
            TrainConfig d, TrainConfig first, long seed, Integer usualEpochs, Integer usualItems) {
        OptimizationOptions o = optimization;
        TargetObjective of = objective.objective(d.objective(), TargetObjective.class);
        Softmax usual = d.model().backbone().equals(ModelConfig.ITEM)
                ? Softmax.CHILDREN
                : objective.softmax(of, d.softmax(), first != null);
        return new TrainConfig(
                model.config(d.model(), usualItems),
                of,
                or(epochs.softmax, usual),
                or(epochs.epochs, or(usualEpochs, d.epochs())),
                or(o.patience, d.patience()),
                or(o.batch, d.batch()),
                or(o.rate, d.rate()),
                or(o.warmup, d.warmup()),
                or(o.decay, d.decay()),
                or(o.clip, d.clip()),
                or(o.dropout, d.dropout()),
                or(o.beam, d.beam()),
                or(o.validationCases, d.validationCases()),
                seed,
                or(o.shards, d.shards()),
                d.microTokens(),
                d.checkpointSeconds(),
                or(epochs.holdOut, d.holdOut()),
                or(epochs.best, d.best()),
                epochs.prm(objective.parameters(true)),
                first);
    }
}
