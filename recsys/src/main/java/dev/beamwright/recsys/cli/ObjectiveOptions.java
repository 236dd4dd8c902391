package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.Preset;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.run.TextTable;
import dev.beamwright.recsys.run.UserError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** The options of training that choose the objective. What is not given keeps its default. */
@Section.In(Section.OBJECTIVE)
final class ObjectiveOptions {
    @Option(
            names = "--objective",
            paramLabel = "NAME",
            description = "Train by this objective, see the list below. Default: the preset's, ce.")
    private String name;

    @Option(
            names = "-P",
            paramLabel = "KEY=VALUE",
            description = "Set a parameter of the objective, such as -P lambda=.3; --help-objective lists them; repeatable.")
    private Map<String, String> parameters = new LinkedHashMap<>();

    @Option(
            names = "--objective-preset",
            paramLabel = "NAME",
            description = "Take a paper's values for the objective; --help-objective lists them.")
    private String preset;

    @Option(
            names = "--help-objective",
            paramLabel = "NAME",
            help = true,
            description = "Print the equation, parameters, defaults and presets of an objective, and exit.")
    private String help;

    /** What {@code --help-objective} prints; null if it was not given. */
    String help() {
        return help == null ? null : text(Objectives.named(help));
    }

    /** The objective that was named, with its default values; null if none was. */
    Objective named() {
        return name == null ? null : Objectives.named(name);
    }

    /**
     * The objective with all that was given.
     *
     * @param usual the objective if none is named
     */
    <T extends Objective> T objective(T usual, Class<T> kind) {
        Objective base = name == null || name.equals(usual.name()) ? usual : Objectives.named(name);
        if (preset != null) base = preset(base).objective();
        if (!kind.isInstance(base)) {
            throw new UserError(
                    "--objective " + base.name() + " learns from rollouts of a trained model: 'beamwright train"
                            + " NEW-RUN --objective " + base.name() + " --from RUN'");
        }
        return Objectives.with(kind.cast(base), base instanceof RolloutObjective ? parameters : parameters(false));
    }

    /** The parameters of the objective, or those of the process reward model, without their prefix. */
    Map<String, String> parameters(boolean prm) {
        Map<String, String> own = new LinkedHashMap<>();
        parameters.forEach((key, value) -> {
            if (key.startsWith(PrmOptions.PREFIX) == prm) {
                own.put(prm ? key.substring(PrmOptions.PREFIX.length()) : key, value);
            }
        });
        return own;
    }

    /** The preset that was asked for, of an objective; null if none was. */
    Preset preset(Objective of) {
        return preset == null ? null : Objectives.preset(of, preset);
    }

    /**
     * Over which codes the softmax is taken, unless that is given: a paper's values are for the paper's softmax, and an
     * earlier stage of the same objective has its own already.
     */
    Softmax softmax(TargetObjective objective, Softmax usual, boolean continued) {
        if (preset != null) return preset(objective).softmax();
        return continued && name == null || objective.usualSoftmax() == null ? usual : objective.usualSoftmax();
    }

    // ---- help

    /** Adds the list of objectives to the help of a command. */
    static void list(CommandLine command, boolean rollouts) {
        var usage = command.getCommandSpec().usageMessage();
        List<String> footer = new ArrayList<>(List.of(usage.footer()));
        footer.add("");
        footer.add("Objectives (--help-objective NAME tells more); from the true sequences:");
        footer.addAll(lines(TargetObjective.class));
        if (rollouts) {
            footer.add("from the model's own rollouts, with --from:");
            footer.addAll(lines(RolloutObjective.class));
        }
        usage.footer(footer.toArray(String[]::new));
    }

    private static List<String> lines(Class<? extends Objective> kind) {
        List<List<String>> rows = Objectives.ALL.stream()
                .filter(kind::isInstance)
                .map(o -> List.of("  " + o.name(), o.summary()))
                .toList();
        return TextTable.of(rows, 2).lines().map(l -> l.replace("%", "%%")).toList();
    }

    /** All that there is to say of an objective. */
    static String text(Objective o) {
        var text = new StringBuilder(o.name() + ": " + o.summary() + "\n\n" + o.equation().indent(2));
        Map<String, String> values = Parameter.values(o);
        text.append(
                values.isEmpty() ? "\nIt has no parameters.\n" : "\nParameters (-P KEY=VALUE) and their defaults:\n");
        text.append(Parameter.table(o, ""));
        if (!o.presets().isEmpty()) {
            text.append("\nPresets (--objective-preset NAME):\n");
            text.append(TextTable
                    .of(o.presets().stream().map(p -> List.of("  " + p.name(), values(p, values))).toList(), 2));
        }
        return text.toString();
    }

    private static String values(Preset p, Map<String, String> usual) {
        String changed = Parameter.values(p.objective()).entrySet().stream()
                .filter(e -> !e.getValue().equals(usual.get(e.getKey())))
                .map(e -> e.getKey() + "=" + e.getValue())
                .collect(Collectors.joining(" "));
        return (changed.isEmpty() ? "the defaults" : changed)
                + (p.softmax() == null ? "" : ", --softmax " + p.softmax().name().toLowerCase(Locale.ROOT))
                + (p.maxGradNorm() == null ? "" : ", --max-grad-norm " + Parameter.text(p.maxGradNorm()));
    }
}
