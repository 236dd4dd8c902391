package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.run.Parameter.text;

import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.train.OptimizationConfig;
import dev.beamwright.recsys.train.TrainConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine;

/** The table at the end of a command's help: what each option of training is unless it is given, by preset. */
final class TrainingDefaults {
    private static final String NONE = "-";

    private TrainingDefaults() {}

    /** Adds the table to the help of a command; with what training by rollouts has, if the command does that. */
    static void tell(CommandLine command, boolean rollouts) {
        var usage = command.getCommandSpec().usageMessage();
        List<String> footer = new ArrayList<>(List.of(usage.footer()));
        footer.add("");
        footer.add("Where nothing is given, by --preset"
                + (rollouts ? ", and in training by rollouts (--objective ugr and others):" : ":"));
        footer.addAll(lines(rollouts));
        usage.footer(footer.toArray(String[]::new));
    }

    private static List<String> lines(boolean rollouts) {
        List<TrainConfig> presets =
                TrainConfig.PRESETS.stream().map(name -> TrainConfig.preset(name, 1)).toList();
        ReinforceConfig r = ReinforceConfig.of(Objectives.rollouts("ugr"), "", 1);
        ReinforceConfig preferences = ReinforceConfig.of(Objectives.rollouts("dpo"), "", 1);
        var table = new ArrayList<String>();
        table.add(line("", TrainConfig.PRESETS, rollouts ? "rollouts" : ""));
        Row row = (option, value, other) -> table
                .add(line(option, presets.stream().map(value).toList(), rollouts ? other : ""));
        row.add("", model(ModelConfig::backbone), NONE);
        row.add("--d-model", model(ModelConfig::dModel), NONE);
        row.add("--layers", model(ModelConfig::layers), NONE);
        row.add("--decoder-layers", model(m -> m.decoderLayers() == 0 ? NONE : m.decoderLayers()), NONE);
        row.add("--heads", model(ModelConfig::heads), NONE);
        row.add("--head-dim", model(ModelConfig::headDim), NONE);
        row.add("--ffn-dim", model(ModelConfig::ffnDim), NONE);
        row.add("--gated-ffn", model(m -> yes(m.gated())), NONE);
        row.add("--tied-embeddings", model(m -> yes(m.tied())), NONE);
        row.add("--max-items", model(ModelConfig::maxItems), NONE);
        row.add("--softmax", c -> c.decoding().softmax().name().toLowerCase(Locale.ROOT), NONE);
        row.add("--epochs", TrainConfig::epochs, NONE);
        row.add("--batch-size", c -> c.optimization().batchSize(), r.optimization().batchSize());
        row.add(
                "--learning-rate", c -> text(c.optimization().learningRate()),
                text(r.optimization().learningRate()) + ", " + text(preferences.optimization().learningRate()));
        row.add("--warmup-ratio", c -> ratio(c.optimization()), ratio(r.optimization()));
        row.add("--warmup-steps", c -> steps(c.optimization()), steps(r.optimization()));
        row.add("--weight-decay", c -> text(c.optimization().weightDecay()), text(r.optimization().weightDecay()));
        row.add("--max-grad-norm", c -> text(c.optimization().maxGradNorm()), text(r.optimization().maxGradNorm()));
        row.add("--dropout", c -> text(c.optimization().dropout()), text(r.optimization().dropout()));
        row.add("--patience", c -> c.validation().patience(), r.validation().patience());
        row.add("--beam", c -> c.decoding().beamSize(), r.rollouts().validationBeamSize());
        row.add("--validation-cases", c -> c.validation().cases(), r.validation().cases());
        row.add("--shards", c -> c.execution().shards(), r.execution().shards());
        if (rollouts) table.add("(two learning rates of rollouts: rewards, and the preferences of dpo and s-dpo)");
        return table;
    }

    /** Adds the row of an option. */
    private interface Row {
        void add(String option, Function<TrainConfig, ?> value, Object rollouts);
    }

    private static Function<TrainConfig, ?> model(Function<ModelConfig, ?> value) {
        return c -> value.apply(c.model());
    }

    private static String line(String option, List<?> presets, Object last) {
        var line = new StringBuilder(String.format("  %-18s", option));
        for (Object value : presets) {
            line.append(String.format(" %8s", value.equals("encoder-decoder") ? "enc-dec" : value));
        }
        return (line + "  " + last).stripTrailing();
    }

    private static String yes(boolean holds) {
        return holds ? "yes" : "no";
    }

    private static String ratio(OptimizationConfig o) {
        return o.warmupSteps() > 0 ? NONE : text(o.warmupRatio());
    }

    private static String steps(OptimizationConfig o) {
        return o.warmupSteps() > 0 ? Long.toString(o.warmupSteps()) : NONE;
    }
}
