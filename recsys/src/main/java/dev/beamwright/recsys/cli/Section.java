package dev.beamwright.recsys.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.Field;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The sections of a command's help, in order. */
enum Section {
    DATA("Data"),
    COLUMNS("Columns of the data"),
    VECTORS("Item vectors"),
    IDS("Semantic IDs"),
    MODEL("Model"),
    OBJECTIVE("Objective"),
    OPTIMIZATION("Optimization"),
    VALIDATION("Validation"),
    ROLLOUTS("Rollouts (with --objective grpo, ugr, …)"),
    REQUEST("Request"),
    PROTOCOL("Protocol"),
    SEARCH("Search"),
    CONFIDENCE("Confidence"),
    OUTPUT("Output"),
    GENERAL("General");

    /** The section of an option, or of all options of a class that have none of their own. */
    @Retention(RetentionPolicy.RUNTIME)
    @Target({ElementType.TYPE, ElementType.FIELD})
    @interface In {
        Section value();
    }

    private final String heading;

    Section(String heading) {
        this.heading = heading;
    }

    /** Sorts the options in the help of a command, and of those below it, into sections. */
    static void sort(CommandLine command) {
        command.getCommandSpec().usageMessage().abbreviateSynopsis(true).sortOptions(false);
        command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, Section::options);
        command.getSubcommands().values().forEach(Section::sort);
    }

    private static String options(Help help) {
        var text = new StringBuilder();
        for (Section section : values()) {
            List<OptionSpec> own = help.commandSpec().options().stream()
                    .filter(o -> !o.hidden() && of(o) == section)
                    .toList();
            if (own.isEmpty()) continue;
            Help.Layout layout = help.createDefaultLayout();
            layout.addOptions(own, help.createDefaultParamLabelRenderer());
            text.append("\n").append(section.heading).append(":\n").append(layout);
        }
        return text.toString();
    }

    private static Section of(OptionSpec option) {
        if (!(option.userObject() instanceof Field field)) return GENERAL;
        return Stream.of(field.getAnnotation(In.class), field.getDeclaringClass().getAnnotation(In.class))
                .filter(in -> in != null)
                .map(In::value)
                .findFirst()
                .orElse(GENERAL);
    }
}
