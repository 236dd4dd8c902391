package dev.beamwright.recsys.train;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.Guide;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.prm.PathLoss;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Checkpoint;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * A supervised training as the loop sees it, of a model or of a process reward model on a model that stays as it is: an
 * epoch over the training samples lies between two validations by beam search.
 */
final class Supervised implements TrainingRun.Stage<Supervised.Found>, AutoCloseable {
    private static final int WIDENING = 4; // K+ in validation, in widths of the beam

    /**
     * What a validation found.
     *
     * @param shown by the beam that chooses the best epoch: widened, if there is a process reward model
     * @param plain by the plain beam, where the other is widened and the model is trained; else null
     */
    record Found(Validation shown, Validation plain, Double loss) implements TrainingRun.Validated {
        @Override
        public double ndcg10() {
            return shown.ndcg10();
        }
    }

    private final TrainConfig config;
    private final TrainingFiles files;
    private final boolean onFrozen; // a process reward model alone
    private final RunFolder run;
    private final Backend backend;
    private final Progress progress;
    private final Arena memory = Arena.ofShared();
    private final Key key;
    private final GenerativeModel model;
    private final String modelChecksum; // of a model that is not trained; else null
    private final Guided trained;
    private final ObjectiveLoss loss;
    private final Trainer<Guided> trainer;
    private final List<Sample> samples;
    private final Batches batches;
    private final List<Case> validation;
    final Checkpoints checkpoints;
    final TrainingRun<Found> training;

    Supervised(TrainConfig config, TrainingFiles files, RunFolder run, Backend backend, Progress progress) {
        this.config = config;
        this.files = files;
        onFrozen = files.equals(Train.PRM);
        this.run = run;
        this.backend = backend;
        this.progress = progress;
        Prepared prepared = Prepared.load(run);
        SemanticIds ids = SemanticIds.load(run, prepared.data().items());
        Key seed = Key.of(config.seed());
        key = config.stage() == 1 ? seed : seed.fold("stage").fold(config.stage());
        model = TrainedModel.create(config.model(), ids, key, memory);
        samples = samples(prepared.split().train());
        if (samples.isEmpty()) throw new UserError(run.root() + ": there is nothing to train on");
        batches = new Batches(samples, config.optimization().batchSize(), false, key);
        validation = Case.some(prepared.split().validation(), config.validation().cases(), seed.fold("validation"));
        PrmConfig p = config.prm();
        var prm = p == null ? null : TrainedModel.createPrm(p, config.model(), model, key, memory);
        if (onFrozen) {
            TrainedModel.load(model, run, RunFolder.BEST);
            modelChecksum = Checkpoint.checksum(Checkpoint.parameters(model).values());
            trained = Guided.onFrozen(model, prm);
        } else {
            modelChecksum = null;
            if (config.first() != null) TrainedModel.load(model, run, RunFolder.START);
            else TrainedModel.start(model, run, backend, seed);
            trained = Guided.trained(model, prm);
        }
        loss = new ObjectiveLoss(
                config.objective().forBeam(config.decoding().beamSize()),
                config.likelihood(),
                ids.levels(),
                p == null ? null : new PathLoss(p, config.likelihood()),
                p == null ? 0 : p.weight());
        long steps = (long) batches.perEpoch() * config.epochs();
        trainer = Trainer.of(backend, trained, loss, config, steps, memory);
        checkpoints = new Checkpoints(
                run, files, backend, trained.tensors(), trainer.optimizer(),
                TrainedModel.facts(model.space(), modelChecksum));
        var plan = new TrainingRun.Plan(
                files.command(), steps, batches.perEpoch(), validation.isEmpty() ? 0 : config.validation().patience(),
                config.execution().checkpointSeconds(), start());
        training = new TrainingRun<>(plan, this, checkpoints, backend.name(), progress);
    }

    private List<Sample> samples(int[][] sequences) {
        int maxItems = config.model().maxItems();
        if (onFrozen && config.holdOut() > 0) {
            return Samples.heldOut(sequences, config.holdOut(), maxItems); // a frozen model remembers the others
        }
        int[][] learnt = Samples.learnt(sequences, config.holdOut());
        return model.sharesHistory() ? Samples.windows(learnt, maxItems) : Samples.prefixes(learnt, maxItems);
    }

    private TrainingRun.Start start() {
        if (onFrozen || config.first() == null) return TrainingRun.Start.NONE;
        return config.prm() == null ? TrainingRun.Start.CANDIDATE : TrainingRun.Start.COMPARED;
    }

