package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.UserError;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright completion SHELL}: lets the shell complete commands and options. */
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        description = "Print a script by which the shell completes commands and options.",
        footer = {
            "",
            "Examples:",
            "  source <(beamwright completion bash)                    in this shell",
            "  beamwright completion bash > ~/.local/share/bash-completion/completions/beamwright"
        })
final class CompletionCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "Print it for bash or zsh, which read the same script.")
    private String shell;

    @Override
    public Integer call() {
        if (!shell.equals("bash") && !shell.equals("zsh")) {
            throw new UserError("completion: there is no script for '" + shell + "'; choose bash or zsh");
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(AutoComplete.bash("beamwright", spec.root().commandLine()));
        out.flush();
        return Main.OK;
    }
}
