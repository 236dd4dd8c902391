package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a training says beforehand of data from which little can be learnt. */
public final class Warnings {
    private Warnings() {}

    /** Says so where a second stage learns from targets that a stage before it was trained on. */
    public static void seenTargets(TrainConfig first, RunFolder run, Progress progress) {
        boolean seen = false;
        for (TrainConfig f = first; f != null; f = f.first()) seen |= f.holdOut() < first.holdOut();
        if (first.holdOut() == 0 || seen) {
            progress.say("the model was trained on all of these targets, and little is learnt from what it remembers:"
                    + " consider a first training with --hold-out 1");
        } else if (run.has(RunFolder.config(Start.ROLLOUTS))) {
            progress.say("what the first training held out was learnt by rollouts since, and little is learnt from what"
                    + " a model remembers: consider to begin from the first training's run");
        }
    }

    /** Says so where the report on a run's semantic IDs has the verdict RED. */
    static void redIds(RunFolder run, Progress progress) {
        Path report = run.file(RunFolder.ID_REPORT);
        if (!Files.exists(report) || !Json.readTree(report).path("verdict").asString().equals("RED")) return;
        progress.say("the verdict on these semantic IDs is red, and no training mends that; 'beamwright inspect "
                + run.root() + "' tells why");
    }
}
