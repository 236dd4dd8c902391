package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright train-prm RUN}: trains a process reward model on the model of a run, which stays as it is. */
@Command(
        name = "train-prm",
        mixinStandardHelpOptions = true,
        description = "Train a process reward model on the trained model of a run, which stays as it is. A training that"
                + " was interrupted resumes where it was stopped.",
        footer = {
            "",
            "Write model/prm.safetensors (best validation NDCG@10), model/prm-last.safetensors (to resume from) and",
            "model/prm-metrics.jsonl. Then 'recommend', 'evaluate' and 'scale' take --widen. To train both at once:",
            "'beamwright train --prm-weight 1'."
        })
final class TrainPrmCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "Use the model of this run.")
    private Path run;

    @Section.In(Section.MODEL)
    @Option(
            names = "-P",
            paramLabel = "KEY=VALUE",
            description = "Set a parameter of the process reward model, such as -P prm.negatives=64, see the list below;"
                    + " repeatable.")
    private Map<String, String> parameters = new LinkedHashMap<>();

    @Section.In(Section.OPTIMIZATION)
    @Option(
            names = "--epochs",
            paramLabel = "N",
            defaultValue = "8",
            description = "Pass over the data N times at the most. Default: ${DEFAULT-VALUE}.")
    private int epochs;

    @Section.In(Section.OPTIMIZATION)
    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            defaultValue = "0.005",
            description = "Rise to this learning rate, then fall. Default: ${DEFAULT-VALUE}.")
    private double learningRate;

    @Section.In(Section.VALIDATION)
    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "Stop after N epochs without a better one; 0 for never. Default: the model's.")
    private Integer patience;

    @Section.In(Section.VALIDATION)
    @Option(
            names = "--validation-cases",
            paramLabel = "N",
            description = "Ask N users in a validation; 0 for all. Default: the model's.")
    private Integer validationCases;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--restart", description = "Forget what this command trained before, and begin again.")
    private boolean restart;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the summary as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        RunFolder folder = RunFolder.open(run);
        folder.need(RunFolder.BEST, "train");
        Map<String, String> own = new LinkedHashMap<>();
        parameters.forEach((key, value) -> own.put(
                key.startsWith(PrmOptions.PREFIX) ? key.substring(PrmOptions.PREFIX.length()) : key, value));
        TrainConfig model = folder.config("train", TrainConfig.class);
        TrainConfig config = model.forPrm(
                PrmOptions.config(1, true, own),
                epochs,
                or(patience, model.validation().patience()),
                learningRate,
                or(validationCases, model.validation().cases()),
                seed);
        Train.Summary summary;
        try (var _ = folder.lock()) {
            summary = Train.prm(config, folder, device.open(), restart, StopRequest.progress());
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.line(summary));
        } else {
            out.printf(
                    Locale.ROOT,
                    "trained %d epochs, %,d parameters; best epoch %d with validation NDCG@10 %.4f (widened beam)%n"
                            + "checksum %s%n",
                    summary.epochs(),
                    summary.parameters(),
                    summary.bestEpoch(),
                    summary.bestNdcg10(),
                    summary.checksum());
        }
        out.flush();
        return Main.OK;
    }
}
