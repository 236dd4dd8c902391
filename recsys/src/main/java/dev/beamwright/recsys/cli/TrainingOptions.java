package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.Batches;
import dev.beamwright.recsys.train.DecodingConfig;
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
    ValidationOptions validation;

    @Mixin
    EpochOptions epochs;

    /** With other usual epochs than the preset's, unless null. */
    TrainConfig config(long seed, Integer usualEpochs) {
        return config(TrainConfig.preset(model.preset(), seed), null, usualEpochs, null);
    }

    /** The same for a run that is prepared: what its data decide is decided, unless it is given. */
    TrainConfig config(long seed, Integer usualEpochs, RunFolder run) {
        run.need(RunFolder.config("prepare"), "prepare");
        Integer history = run.config("prepare", PrepareConfig.class).maxItems();
        TrainConfig config = config(TrainConfig.preset(model.preset(), seed), null, usualEpochs, history);
        return optimization.hasBatchSize() ? config : Batches.fitted(config, run);
    }

    /** For a training that begins from a trained run's model, and else has that run's settings. */
    TrainConfig continuing(TrainConfig first, long seed) {
        return config(first.withSeed(seed), first, null, null);
    }

    /**
     * With all that was given.
     *
     * @param d the settings that are not given
     * @param first of the run that training begins from; null if it begins from nothing
     * @param usualEpochs unless they are given; null for those of d
     * @param usualItems of a history, unless they are given; null for those of d
     */
    private TrainConfig config(TrainConfig d, TrainConfig first, Integer usualEpochs, Integer usualItems) {
        TargetObjective of = objective.objective(d.objective(), TargetObjective.class);
        Softmax usual = d.model().backbone().equals(ModelConfig.ITEM)
                ? Softmax.CHILDREN
                : objective.softmax(of, d.decoding().softmax(), first != null);
        return new TrainConfig(
                model.config(d.model(), usualItems),
                of,
                new DecodingConfig(or(epochs.softmax, usual), validation.beamSize(d.decoding().beamSize())),
                or(epochs.epochs, or(usualEpochs, d.epochs())),
                optimization.config(d.optimization()),
                validation.config(d.validation()).withBest(or(epochs.best, d.validation().best())),
                optimization.execution(d.execution()),
                or(epochs.holdOut, d.holdOut()),
                d.seed(),
                epochs.prm(objective.parameters(true)),
                first);
    }
}
