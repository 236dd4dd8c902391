package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Stopped;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.run.Version;
import dev.beamwright.tensor.DeviceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line: {@code beamwright <command>}. Results go to standard output, progress and errors to standard error.
 *
 * <p>Exit codes: 0 done; 1 an error of the program, with its stack trace; 2 something the user can mend, told in one
 * line; 130 interrupted, a training after the step in hand ({@link StopRequest}).
 */
@Command(
        name = "beamwright",
        mixinStandardHelpOptions = true,
        versionProvider = Main.VersionText.class,
        synopsisSubcommandLabel = "COMMAND",
        description = "Generative recommendation over semantic IDs: from a file of interactions to recommendations.",
        footer = {"", "'beamwright COMMAND --help' explains a command."},
        subcommands = {
            RunCommand.class,
            PrepareCommand.class,
            TokenizeCommand.class,
            TrainCommand.class,
            TrainPrmCommand.class,
            EvaluateCommand.class,
            DiagnoseCommand.class,
            ScaleCommand.class,
            CompareCommand.class,
            RecommendCommand.class,
            InspectCommand.class,
            VerifyCommand.class,
            DevicesCommand.class,
            BenchCommand.class,
            CompletionCommand.class,
        })
public final class Main implements Runnable {
    static final int OK = 0;
    static final int INTERNAL_ERROR = 1;
    static final int USER_ERROR = 2;
    static final int INTERRUPTED = 130;

    @Spec
    private CommandSpec spec;

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        StopRequest.install();
        int exitCode = run(args);
        StopRequest.ended();
        System.exit(exitCode);
    }

    /** Runs a command. Returns the exit code. */
    public static int run(String... args) {
        CommandLine line = new CommandLine(new Main());
        BenchCommand.fill(line.getSubcommands().get("bench"));
        ObjectiveOptions.list(line.getSubcommands().get("train"), true);
        ObjectiveOptions.list(line.getSubcommands().get("run"), false);
        TrainingDefaults.tell(line.getSubcommands().get("train"), true);
        TrainingDefaults.tell(line.getSubcommands().get("run"), false);
        PrmOptions.list(line.getSubcommands().get("train-prm"));
        Section.sort(line);
        line.setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler((e, _) -> refused(e))
                .setExecutionExceptionHandler((e, command, _) -> failed(e, command.getErr(), args));
        try {
            int exitCode = line.execute(args);
            if (exitCode != OK || !System.out.checkError()) return exitCode;
            return say(line.getErr(),
                    "standard output could not be written to its end: the disk is full, its reader has gone, or it is closed",
                    USER_ERROR);
        } catch (Error e) { // picocli hands on exceptions only
            return failed(e, line.getErr(), args);
        }
    }

    /** No command given: say which there are. */
    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** The command line itself cannot be understood. */
    private static int refused(ParameterException e) {
        CommandLine command = e.getCommandLine();
        String message = firstLine(e.getMessage());
        if (e instanceof UnmatchedArgumentException unmatched) {
            boolean noSuchCommand = command.getParent() == null && !unmatched.isUnknownOption();
            if (noSuchCommand) message = "there is no command '" + unmatched.getUnmatched().getFirst() + "'";
            List<String> near = unmatched.getSuggestions();
            if (!near.isEmpty()) message += "; did you mean " + String.join(" or ", near) + "?";
        }
        String help = command.getCommandSpec().qualifiedName() + " --help";
        command.getErr().println("beamwright: " + message + " ('" + help + "' shows what fits)");
        return USER_ERROR;
    }

    /** A command ended with an exception or error. */
    private static int failed(Throwable failure, PrintWriter err, String... args) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            switch (t) {
                case UserError e -> {
                    return say(err, e.getMessage(), USER_ERROR);
                }
                case DeviceException e -> {
                    return say(err, "--device: " + e.getMessage(), USER_ERROR);
                }
                case OutOfMemoryError e -> {
                    return say(err, outOfMemory(e), USER_ERROR);
                }
                case Stopped e -> {
                    return say(err, e.getMessage() + ", all is saved; resume it with: " + StopRequest.resuming(args),
                            INTERRUPTED);
                }
                case InterruptedException _ -> {
                    return say(err, "interrupted", INTERRUPTED);
                }
                case UncheckedIOException _ -> {} // its cause tells more
                case IOException e -> {
                    return say(err, e.toString(), USER_ERROR);
                }
                default -> {}
            }
        }
        err.println("beamwright: an error of the program itself; please report it with the lines below and 'beamwright "
                + Version.current() + "'");
        failure.printStackTrace(err);
        err.flush();
        return INTERNAL_ERROR;
    }

    private static String outOfMemory(OutOfMemoryError e) {
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        return "out of memory (" + e.getMessage() + ") with a heap of " + heap + " MB: set BEAMWRIGHT_JAVA_OPTS=-Xmx"
                + Math.max(1, 2 * heap / 1024) + "g or more, or make batches or the model smaller";
    }

    private static int say(PrintWriter err, String message, int exitCode) {
        err.println("beamwright: " + firstLine(message));
        err.flush();
        return exitCode;
    }

    private static String firstLine(String message) {
        return message == null ? "(no message)" : message.lines().findFirst().orElse("");
    }

    /** What {@code --version} prints. */
    static final class VersionText implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "beamwright " + Version.current(),
                "Java " + Runtime.version() + ", " + System.getProperty("os.name") + " "
                        + System.getProperty("os.arch")
            };
        }
    }
}
