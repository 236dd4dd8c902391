package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Supervised training of the model of a run, from random parameters or from another run's model, or of a process reward
 * model on a run's model. {@link TrainingRun} has the loop, {@link Supervised} what is done in a step.
 */
public final class Train {
    /** The files of a model, with or without a process reward model. */
    public static final TrainingFiles MODEL = TrainingFiles.of("train", restart("train"), RunFolder.BEST, "model/");
    /** The files of a process reward model on a model that is trained already. */
    public static final TrainingFiles PRM =
            TrainingFiles.of("train-prm", restart("train-prm"), RunFolder.PRM, "model/prm-");

    private Train() {}

    private static String restart(String command) {
        return "begin anew with 'beamwright " + command + " %s … --restart'";
    }

    /**
     * What training came to.
     *
     * @param bestEpoch counted from 1; 0 where none was better than the model that training began from
     * @param verdict a sentence on that; null where there is no such model, or it was surpassed
     */
    public record Summary(
            int epochs,
            int bestEpoch,
            double bestNdcg10,
            String checksum,
            long parameters,
            String verdict) {}

    /**
     * Trains a run, or resumes where it was stopped.
     *
     * @param restart whether what was trained before is forgotten
     */
    public static Summary run(
            TrainConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        return run(MODEL, config, run, backend, restart, progress);
    }

    /**
     * Begins a run of its own from the best model of another and trains it, with another objective for example; or resumes
     * where it was stopped.
     *
     * @param config its {@link TrainConfig#first} are the settings of {@code from}
     * @param from the trained run, which stays as it is
     * @param run made if it is not there
     * @param restart whether what was trained so before is forgotten
     */
    public static Summary from(
            TrainConfig config, RunFolder from, RunFolder run, Backend backend, boolean restart, Progress progress) {
        Start.make(from, run, config, restart);
        return run(MODEL, config, run, backend, restart, progress);
    }

    /**
     * Trains a process reward model on the best model of a run, which stays as it is; or resumes where it was stopped.
     *
     * @param config see {@link TrainConfig#forPrm}
     * @param restart whether a process reward model that was trained so before is forgotten
     */
    public static Summary prm(
            TrainConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        if (config.prm() == null) throw new IllegalArgumentException("no settings of a process reward model");
        return run(PRM, config, run, backend, restart, progress);
    }

    private static Summary run(
            TrainingFiles files, TrainConfig config, RunFolder run, Backend backend, boolean restart,
            Progress progress) {
        boolean any = run.has(files.best()) || run.has(files.last());
        if (!restart && any && !config.equals(run.config(files.command(), TrainConfig.class))) {
            throw new UserError(run.root() + ": was trained with other settings (config/" + files.command()
                    + ".json); give the same to go on, take another folder, or " + files.anew(run));
        }
        if (!restart) files.check(run);
        try (var stage = new Supervised(config, files, run, backend, progress)) {
            if (restart || !run.has(files.last())) files.delete(run);
            return train(stage, config, files, run, backend, progress);
        }
    }

    private static Summary train(
            Supervised stage, TrainConfig config, TrainingFiles files, RunFolder run, Backend backend,
            Progress progress) {
        TrainingRun<?> training = stage.training;
        run.saveConfig(files.command(), config);
        training.resume(stage::check);
        if (!training.state().finished()) {
            RunInfo.write(run, files.command(), Map.of("seed", config.seed(), "backend", backend.name()));
        }
        progress.say(stage.description());
        if (files.equals(PRM)) Warnings.seenTargets(config, run, progress);
        else Warnings.redIds(run, progress);
        training.train();
        TrainingState end = training.state();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", stage.size());
        if (config.prm() != null) facts.put("prmParameters", stage.prmSize());
        facts.put("epochs", end.validations());
        facts.put("bestEpoch", training.bestValidation());
        if (end.start() != null) facts.put("startNdcg10", end.start().ndcg10());
        facts.put("validationNdcg10", training.best().ndcg10());
        if (training.best().loss() != null) facts.put("validationLoss", training.best().loss());
        facts.put("trainingSeconds", end.seconds());
        RunInfo.write(run, files.command(), facts);
        return new Summary(end.validations(), training.bestValidation(), training.best().ndcg10(),
                stage.checkpoints.checksum(), stage.size(), training.verdict());
    }

    /**
     * Repeats a run's first steps, and those of a process reward model that was trained by itself, and says whether every
     * bit of the parameters came out the same.
     */
    public static boolean verify(RunFolder run, Backend backend, Progress progress) {
        return verify(MODEL, run, backend, progress) && verifyPrm(run, backend, progress);
    }

    /** The same of the process reward model alone; true if there is none. */
    public static boolean verifyPrm(RunFolder run, Backend backend, Progress progress) {
        if (!run.has(PRM.last())) return true;
        progress.say("the process reward model:");
        return verify(PRM, run, backend, progress);
    }

    private static boolean verify(TrainingFiles files, RunFolder run, Backend backend, Progress progress) {
        run.need(files.firstSteps(), files.command());
        TrainConfig config = run.config(files.command(), TrainConfig.class);
        try (var stage = new Supervised(config, files, run, backend, progress)) {
            stage.checkpoints.check(stage::check);
            return stage.training.verify();
        }
    }
}
