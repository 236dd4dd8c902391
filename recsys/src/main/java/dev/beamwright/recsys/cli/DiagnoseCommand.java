package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.study.Diagnose;
import dev.beamwright.recsys.study.Diagnostics;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright diagnose RUN}: what the beam search of a trained run loses, and where. */
@Command(
        name = "diagnose",
        mixinStandardHelpOptions = true,
        description = "Look into the beam: where targets leave it, against an exact ranking of all items. Several runs"
                + " are shown side by side.",
        footer = {"", "Write diagnostics.json and plots/*.svg in each run's folder."})
final class DiagnoseCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Look into the models of these runs.")
    private List<Path> runs;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--users",
            paramLabel = "N",
            defaultValue = "500",
            description = "Ask N users, drawn at random; 0 for all. Default: ${DEFAULT-VALUE}.")
    private int users;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "0",
            description = "Use a beam of size N. Default: that of the training.")
    private int beam;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "Ask the questions of test or validation. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw users by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the diagnostics as JSON, a list with one entry for each run.")
    private boolean json;

    @Override
    public Integer call() {
        var config = new Diagnose.Config(split, users, beam, seed);
        List<RunFolder> folders = runs.stream().map(RunFolder::open).toList();
        for (RunFolder run : folders) run.need(RunFolder.BEST, "train");
        List<Diagnostics> all = new ArrayList<>();
        for (RunFolder run : folders) {
            try (var _ = run.lock()) {
                all.add(Diagnose.run(config, run, device.open(), Progress.stderr()));
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.line(all));
        } else {
            out.print(Diagnostics.table(all));
            for (Path run : runs)
                out.println("wrote " + run.resolve(RunFolder.DIAGNOSTICS) + " and " + run.resolve("plots"));
        }
        out.flush();
        return Main.OK;
    }
}
