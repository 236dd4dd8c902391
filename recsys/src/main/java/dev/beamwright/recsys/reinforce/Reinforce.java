package dev.beamwright.recsys.reinforce;

import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.run.Chart;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.MetricsLog;
import dev.beamwright.recsys.train.OptimizationConfig;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.recsys.train.TrainingFiles;
import dev.beamwright.recsys.train.TrainingRun;
import dev.beamwright.recsys.train.TrainingState;
import dev.beamwright.recsys.train.Warnings;
import dev.beamwright.tensor.Backend;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The second stage of training: a trained run is copied into a run of its own, and its model learns from its own
 * rollouts. Every N steps the same validation users are asked; the best model by NDCG@10 and the last one are kept.
 * {@link TrainingRun} has the loop, {@link RolloutStage} what is done in a step.
 */
public final class Reinforce {
    /** The settings of the stage, beside {@code config/train.json}, which tells of the model's first training. */
    public static final String CONFIG = RunFolder.config(Start.ROLLOUTS);

    /** The files of the stage: those of the model. */
    public static final TrainingFiles FILES = Train.MODEL;

    private Reinforce() {}

    /**
     * What training came to.
     *
     * @param bestStep 0 where none was better than the model that training began from
     * @param startNdcg10 in validation, before the first step
     * @param verdict a sentence on a training that never surpassed the model it began from; else null
     */
    public record Summary(
            int steps,
            int bestStep,
            double startNdcg10,
            double bestNdcg10,
            double lastNdcg10,
            String checksum,
            long parameters,
            String verdict) {}

    /** The trainer of a policy. */
    public static Trainer<Policy> trainer(
            Backend backend, Policy policy, Trainer.Loss<Policy> loss, ReinforceConfig config, Arena memory) {
        OptimizationConfig o = config.optimization();
        var settings = new Trainer.Settings(
                new AdamW.Config(
                        (float) o.learningRate(), 0.9f, 0.999f, 1e-8f, (float) o.weightDecay(),
                        (float) o.maxGradNorm()),
                Schedule.cosine(o.warmup(config.steps()), config.steps(), 0),
                o.dropout(),
                config.execution().shards(),
                config.execution().microTokens(),
                policy.model().space().levels());
        return new Trainer<>(backend, policy, loss, settings, memory);
    }

    /** The settings by which a run was made, or null if it was not made here. */
    public static ReinforceConfig configOf(RunFolder run) {
        return run.has(CONFIG) ? Json.read(run.file(CONFIG), ReinforceConfig.class) : null;
    }

    /**
     * Trains, or resumes where it was stopped.
     *
     * @param config its {@code from} may be null where the run was begun before
     * @param run a folder of its own; made if it is not there
     * @param restart whether what was trained before is forgotten
     */
    public static Summary run(
            ReinforceConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        ReinforceConfig stored = configOf(run);
        if (stored == null && config.from() == null) {
            throw new UserError("--objective " + config.name() + " begins from a trained run: add --from RUN, and give"
                    + " the folder of a new run for the result");
        }
        ReinforceConfig full = config.from() == null ? config.withFrom(stored.from()) : config;
        if (restart || stored == null) {
            if (stored == null && run.hasModel()) {
                throw new UserError(run.root() + ": is a trained run already; give the folder of a new run for the"
                        + " result");
            }
            RunFolder from = RunFolder.open(Path.of(full.from()));
            Start.make(from, run, from.config("train", TrainConfig.class), restart);
            FILES.delete(run);
            Json.write(run.file(CONFIG), full);
        } else if (!full.equals(stored)) {
            throw new UserError(run.root() + ": was trained with other settings (" + CONFIG + "); give the same to go"
                    + " on, or --restart to begin anew");
        } else {
            FILES.check(run);
        }
        try (var stage = new RolloutStage(full, run, backend, progress)) {
            return train(stage, full, run, backend, progress);
        }
    }

    private static Summary train(
            RolloutStage stage, ReinforceConfig config, RunFolder run, Backend backend, Progress progress) {
        TrainConfig first = run.config("train", TrainConfig.class);
        TrainingRun<?> training = stage.training;
        training.resume(stage::check);
        progress.say(stage.description());
        Warnings.seenTargets(first, new RunFolder(Path.of(config.from())), progress);
        training.train();
        charts(run, first.model().backbone() + "-" + config.name());
        TrainingState end = training.state();
        var summary = new Summary(
                (int) end.step(), (int) training.bestStep(), end.start().ndcg10(), training.best().ndcg10(),
                end.last().ndcg10(), stage.checkpoints.checksum(), stage.size(), training.verdict());
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", summary.parameters());
        facts.put("steps", summary.steps());
        facts.put("bestStep", summary.bestStep());
        facts.put("startNdcg10", summary.startNdcg10());
        facts.put("bestNdcg10", summary.bestNdcg10());
        facts.put("lastNdcg10", summary.lastNdcg10());
        facts.put("trainingSeconds", end.seconds());
        RunInfo.write(run, Start.ROLLOUTS, facts);
        return summary;
    }

    /** Repeats the first steps of a run that was trained here, and says whether every bit came out the same. */
    public static boolean verify(RunFolder run, Backend backend, Progress progress) {
        run.need(FILES.firstSteps(), FILES.command());
        try (var stage = new RolloutStage(configOf(run), run, backend, progress)) {
            stage.checkpoints.check(stage::check);
            return stage.training.verify();
        }
    }

    /** {@code plots/validation.svg} and {@code plots/entropy.svg}. */
    private static void charts(RunFolder run, String title) {
        List<StepMetrics> all = new MetricsLog(run, FILES.metrics()).read(StepMetrics.class);
        double[] step = all.stream().mapToDouble(StepMetrics::step).toArray();
        new Chart(title + ": validation", "step", "", List.of(
                new Chart.Line("HR@10", step, all.stream().mapToDouble(StepMetrics::validationHr10).toArray()),
                new Chart.Line("NDCG@10", step, all.stream().mapToDouble(StepMetrics::validationNdcg10).toArray()),
                new Chart.Line("HR@1", step, all.stream().mapToDouble(StepMetrics::validationHr1).toArray())))
                .write(run.file(RunFolder.plot("validation")));
        new Chart(title + ": entropy of the next code", "step", "nats", List.of(
                new Chart.Line("entropy", step, all.stream().mapToDouble(StepMetrics::entropy).toArray())))
                .write(run.file(RunFolder.plot("entropy")));
    }
}
