package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * The files of one kind of training, relative to the run's folder.
 *
 * @param command that trains it, as errors name it
 * @param restart how to train it again from the beginning, with %s for the run's folder
 * @param best the parameters of the best validation
 * @param last all that training resumes from
 * @param metrics see {@link MetricsLog}
 * @param firstSteps see {@link FirstSteps}
 */
public record TrainingFiles(
        String command,
        String restart,
        String best,
        String last,
        String metrics,
        String firstSteps) {
    /** Files of the usual names: {@code <prefix>last.safetensors}, {@code <prefix>metrics.jsonl} and so on. */
    public static TrainingFiles of(String command, String restart, String best, String prefix) {
        return new TrainingFiles(
                command, restart, best, prefix + "last.safetensors", prefix + "metrics.jsonl", prefix + "first-steps.json");
    }

    /** Deletes all of them; that from which training resumes first. */
    public void delete(RunFolder run) {
        for (String file : List.of(last, best, metrics, firstSteps)) run.delete(file);
    }

    /** Refuses a run that has a model, but nothing to resume from. */
    public void check(RunFolder run) {
        // With one line of metrics it was killed between writing the first best model and the first last one.
        if (!run.has(best) || run.has(last) || new MetricsLog(run, metrics).size() == 1) return;
        throw new UserError(run.root() + ": has a model, but not " + last + ", from which training would go on;"
                + " bring that back, or " + anew(run) + " and the same settings");
    }

    /** What to do where training cannot be resumed. */
    public String anew(RunFolder run) {
        return String.format(restart, run.root());
    }
}