    /** What is trained, on how much, and by what. */
    String description() {
        return String.format(
                Locale.ROOT,
                "%s: %,d parameters, %d levels%s; %,d samples, %d steps an epoch; objective %s; backend %s",
                onFrozen ? "process reward model" : "model",
                trained.size(),
                model.space().levels(),
                model.remark().isEmpty() ? "" : ", " + model.remark(),
                samples.size(),
                batches.perEpoch(),
                onFrozen ? "InfoNCE" : Objectives.describe(config.objective()),
                backend.name());
    }

    /** How many parameters are trained, and how many of them are the process reward model's. */
    long size() {
        return trained.size();
    }

    long prmSize() {
        return trained.prm() == null ? 0 : trained.prm().size();
    }

    /** Refuses the metadata of a checkpoint of another model. */
    void check(Map<String, String> metadata) {
        TrainedModel.checkIds(run, files.last(), model.space(), metadata);
        if (modelChecksum == null || modelChecksum.equals(metadata.get(TrainedModel.ON_MODEL))) return;
        throw new UserError(run.file(files.last()) + ": was trained on another model than the one that is there now; "
                + files.anew(run));
    }

    // ---- what the loop asks for

    @Override
    public Trainer.Report step(long step) {
        Trainer.Report report = trainer.step(batches.get(step), key.fold("dropout").fold(step));
        loss.stepped(report);
        return report;
    }

    /** Mean over targets and levels, of the first loss that is reported. */
    @Override
    public double loss(TrainingState.Sums sums) {
        int levels = model.space().levels();
        return Arrays.stream(sums.values(), 0, levels).sum() / Math.max(1, sums.targets()) / levels;
    }

    @Override
    public double[] carried() {
        return loss.prefixWeights();
    }

    @Override
    public void resume(long step, double[] carried) {
        trainer.optimizer().resumeAt(step);
        loss.resumeWith(carried);
    }

    @Override
    public Found validate(IntConsumer done) {
        boolean widened = config.prm() != null && trainer.optimizer().steps() > 0; // not the model of the start
        return new Found(
                validate(widened, done),
                widened && !onFrozen ? validate(false, done) : null,
                config.validation().best() == ValidationConfig.Best.LOSS && !validation.isEmpty()
                        ? validationLoss()
                        : null);
    }

    private Validation validate(boolean widened, IntConsumer done) {
        int width = Math.max(10, config.decoding().beamSize());
        var beam = SearchConfig.beam(width, config.likelihood())
                .withGuide(widened ? new Guide(Widening.of(WIDENING * width), trained.prm()) : null);
        try (var bar = progress.start("validation", validation.size())) {
            return Validation.of(backend, model, beam, validation, n -> {
                done.accept(n);
                bar.step(n, "");
            });
        }
    }

    /** The loss of the validation users' targets, against the same negatives after every epoch. */
    private double validationLoss() {
        List<Sample> asked = new ArrayList<>();
        for (Case c : validation) {
            asked.add(Samples.target(c.user(), c.sequence(), c.position(), config.model().maxItems()));
        }
        return trainer.measure(asked, key.fold("validation loss"));
    }

    @Override
    public void log(TrainingState state, Found found, boolean kept, double seconds) {
        String validationLoss = found.loss() == null ? "" : String.format(Locale.ROOT, ", loss %.4f", found.loss());
        if (state.step() == 0) {
            progress.say(String.format(Locale.ROOT, "before: validation Recall@10 %.4f, NDCG@10 %.4f%s",
                    found.shown().recall10(), found.ndcg10(), validationLoss));
            return;
        }
        int epoch = state.validations() + 1, levels = model.space().levels();
        double[] byLevel =
                Arrays.stream(state.sums().values()).map(sum -> sum / state.sums().targets()).toArray();
        double[] prmLoss = Arrays.copyOfRange(byLevel, levels, byLevel.length);
        Validation plain = found.plain();
        new MetricsLog(run, files.metrics()).append(new EpochMetrics(
                epoch,
                state.step(),
                loss(state.sums()),
                Arrays.copyOf(byLevel, levels),
                trainer.optimizer().rate(),
                state.carried(),
                found.loss(),
                found.shown().recall10(),
                found.ndcg10(),
                validation.size(),
                seconds,
                prmLoss,
                plain == null ? null : plain.recall10(),
                plain == null ? null : plain.ndcg10()));
        progress.say(String.format(Locale.ROOT, "epoch %d: loss %.4f, validation Recall@10 %.4f, NDCG@10 %.4f%s%s%s",
                epoch,
                loss(state.sums()),
                found.shown().recall10(),
                found.ndcg10(),
                validationLoss,
                kept ? " (best)" : "",
                plain == null
                        ? ""
                        : String.format(Locale.ROOT, "; plain beam %.4f, %.4f; loss of paths %.4f", plain.recall10(),
                                plain.ndcg10(), Arrays.stream(prmLoss).sum() / levels)));
    }

    @Override
    public void close() {
        trainer.close();
        memory.close();
    }
}
