package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
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
        row.add("--width", model(ModelConfig::width), NONE);
        row.add("--layers", model(ModelConfig::layers), NONE);
        row.add("--decoder-layers", model(m -> m.decoderLayers() == 0 ? NONE : m.decoderLayers()), NONE);
        row.add("--heads", model(ModelConfig::heads), NONE);
        row.add("--head-dim", model(ModelConfig::headDim), NONE);
        row.add("--hidden", model(ModelConfig::hidden), NONE);
        row.add("--gated", model(m -> yes(m.gated())), NONE);
        row.add("--tied", model(m -> yes(m.tied())), NONE);
        row.add("--max-items", model(ModelConfig::maxItems), NONE);
        row.add("--softmax", c -> c.softmax().name().toLowerCase(Locale.ROOT), NONE);
        row.add("--epochs", TrainConfig::epochs, NONE);
        row.add("--patience", TrainConfig::patience, r.patience());
        row.add("--batch", TrainConfig::batch, r.batch());
        row.add("--rate", c -> number(c.rate()), number(r.rate()) + ", " + number(preferences.rate()));
        row.add("--warmup", c -> number(c.warmup()), number(r.warmup()));
        row.add("--decay", c -> number(c.decay()), number(r.decay()));
        row.add("--clip", c -> number(c.clip()), number(r.clip()));
        row.add("--dropout", c -> number(c.dropout()), number(r.dropout()));
        row.add("--beam", TrainConfig::beam, r.beam());
        row.add("--validation-cases", TrainConfig::validationCases, r.validationCases());
        row.add("--shards", TrainConfig::shards, r.shards());
        if (rollouts) table.add("(two rates of rollouts: rewards, and the preferences of dpo and s-dpo)");
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

    /** Short: 5e-4, 0.05, 1. */
    private static String number(double x) {
        if (x != 0 && x < 1e-2) return String.format(Locale.ROOT, "%.0e", x).replaceFirst("e-0", "e-");
        return x == Math.rint(x) ? Long.toString((long) x) : Double.toString(x);
    }
}
