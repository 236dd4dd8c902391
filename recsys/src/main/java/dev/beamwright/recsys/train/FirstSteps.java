package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The checksums of all parameters after each of the first steps of a training, kept in a file of its run, so that
 * {@code verify} can repeat these steps and compare every bit.
 */
public final class FirstSteps {
    private static final int STEPS = 20;

    /** After one step: its loss, for people, and the SHA-256 of all parameters. */
    record Step(long step, double loss, String checksum) {}

    /** What the file holds. */
    record Stored(String backend, List<Step> steps) {
        Stored {
            for (int i = 0; i < steps.size(); i++) {
                if (steps.get(i).step() != i + 1) throw new IllegalArgumentException("steps are not numbered from 1");
            }
        }
    }

    private final Checkpoints checkpoints;
    private final String backend;
    private final List<Step> steps = new ArrayList<>();
    private boolean changed;

    /** @param backend the name of the backend that computes: bits are the same on the same one only */
    FirstSteps(Checkpoints checkpoints, String backend) {
        this.checkpoints = checkpoints;
        this.backend = backend;
    }

    /** Whether a run has any, so that it can be verified. */
    public static boolean of(RunFolder run, TrainingFiles files) {
        return run.has(files.firstSteps());
    }

    /** Resumes after some steps. */
    void resume(long step) {
        if (!of(checkpoints.run(), checkpoints.files()) || !stored().backend().equals(backend)) return;
        for (Step s : stored().steps()) if (s.step() <= step) steps.add(s);
    }

    /** Takes note of a step, numbered from 1, if it is one of the first and all before it are known. */
    void add(long step, double loss) {
        if (step > STEPS || step != steps.size() + 1) return;
        steps.add(new Step(step, loss, checkpoints.checksum()));
        changed = true;
        if (step == STEPS) save();
    }

    /** Writes the file, if there is anything new. */
    void save() {
        if (changed) {
            Json.write(checkpoints.run().file(checkpoints.files().firstSteps()), new Stored(backend, steps));
        }
        changed = false;
    }

    /** Repeats the steps with a training that has made none, and says whether every bit came out the same. */
    boolean verify(TrainingRun.Stage<?> stage, Progress progress) {
        Stored expected = stored();
        if (!expected.backend().equals(backend)) {
            throw new UserError(checkpoints.run().root() + ": was trained on the backend '" + expected.backend()
                    + "', here is '" + backend + "'; bits are the same on the same backend only");
        }
        for (Step e : expected.steps()) {
            double loss = stage.loss(TrainingState.Sums.NONE.plus(stage.step(e.step() - 1)));
            String checksum = checkpoints.checksum();
            if (!checksum.equals(e.checksum())) {
                progress.say("step " + e.step() + ": checksum " + checksum + ", the run had " + e.checksum());
                return false;
            }
            progress.say(String.format(Locale.ROOT, "step %d: loss %.6f, same bits", e.step(), loss));
        }
        return true;
    }

    private Stored stored() {
        var files = checkpoints.files();
        return Json.read(checkpoints.run().need(files.firstSteps(), files.command()), Stored.class);
    }
}
