package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Stopped;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.run.Version;
import dev.beamwright.recsys.run.Visible;
import dev.beamwright.tensor.DeviceException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
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

    /** Whether file names and arguments beyond ASCII reach the program, which they do not in the locale C. */
    static boolean namesAll() {
        return !System.getProperty("sun.jnu.encoding", "UTF-8").matches("(?i)ANSI_X3.4-1968|US-ASCII|646");
    }

    /** Ends the process if an argument came in characters that its locale does not have. */
    static void refuseUnnamable(String[] args) {
        for (String arg : args) {
            if (namesAll() || arg.indexOf('\uFFFD') < 0) continue;
            System.err.println("beamwright: the argument '" + Visible.line(arg) + "' has letters that the locale of this"
                    + " process does not have; set LC_ALL=C.UTF-8");
            System.exit(USER_ERROR);
        }
    }

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        refuseUnnamable(args);
        StopRequest.install();
        int exitCode = run(args);
        StopRequest.ended();
        System.exit(exitCode);
    }

    /** Runs a command. Returns the exit code. */
    public static int run(String... args) {
        PrintStream before = System.out;
        System.setOut(VisibleOutput.on(before));
        try {
            return execute(args);
        } finally {
            System.out.flush();
            System.setOut(before);
        }
    }

    private static int execute(String... args) {
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
                .setOut(new PrintWriter(System.out, true, System.out.charset()))
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
        String message = Visible.line(firstLine(e.getMessage()));
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (!(t instanceof InvalidPathException)) continue;
            message = "cannot name the file '" + Visible.line(((InvalidPathException) t).getInput())
                    + "' in the locale of this"
                    + " process (" + System.getProperty("sun.jnu.encoding") + "); set LC_ALL=C.UTF-8";
        }
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
                case InvalidPathException e -> {
                    return say(err, "'" + e.getInput() + "' is no name of a file here (" + e.getReason()
                            + "); where it has letters beyond ASCII, set LC_ALL=C.UTF-8", USER_ERROR);
                }
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
        return outOfMemory(String.valueOf(e.getMessage()), Runtime.getRuntime().maxMemory());
    }

    /** What helps: a heap larger than the one there is, unless it was not the heap that was too small. */
    static String outOfMemory(String what, long heap) {
        String smaller = "make batches, the model or the data smaller";
        if (what.contains("array size")) return "out of memory (" + what + "): " + smaller;
        if (!what.contains("heap") && !what.contains("GC") && !what.equals("null")) {
            return "out of memory outside of Java's heap (" + what + "): " + smaller
                    + ", or leave more to it by a smaller -Xmx in BEAMWRIGHT_JAVA_OPTS";
        }
        long gigabyte = 1L << 30, larger = Math.ceilDiv(2 * heap, gigabyte); // more than -Xmx was, of which heap is a part
        return "out of memory (" + what + ") with a heap of " + (heap >> 20) + " MB: set BEAMWRIGHT_JAVA_OPTS=-Xmx"
                + larger + "g or more, or " + smaller;
    }

    private static int say(PrintWriter err, String message, int exitCode) {
        err.println("beamwright: " + Visible.line(firstLine(message)));
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
