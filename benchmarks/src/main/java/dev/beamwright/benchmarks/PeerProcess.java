package dev.beamwright.benchmarks;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A peer in a process of its own that lives as long as it is needed. It reads a command a line and answers each by a
 * line: {@code ok} and the answer, or {@code no} and the reason.
 */
final class PeerProcess implements Peer {
    private final Process process;
    private final BufferedReader in;
    private final BufferedWriter out;
    private final Path errors;
    private final String version;

    private PeerProcess(List<String> command, int threads) throws IOException, Missing {
        errors = Files.createTempFile("beamwright-peer", ".txt");
        errors.toFile().deleteOnExit();
        var builder = new ProcessBuilder(command).redirectError(errors.toFile());
        if (OpenBlas.mustBeTold()) builder.environment().put(OpenBlas.CORE, OpenBlas.AVX_512);
        process = builder.start();
        in = process.inputReader();
        out = process.outputWriter();
        try {
            version = ask("hello " + threads);
        } catch (Missing e) {
            close();
            throw e;
        }
    }

    /** Starts a program. */
    static PeerProcess start(List<String> command, int threads) throws Missing {
        try {
            return new PeerProcess(command, threads);
        } catch (IOException e) {
            throw new Missing(e.getMessage());
        }
    }

    @Override
    public String version() {
        return version;
    }

    @Override
    public double seconds(String command, int times) throws Missing {
        return Double.parseDouble(ask("time " + times + " " + command));
    }

    @Override
    public long memory() throws Missing {
        return Long.parseLong(ask("memory"));
    }

    @Override
    public void forget() {
        try {
            ask("forget");
        } catch (Missing e) {
            // It ended; whoever asks it next is told.
        }
    }

    private String ask(String command) throws Missing {
        String answer;
        try {
            out.write(command);
            out.newLine();
            out.flush();
            answer = in.readLine();
        } catch (IOException e) {
            answer = null;
        }
        if (answer == null) throw new Missing(lastWords());
        if (!answer.startsWith("ok")) throw new Missing(answer.replaceFirst("^no ", ""));
        return answer.substring(2).strip();
    }

    /** The last line it wrote to standard error. */
    private String lastWords() {
        try {
            List<String> lines = Files.readAllLines(errors);
            return lines.stream().filter(l -> !l.isBlank()).reduce((_, last) -> last).orElse("it ended").strip();
        } catch (IOException e) {
            return "it ended";
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
