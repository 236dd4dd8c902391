package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.UserError;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Whether options of a group were given. */
final class Given {
    private Given() {}

    /**
     * Refuses the options of a group.
     *
     * @param command whose command line was read
     * @param group an object with picocli's annotations
     * @param why completes "--option has no effect"
     */
    static void refuse(CommandSpec command, Object group, String why) {
        for (OptionSpec option : CommandSpec.forAnnotatedObject(group).options()) {
            if (command.commandLine().getParseResult().hasMatchedOption(option.longestName())) {
                throw new UserError(option.longestName() + " has no effect " + why);
            }
        }
    }
}
