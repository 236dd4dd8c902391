package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.Stopped;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.TrainingState.Score;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * The loop of every training: of models, process reward models, by rollouts, and of baselines. It makes steps; at regular
 * steps it validates, logs, keeps the best model and stops when nothing becomes better; between validations it writes
 * checkpoints; it ends early when the user asks for that; and it resumes from its last checkpoint.
 *
 * <p>Everything random in a {@link Stage} must come from keys folded with the number of the step. Then a training that
 * was interrupted anywhere ends with the same bits as one that was not.
 *
 * @param <V> what a validation finds
 */
public final class TrainingRun<V extends TrainingRun.Validated> {
    /** What a validation found; the rest is the stage's own. */
    public interface Validated {
        double ndcg10();

        /** The loss, where that chooses the best model; else null. */
        default Double loss() {
            return null;
        }
    }

    /** What is particular to one kind of training. */
    public interface Stage<V extends Validated> {
        /** Makes a step; {@code step} steps were made before. */
        Trainer.Report step(long step);

        /** The mean loss of some steps, for people to read. */
        double loss(TrainingState.Sums sums);

        /**
         * Validates the model as it stands.
         *
         * @param done to be called now and then with the number of cases done; what it throws must be passed on
         */
        V validate(IntConsumer done);

        /**
         * Logs a validation: what people read, and a line of the metrics.
         *
         * @param state with the sums of the steps since the last validation
         * @param kept whether this model is the best so far, and is kept
         * @param seconds since the last validation
         */
        void log(TrainingState state, V found, boolean kept, double seconds);

        /** Whether training can be resumed after so many steps; it can at the last step in any case. */
        default boolean resumable(long step) {
            return true;
        }

        /** Numbers that the next step needs from this one, beside the optimizer's moments. */
        default double[] carried() {
            return new double[0];
        }

        /** Sets what {@link #carried} returned when the checkpoint was written, and the optimizer's number of steps. */
        void resume(long step, double[] carried);
    }

    /** What is said of the model that a training begins from. */
    public enum Start {
        /** It begins from random parameters. */
        NONE,
        /** It is validated, but cannot be kept: a part of the model is new and not trained yet. */
        COMPARED,
        /** It is kept as the best model until a validation is better. */
        CANDIDATE
    }

    /**
     * When things happen.
     *
     * @param name of what is trained, on the progress bar
     * @param steps in all
     * @param every steps between two validations
     * @param patience validations without a better one after which training stops; 0 for never
     * @param checkpointSeconds between two checkpoints within such an interval
     */
    public record Plan(String name, long steps, int every, int patience, int checkpointSeconds, Start start) {}

    private final Plan plan;
    private final Stage<V> stage;
    private final Checkpoints checkpoints;
    private final MetricsLog metrics;
    private final FirstSteps first;
    private final Progress progress;
    private TrainingState state = TrainingState.BEGIN;
    private long began = System.nanoTime(), saved = began;
    private double secondsBefore;

    /** @param backend its name */
    public TrainingRun(Plan plan, Stage<V> stage, Checkpoints checkpoints, String backend, Progress progress) {
        this.plan = plan;
        this.stage = stage;
        this.checkpoints = checkpoints;
        this.progress = progress;
        metrics = new MetricsLog(checkpoints.run(), checkpoints.files().metrics());
        first = new FirstSteps(checkpoints, backend);
    }

    public TrainingState state() {
        return state;
    }

    /** Repeats the first steps of a training that this run has, see {@link FirstSteps}; to be called instead of train. */
    public boolean verify() {
        return first.verify(stage, progress);
    }

    /**
     * Goes to the state of the last checkpoint, if there is one.
     *
     * @param check refuses metadata of another model
     */
    public void resume(Consumer<Map<String, String>> check) {
        TrainingState last = checkpoints.resume(check, progress);
        if (last == null) return;
        state = last;
        stage.resume(state.step(), state.carried());
        metrics.cut(state.lines());
        first.resume(state.step());
        if (state.finished() && !checkpoints.hasReadableBest()) {
            var files = checkpoints.files();
            throw new UserError(checkpoints.run().root() + ": training is finished, but " + files.best()
                    + " is missing or damaged; bring it back, or " + files.anew(checkpoints.run())
                    + (files.last().equals(RunFolder.LAST)
                            ? " (--checkpoint last takes the last model meanwhile)"
                            : ""));
        }
        if (state.finished()) progress.say(plan.name() + ": training is finished already");
        else
            if (state.step() > 0)
                progress.say(plan.name() + ": resumes after step " + state.step() + " of " + plan.steps());
    }

    /**
     * Trains to the end, from wherever it stands. Throws {@link Stopped} if the user asks to end the program: after the step
     * in hand, with everything saved.
     */
    public void train() {
        if (state.finished()) return;
        secondsBefore = state.seconds();
        began = saved = System.nanoTime();
        try (var user = progress.interruptible()) {
            if (state.step() == 0 && plan.start() != Start.NONE) validateStart(user);
            try (Progress.Bar bar = progress.start(plan.name(), plan.steps())) {
                while (!state.finished()) next(user, bar);
            }
            if (user.stopRequested()) throw stopped();
        }
    }

