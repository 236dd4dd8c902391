package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright train RUN}: trains the model of a run, or goes on where it was stopped. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Train the model of a run. A training that was interrupted resumes where it was stopped.",
        footer = {
            "",
            "Write model/last.safetensors (to resume from), model/best.safetensors (best in",
            "validation) and model/metrics.jsonl (a line for each epoch)."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "RUN",
            description = "Train in this folder: of a run with semantic IDs, or with --from a new one.")
    private Path run;

    @Mixin
    private TrainingOptions settings;

    @Section.In(Section.DATA)
    @Option(
            names = "--from",
            paramLabel = "RUN",
            description = "Begin from the model of this trained run, which is left as it is: a second stage. Training by"
                    + " rollouts always is one.")
    private Path from;

    @Mixin
    private RolloutOptions rollouts;

    @Mixin
    private DeviceOption device;

    @Option(names = "--restart", description = "Forget what was trained before, and begin again.")
    private boolean restart;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the summary as JSON.")
    private boolean json;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (settings.objective.help() != null) {
            out.print(settings.objective.help());
        } else if (settings.objective.named() instanceof RolloutObjective objective) {
            reinforce(objective, out);
        } else {
            train(out);
        }
        out.flush();
        return Main.OK;
    }

    // ---- from the true sequences

    private void train(PrintWriter out) {
        Given.refuse(spec, new RolloutOptions(),
                "without rollouts; leave it out, or give --objective, too: ugr or another"
                        + " that learns from rollouts");
        RunFolder folder = from == null ? RunFolder.open(run) : new RunFolder(run);
        if (Reinforce.configOf(folder) != null) {
            throw new UserError(run + ": was trained by rollouts; give the same --objective to go on");
        }
        Train.Summary summary;
        try (var _ = folder.lock()) {
            summary = from == null ? train(folder) : continued(folder);
        }
        if (json) {
            out.println(Json.line(summary));
        } else {
            out.printf(
                    Locale.ROOT,
                    "trained %d epochs, %,d parameters; best epoch %d with validation NDCG@10 %.4f%nchecksum %s%n",
                    summary.epochs(),
                    summary.parameters(),
                    summary.bestEpoch(),
                    summary.bestNdcg10(),
                    summary.checksum());
            if (summary.verdict() != null) out.println(summary.verdict());
        }
    }

    private Train.Summary train(RunFolder folder) {
        TrainConfig first = Start.isComplete(folder) ? folder.config("train", TrainConfig.class).first() : null;
        TrainConfig config = first == null ? settings.config(seed, null, folder) : continuing(first);
        return Train.run(config, folder, device.open(), restart, StopRequest.progress());
    }

    private Train.Summary continued(RunFolder folder) {
        RunFolder start = RunFolder.open(from);
        if (Reinforce.configOf(start) != null) {
            throw new UserError(start.root() + ": was trained by rollouts; begin from the run that it began from");
        }
        TrainConfig config = continuing(start.config("train", TrainConfig.class));
        return Train.from(config, start, folder, device.open(), restart, StopRequest.progress());
    }

    private TrainConfig continuing(TrainConfig first) {
        Given.refuse(spec, new ModelOptions(), "here: the model is that of the run it begins from");
        return settings.continuing(first, seed);
    }

    // ---- from rollouts

    private void reinforce(RolloutObjective named, PrintWriter out) {
        String why =
                "on " + named.name() + ": the model, and how its logits become probabilities, are those of the run it"
                        + " begins from";
        Given.refuse(spec, new ModelOptions(), why);
        Given.refuse(spec, new EpochOptions(), why);
        RolloutObjective objective = settings.objective.objective(named, RolloutObjective.class);
        ReinforceConfig config = rollouts.config(
                objective, settings.objective.preset(named), from == null ? null : from.toString(),
                settings.optimization, settings.validation, seed);
        RunFolder folder = new RunFolder(run);
        Reinforce.Summary summary;
        try (var _ = folder.lock()) {
            summary = Reinforce.run(config, folder, device.open(), restart, StopRequest.progress());
        }
        if (json) {
            out.println(Json.line(summary));
        } else {
            out.printf(
                    Locale.ROOT,
                    "%d steps; validation NDCG@10 %.4f at the start, %.4f best (step %d), %.4f last%nchecksum %s%n",
                    summary.steps(),
                    summary.startNdcg10(),
                    summary.bestNdcg10(),
                    summary.bestStep(),
                    summary.lastNdcg10(),
                    summary.checksum());
            if (summary.verdict() != null) out.println(summary.verdict());
        }
    }
}
