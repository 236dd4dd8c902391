package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.ObjectiveConfig;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.Batches;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright train RUN}: trains the model of a run, or goes on where it was stopped. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Trains the model of a run. A run that was interrupted goes on where it was stopped.",
        footer = {
            "",
            "Writes model/last.safetensors (to go on from), model/best.safetensors (best in",
            "validation) and model/metrics.jsonl (a line for each epoch)."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "the folder of a run with semantic IDs; with --from a new folder")
    private Path run;

    @Mixin
    private Settings settings;

    @Mixin
    private ReinforceOptions reinforce;

    @Mixin
    private DeviceOption device;

    @Option(names = "--restart", description = "forget what was trained before, and begin anew")
    private boolean restart;

    @Option(names = "--json", description = "print the summary as JSON")
    private boolean json;

    /** The options of training, shared with {@code run}. What is not given keeps its default. */
    static final class Settings {
        @Option(
                names = "--preset",
                paramLabel = "NAME",
                defaultValue = "default",
                description = "where the settings begin: default, item (one token for each item), tiger (encoder-decoder), paischer (a deeper one) or"
                        + " llama (decoder-only); default: ${DEFAULT-VALUE}")
        private String preset;

        @Option(names = "--width", paramLabel = "N", description = "columns of a token")
        private Integer width;

        @Option(names = "--layers", paramLabel = "N", description = "blocks; of the encoder, if there is one")
        private Integer layers;

        @Option(names = "--decoder-layers", paramLabel = "N", description = "blocks of the decoder behind an encoder")
        private Integer decoderLayers;

        @Option(names = "--heads", paramLabel = "N", description = "heads of each attention")
        private Integer heads;

        @Option(names = "--head-dim", paramLabel = "N", description = "columns of a head")
        private Integer headDim;

        @Option(names = "--hidden", paramLabel = "N", description = "columns inside the feed-forward parts")
        private Integer hidden;

        @Option(names = "--gated", negatable = true, description = "SwiGLU in an encoder-decoder, not ReLU")
        private Boolean gated;

        @Option(names = "--tied", negatable = true, description = "use the embeddings of the codes as heads, too")
        private Boolean tied;

        @Option(names = "--user-tokens", paramLabel = "N", description = "tokens over which an encoder spreads users")
        private Integer userTokens;

        @Option(
                names = "--max-items",
                paramLabel = "N",
                description = "items of a history that are read at the most; default: prepare's --history, or the"
                        + " preset's")
        private Integer maxItems;

        @Option(
                names = "--softmax",
                paramLabel = "OVER",
                description = "children (codes that can follow in the item trie) or level (all codes of the level)")
        private Softmax softmax;

        @Mixin
        private ObjectiveOptions objective;

        @Option(
                names = "--prm-weight",
                paramLabel = "X",
                description = "train a process reward model, too, with this weight of its loss; default: 0, none")
        private double prmWeight;

        @Option(
                names = "--prm-detached",
                negatable = true,
                fallbackValue = "true",
                description = "process reward model: keep its loss from changing the model")
        private Boolean prmDetached;

        @Mixin
        private PrmOptions prm;

        @Option(names = "--epochs", paramLabel = "N", description = "passes over the data at the most")
        private Integer epochs;

        @Option(names = "--patience", paramLabel = "N", description = "stop after so many epochs without a better one")
        private Integer patience;

        @Option(
                names = "--best",
                paramLabel = "BY",
                description = "the epoch to keep, by validation: ndcg (NDCG@10 of the beam search; default) or loss (all"
                        + " that is made small)")
        private TrainConfig.Best best;

        @Option(
                names = "--batch",
                paramLabel = "N",
                description = "sequences of one step; targets of one step in an encoder-decoder; default: the preset's,"
                        + " or fewer where an epoch would have less than 8 steps")
        private Integer batch;

        @Option(names = "--rate", paramLabel = "X", description = "highest learning rate")
        private Double rate;

        @Option(
                names = "--warmup",
                paramLabel = "X",
                description = "share of all steps in which the rate rises; from 1 on, how many steps (not in rollouts)")
        private Double warmup;

        @Option(names = "--decay", paramLabel = "X", description = "weight decay")
        private Double decay;

        @Option(names = "--clip", paramLabel = "X", description = "largest norm of the gradient; 0 for none")
        private Double clip;

        @Option(names = "--dropout", paramLabel = "X", description = "share of activations set to zero")
        private Double dropout;

        @Option(
                names = "--beam",
                paramLabel = "N",
                description = "width of the beam that will serve, and of the one in validation, which is never below 10")
        private Integer beam;

        @Option(
                names = "--validation-cases",
                paramLabel = "N",
                description = "validation users asked after each epoch; 0 for all")
        private Integer validationCases;

        @Option(
                names = "--hold-out",
                paramLabel = "N",
                description = "leave out the last N training items of each user; training by rollouts and train-prm"
                        + " then learn from these alone, which the model has not seen")
        private Integer holdOut;

        @Option(
                names = "--shards",
                paramLabel = "N",
                description = "parts in which a gradient is summed; more than 4 for more than 4 processors")
        private Integer shards;

        /** What training by rollouts takes of these; null where not given. */
        record Common(
                Integer batch,
                Double rate,
                Double warmup,
                Double decay,
                Double clip,
                Double dropout,
                Integer patience,
                Integer beam,
                Integer validationCases,
                Integer shards) {}

        private Common common() {
            return new Common(
                    batch, rate, warmup, decay, clip, dropout, patience, beam, validationCases, shards);
        }

        /** With other usual epochs than the preset's, unless null. */
        TrainConfig config(long seed, Integer usualEpochs) {
            return config(TrainConfig.preset(preset, seed), null, seed, usualEpochs, null);
        }

        /** The same for a run that is prepared: what its data decide is decided, unless it is given. */
        TrainConfig config(long seed, Integer usualEpochs, RunFolder run) {
            run.need("config/prepare.json", "prepare");
            Integer history = run.config("prepare", PrepareConfig.class).maxItems();
            TrainConfig config = config(TrainConfig.preset(preset, seed), null, seed, usualEpochs, history);
            return batch == null ? Batches.fitted(config, run) : config;
        }

        /** For a training that begins from a trained run's model, and else has that run's settings. */
        TrainConfig continuing(TrainConfig first, long seed) {
            return config(first, first, seed, null, null);
        }

        private TrainConfig config(
                TrainConfig d, TrainConfig first, long seed, Integer usualEpochs, Integer usualItems) {
            ModelConfig m = d.model();
            ObjectiveConfig o = objective.config(d.objective());
            // A paper's values are for the paper's softmax; the objective of an earlier stage has its own already.
            boolean same = first != null && objective.name() == null;
            Softmax usual = m.backbone().equals(ModelConfig.ITEM) ? Softmax.CHILDREN
                    : !same && o.usualSoftmax() != null ? o.usualSoftmax()
                    : objective.preset() != null ? Softmax.LEVEL
                    : d.softmax();
            return new TrainConfig(
                    new ModelConfig(
                            m.backbone(),
                            or(width, m.width()),
                            or(layers, m.layers()),
                            or(decoderLayers, m.decoderLayers()),
                            or(heads, m.heads()),
                            or(headDim, m.headDim()),
                            or(hidden, m.hidden()),
                            or(gated, m.gated()),
                            or(tied, m.tied()),
                            m.theta(),
                            or(userTokens, m.userTokens()),
                            or(maxItems, or(usualItems, m.maxItems())),
                            m.item()),
                    o,
                    or(softmax, usual),
                    or(epochs, or(usualEpochs, d.epochs())),
                    or(patience, d.patience()),
                    or(batch, d.batch()),
                    or(rate, d.rate()),
                    or(warmup, d.warmup()),
                    or(decay, d.decay()),
                    or(clip, d.clip()),
                    or(dropout, d.dropout()),
                    or(beam, d.beam()),
                    or(validationCases, d.validationCases()),
                    seed,
                    or(shards, d.shards()),
                    d.microTokens(),
                    d.checkpointSeconds(),
                    or(holdOut, d.holdOut()),
                    or(best, d.best()),
                    prmWeight == 0 ? prm.none(prmDetached) : prm.config(prmWeight, or(prmDetached, false)),
                    first);
        }

        private static <T> T or(T given, T usual) {
            return given == null ? usual : given;
        }
    }

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "default: ${DEFAULT-VALUE}")
    private long seed;

    @Override
    public Integer call() {
        String objective = settings.objective.name();
        if (objective != null && ReinforceConfig.NAMES.contains(objective)) return reinforce(objective);
        for (OptionSpec option : CommandSpec.forAnnotatedObject(new ReinforceOptions()).options()) {
            String name = option.longestName();
            if (!name.equals("--from") && spec.commandLine().getParseResult().hasMatchedOption(name)) {
                throw new UserError(
                        name + " has no effect without rollouts; leave it out, or give --objective, too: one of "
                                + String.join(", ", ReinforceConfig.NAMES));
            }
        }
        RunFolder folder = reinforce.from() == null ? RunFolder.open(run) : new RunFolder(run);
        if (Reinforce.configOf(folder) != null) {
            throw new UserError(run + ": was trained by rollouts; give the same --objective to go on");
        }
        Train.Summary summary;
        try (var _ = folder.lock()) {
            summary = reinforce.from() == null ? train(folder) : continued(folder);
        }
        PrintWriter out = spec.commandLine().getOut();
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
        out.flush();
        return Main.OK;
    }

    private Train.Summary train(RunFolder folder) {
        TrainConfig first = Start.isComplete(folder) ? folder.config("train", TrainConfig.class).first() : null;
        TrainConfig config = first == null ? settings.config(seed, null, folder) : continuing(first);
        return Train.run(config, folder, device.open(), restart, StopRequest.progress());
    }

    private Train.Summary continued(RunFolder folder) {
        RunFolder from = RunFolder.open(reinforce.from());
        if (Reinforce.configOf(from) != null) {
            throw new UserError(from.root() + ": was trained by rollouts; begin from the run that it began from");
        }
        TrainConfig config = continuing(from.config("train", TrainConfig.class));
        return Train.from(config, from, folder, device.open(), restart, StopRequest.progress());
    }

    private TrainConfig continuing(TrainConfig first) {
        for (String option : OF_THE_MODEL) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new UserError(option + " has no effect here: the model is that of the run it begins from");
            }
        }
        return settings.continuing(first, seed);
    }

    private static final List<String> OF_THE_MODEL = List.of(
            "--preset", "--width", "--layers", "--decoder-layers", "--heads", "--head-dim", "--hidden", "--gated",
            "--tied", "--user-tokens", "--max-items");

    /** Options of the first training that have an effect on training by rollouts too. */
    private static final List<String> COMMON = List.of(
            "--objective", "--objective-preset", "--beta", "--batch", "--rate", "--warmup", "--decay", "--clip",
            "--dropout", "--patience", "--beam", "--validation-cases", "--shards");

    private int reinforce(String objective) {
        for (OptionSpec option : CommandSpec.forAnnotatedObject(new Settings()).options()) {
            boolean given = spec.commandLine().getParseResult().hasMatchedOption(option.longestName());
            if (given && !COMMON.contains(option.longestName())) {
                throw new UserError(option.longestName() + " has no effect on " + objective
                        + ": the model, and how its logits become probabilities, are those of the run it begins from");
            }
        }
        String from = reinforce.from() == null ? null : reinforce.from().toString();
        ReinforceConfig usual = ReinforceConfig.of(objective, from, seed);
        if (settings.objective.preset() != null) usual = usual.preset(settings.objective.preset());
        RunFolder folder = new RunFolder(run);
        boolean begins = restart || Reinforce.configOf(folder) == null;
        ReinforceConfig config = reinforce.config(usual, settings.objective.beta(), settings.common(), begins);
        Reinforce.Summary summary;
        try (var _ = folder.lock()) {
            summary = Reinforce.run(config, folder, device.open(), restart, StopRequest.progress());
        }
        PrintWriter out = spec.commandLine().getOut();
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
        out.flush();
        return Main.OK;
    }
}