    /** Makes a step, unless it was made before, and what is due after it. */
    private void next(Progress.Interruptible user, Progress.Bar bar) {
        if (!validationIsDue()) step(bar);
        if (user.stopRequested() && resumable()) throw saveAndStop();
        if (validationIsDue()) {
            validate(user);
        } else if (resumable() && System.nanoTime() - saved > plan.checkpointSeconds() * 1_000_000_000L) {
            save();
        }
    }

    private boolean validationIsDue() {
        return state.sums().steps() > 0 && (state.step() % plan.every() == 0 || state.step() == plan.steps());
    }

    private boolean resumable() {
        return stage.resumable(state.step());
    }

    private void step(Progress.Bar bar) {
        Trainer.Report report = stage.step(state.step());
        state = state.stepped(report, stage.carried(), seconds());
        if (!Double.isFinite(report.norm())) {
            throw new UserError(checkpoints.run().root() + ": the gradient is not finite at step " + state.step()
                    + "; train with a lower --learning-rate or with --max-grad-norm");
        }
        first.add(state.step(), stage.loss(TrainingState.Sums.NONE.plus(report)));
        String note = String.format(Locale.ROOT, "loss %.3f", stage.loss(state.sums()));
        if (state.best() != null) note += String.format(Locale.ROOT, ", best NDCG@10 %.4f", best().ndcg10());
        bar.step(state.step(), note);
    }

    // ---- validation

    private void validateStart(Progress.Interruptible user) {
        metrics.cut(0);
        V found = stage.validate(endIfRequested(user));
        stage.log(state, found, plan.start() == Start.CANDIDATE, seconds());
        state = state.started(score(found), metrics.size(), seconds());
        save();
        if (plan.start() == Start.CANDIDATE) checkpoints.saveBest(state);
    }

    private void validate(Progress.Interruptible user) {
        V found;
        try {
            found = stage.validate(endIfRequested(user));
        } catch (Stopped e) {
            throw saveAndStop();
        }
        Score score = score(found);
        boolean kept = state.improvedBy(score)
                && (plan.start() != Start.CANDIDATE || score.beats(state.start()));
        stage.log(state, found, kept, seconds() - state.validatedAt());
        state = state.validated(score, metrics.size(), seconds());
        boolean hopeless = plan.patience() > 0 && state.validationsWithoutBetter() >= plan.patience();
        if (hopeless || state.step() == plan.steps()) state = state.finish();
        if (kept) checkpoints.saveBest(state);
        if (resumable() || state.finished()) save();
        if (hopeless) progress.say("no better validation for " + plan.patience() + ": training stops");
    }

    private static Score score(Validated found) {
        return new Score(found.ndcg10(), found.loss());
    }

    /** In the middle of a validation training can end as before it, if it could have ended there. */
    private IntConsumer endIfRequested(Progress.Interruptible user) {
        boolean resumable = resumable();
        return _ -> {
            if (resumable && user.stopRequested()) throw stopped();
        };
    }

    /** The step whose model is kept as the best; 0 for the start model. */
    public long bestStep() {
        return keepsStart() ? 0 : state.best().step();
    }

    /** The validation whose model is kept, counted from 1; 0 for the start model. */
    public int bestValidation() {
        return keepsStart() ? 0 : state.best().validation();
    }

    /** The validation of the model that is kept. */
    public Score best() {
        return keepsStart() ? state.start() : state.best().score();
    }

    private boolean keepsStart() {
        return plan.start() == Start.CANDIDATE && !startIsBeaten();
    }

    private boolean startIsBeaten() {
        return state.start() == null || state.best() != null && state.best().score().beats(state.start());
    }

    /** A sentence for the end of a training that never became better than the model it began from; else null. */
    public String verdict() {
        if (startIsBeaten()) return null;
        Score start = state.start(), best = state.best().score();
        String values = start.loss() == null
                ? String.format(Locale.ROOT, "NDCG@10 %.4f, then at most %.4f", start.ndcg10(), best.ndcg10())
                : String.format(Locale.ROOT, "loss %.4f, then at least %.4f", start.loss(), best.loss());
        String file = checkpoints.files().best();
        return "no validation was better than that of the model it began from (" + values + "): " + file
                + (keepsStart()
                        ? " is that model"
                        : " is of step " + state.best().step()
                                + " all the same, since a part of the model had not been trained before");
    }

    // ---- checkpoints

    private void save() {
        first.save();
        checkpoints.saveLast(state);
        saved = System.nanoTime();
    }

    private Stopped saveAndStop() {
        save();
        return stopped();
    }

    private Stopped stopped() {
        return new Stopped(plan.name() + " stopped after step " + state.step() + " of " + plan.steps());
    }

    /** Of training so far. */
    private double seconds() {
        return secondsBefore + (System.nanoTime() - began) / 1e9;
    }
}
