package dev.beamwright.recsys.baseline;

import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.Batches;
import dev.beamwright.recsys.train.Checkpoints;
import dev.beamwright.recsys.train.MetricsLog;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.recsys.train.TrainingFiles;
import dev.beamwright.recsys.train.TrainingRun;
import dev.beamwright.recsys.train.TrainingState;
import dev.beamwright.recsys.train.Validation;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;

/** The training of {@link SasRec} as the loop sees it: a validation after each epoch, by the ranks among all items. */
final class SasRecTraining implements TrainingRun.Stage<SasRecTraining.Found>, AutoCloseable {
    private static final String ORIGIN = "origin"; // in a file's metadata: the settings and the data

    /** What a validation found. */
    record Found(Validation validation) implements TrainingRun.Validated {
        @Override
        public double ndcg10() {
            return validation.ndcg10();
        }
    }

    /** One line of the metrics. */
    record EpochMetrics(
            int epoch,
            long steps,
            double loss,
            double validationRecall10,
            double validationNdcg10,
            int validationCases,
            double seconds) {}

    private final TrainedSasRec ranker;
    private final SasRec model;
    private final SasRecConfig config;
    private final RunFolder run;
    private final Backend backend;
    private final Progress progress;
    private final TrainingFiles files;
    private final String origin;
    private final Arena memory = Arena.ofShared();
    private final Key key;
    private final Batches batches;
    private final List<Case> validation;
    private final Trainer<SasRec> trainer;
    private final Checkpoints checkpoints;
    private final TrainingRun<Found> training;

    /**
     * @param ranker of the model
     * @param model with the parameters that it was made with
     */
    SasRecTraining(
            TrainedSasRec ranker, SasRec model, SasRecConfig config, RunFolder run, Split split, Backend backend,
            Progress progress) {
        this.ranker = ranker;
        this.model = model;
        this.config = config;
        this.run = run;
        this.backend = backend;
        this.progress = progress;
        files = files(ranker.name());
        origin = Json.line(config) + " on " + Arrays.deepHashCode(split.train())
                + (TrainedSasRec.beginsFromVectors(config, run)
                        ? " from " + Hash.sha256(run.file(RunFolder.VECTORS))
                        : "");
        List<Sample> samples = samples(split.train());
        if (samples.isEmpty()) throw new UserError(ranker.name() + ": no user has two items in the training part");
        key = Key.of(config.seed());
        batches = new Batches(samples, config.optimization().batchSize(), false, key);
        validation = Case.some(split.validation(), config.validation().cases(), key.fold("validation"));
        SasRecConfig.Optimization o = config.optimization();
        var optimizer = new AdamW.Config((float) o.learningRate(), 0.9f, 0.999f, 1e-8f, (float) o.weightDecay(), 0);
        long steps = (long) config.epochs() * batches.perEpoch();
        Schedule schedule = o.cosine() ? Schedule.cosine(steps / 20, steps, 0.02) : Schedule.constant(0);
        var settings = new Trainer.Settings(
                optimizer, schedule, o.dropout(), config.execution().shards(), config.execution().microTokens(), 1);
        trainer = new Trainer<>(
                backend,
                model,
                (tape, m, batch, noise, weight, k) -> m.loss(tape, batch, config, noise, weight, k),
                settings,
                memory);
        checkpoints = new Checkpoints(
                run, files, backend, Checkpoint.parameters(model), trainer.optimizer(), Map.of(ORIGIN, origin));
        var plan = new TrainingRun.Plan(
                ranker.name(), steps, batches.perEpoch(),
                validation.isEmpty() ? 0 : config.validation().patience(), config.execution().checkpointSeconds(),
                TrainingRun.Start.NONE);
        training = new TrainingRun<>(plan, this, checkpoints, backend.name(), progress);
    }

    /** The files of a model of this name. */
    static TrainingFiles files(String name) {
        return TrainingFiles.of("evaluate",
                "delete %s/" + RunFolder.baseline(name, "-last.safetensors") + " to train it again",
                RunFolder.baseline(name, ".safetensors"), RunFolder.baseline(name, "-"));
    }

    /** Windows of the sequences; each item that has one before it is a target once. */
    private List<Sample> samples(int[][] train) {
        return Samples.windows(train, config.model().maxItems() + 1).stream()
                .map(s -> new Sample(s.user(), s.items(), Math.max(1, s.from())))
                .filter(s -> s.targets() > 0)
                .toList();
    }

    /** Trains, or resumes, and loads the best epoch's parameters. What was trained by other settings is forgotten. */
    void train() {
        if (!canResume()) {
            files.delete(run);
            RunInfo.write(run, ranker.name(), Map.of("seed", config.seed(), "backend", backend.name()));
        }
        training.resume(_ -> {});
        training.train();
        checkpoints.loadBest();
        if (RunInfo.read(run, ranker.name()).path("trainingSeconds").isNumber()) return; // was finished before
        TrainingState end = training.state();
        progress.say(String.format(
                Locale.ROOT,
                "%s: %,d parameters, %d epochs, best epoch %d with validation NDCG@10 %.4f",
                ranker.name(),
                model.size(),
                end.validations(),
                training.bestValidation(),
                training.best().ndcg10()));
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", model.size());
        facts.put("epochs", end.validations());
        facts.put("bestEpoch", training.bestValidation());
        facts.put("validationNdcg10", training.best().ndcg10());
        facts.put("trainingSeconds", end.seconds());
        RunInfo.write(run, ranker.name(), facts);
    }

    boolean verify() {
        return training.verify();
    }

    /** Whether there is a checkpoint of a training by these settings on these data. */
    private boolean canResume() {
        if (!run.has(files.last())) return false;
        try {
            Map<String, String> last = SafeTensors.metadata(run.file(files.last()));
            if (!origin.equals(last.get(ORIGIN))) return false;
            if (Json.parse(last.getOrDefault(Checkpoints.STATE, ""), TrainingState.class, run.file(files.last())).finished()) {
                SafeTensors.metadata(run.file(files.best())); // fails if that is missing or damaged
            }
            return true;
        } catch (IOException | UserError e) {
            progress.say(e.getMessage() + "; " + ranker.name() + " is trained again");
            return false;
        }
    }

    // ---- what the loop asks for

    @Override
    public Trainer.Report step(long step) {
        return trainer.step(batches.get(step), key.fold("step").fold(step));
    }

    @Override
    public double loss(TrainingState.Sums sums) {
        return sums.values()[0] / sums.targets();
    }

    @Override
    public void resume(long step, double[] carried) {
        trainer.optimizer().resumeAt(step);
    }

    @Override
    public Found validate(IntConsumer done) {
        return new Found(Validation.of(ranker, SeenItems.ALLOWED, validation, done));
    }

    @Override
    public void log(TrainingState state, Found found, boolean kept, double seconds) {
        new MetricsLog(run, files.metrics()).append(new EpochMetrics(
                state.validations() + 1,
                state.step(),
                loss(state.sums()),
                found.validation().recall10(),
                found.ndcg10(),
                validation.size(),
                seconds));
    }

    @Override
    public void close() {
        trainer.close();
        memory.close();
    }
}
