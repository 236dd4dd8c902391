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
        description = "Looks into the beam: where targets leave it, against an exact ranking of all items. Several runs"
                + " are shown side by side.",
        footer = {"", "Writes diagnostics.json and plots/*.svg in each run's folder."})
final class DiagnoseCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "the folders of trained runs")
    private List<Path> runs;

    @Option(
            names = "--users",
            paramLabel = "N",
            defaultValue = "500",
            description = "users asked, drawn at random; 0 for all; default: ${DEFAULT-VALUE}")
    private int users;

    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "0",
            description = "width of the beam; default: the one of the training")
    private int beam;

    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "test or validation; default: ${DEFAULT-VALUE}")
    private String split;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "of the draw; default: ${DEFAULT-VALUE}")
    private long seed;

    @Mixin
    private DeviceOption device;

    @Option(names = "--json", description = "print the diagnostics as JSON, a list with one entry for each run")
    private boolean json;

    @Override
    public Integer call() {
        var config = new Diagnose.Config(split, users, beam, seed);
        List<RunFolder> folders = runs.stream().map(RunFolder::open).toList();
        for (RunFolder run : folders) run.need("model/best.safetensors", "train");
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
                out.println("wrote " + run.resolve("diagnostics.json") + " and " + run.resolve("plots"));
        }
        out.flush();
        return Main.OK;
    }
}
