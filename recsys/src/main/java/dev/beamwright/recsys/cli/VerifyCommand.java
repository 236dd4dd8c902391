package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.baseline.TrainedSasRec;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.tensor.Backend;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright verify RUN}: repeats the first steps of a run and compares every bit. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Repeats the first training steps of a run, of its model, process reward model and trained baselines,"
                + " and compares the checksums of all parameters. Ends with exit code 1 if a bit differs.")
final class VerifyCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "the folder of a trained run")
    private Path run;

    @Mixin
    private DeviceOption device;

    @Override
    public Integer call() {
        boolean same = verify(RunFolder.open(run), device.open(), Progress.stderr());
        var out = spec.commandLine().getOut();
        out.println(same ? "the first steps came out the same, bit for bit" : "the first steps came out different");
        out.flush();
        return same ? Main.OK : Main.INTERNAL_ERROR;
    }

    /** The model by whatever trained it, its process reward model, and the baselines that are trained. */
    private static boolean verify(RunFolder run, Backend backend, Progress progress) {
        List<String> baselines =
                TrainedSasRec.NAMES.stream().filter(name -> TrainedSasRec.isVerifiable(name, run)).toList();
        boolean same = true;
        if (Reinforce.configOf(run) != null) {
            same = Reinforce.verify(run, backend, progress) && Train.verifyPrm(run, backend, progress);
        } else if (run.hasModel() || baselines.isEmpty()) {
            same = Train.verify(run, backend, progress);
        }
        for (String name : baselines) {
            progress.say(name + ":");
            same = same && TrainedSasRec.verify(name, run, backend, progress);
        }
        return same;
    }
}
