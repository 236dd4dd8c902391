package dev.beamwright.recsys.cli;

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
        description = "Trains a process reward model on the trained model of a run, which stays as it is. A training that"
                + " was interrupted goes on where it was stopped.",
        footer = {
            "",
            "Writes model/prm.safetensors (best validation NDCG@10), model/prm-last.safetensors (to go on from) and",
            "model/prm-metrics.jsonl. Then 'recommend', 'evaluate' and 'scale' take --widen. To train both at once:",
            "'beamwright train --prm-weight 1'."
        })
final class TrainPrmCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "the folder of a trained run")
    private Path run;

    @Option(
            names = "-P",
            paramLabel = "KEY=VALUE",
            description = "a parameter of the process reward model, such as -P prm.negatives=64, see below")
    private Map<String, String> parameters = new LinkedHashMap<>();

    @Option(
            names = "--epochs",
            paramLabel = "N",
            defaultValue = "8",
            description = "passes over the data; default: ${DEFAULT-VALUE}")
    private int epochs;

    @Option(names = "--patience", paramLabel = "N", description = "stop after so many epochs without a better one")
    private Integer patience;

    @Option(
            names = "--rate",
            paramLabel = "X",
            defaultValue = "0.005",
            description = "highest learning rate; default: ${DEFAULT-VALUE}")
    private double rate;

    @Option(
            names = "--validation-cases",
            paramLabel = "N",
            description = "validation users asked after each epoch; 0 for all")
    private Integer validationCases;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(names = "--restart", description = "forget what this command trained before, and begin anew")
    private boolean restart;

    @Mixin
    private DeviceOption device;

    @Option(names = "--json", description = "print the summary as JSON")
    private boolean json;

    @Override
    public Integer call() {
        RunFolder folder = RunFolder.open(run);
        folder.need("model/best.safetensors", "train");
        Map<String, String> own = new LinkedHashMap<>();
        parameters.forEach((key, value) -> own.put(
                key.startsWith(PrmOptions.PREFIX) ? key.substring(PrmOptions.PREFIX.length()) : key, value));
        TrainConfig model = folder.config("train", TrainConfig.class);
        TrainConfig config = model.forPrm(
                PrmOptions.config(1, true, own),
                epochs,
                patience == null ? model.patience() : patience,
                rate,
                validationCases == null ? model.validationCases() : validationCases,
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
