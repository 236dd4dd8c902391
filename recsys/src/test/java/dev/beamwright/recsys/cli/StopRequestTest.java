package dev.beamwright.recsys.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that get SIGTERM in the middle of a training, and the same command once more. */
class StopRequestTest {
    private static final String SASREC = """
            {"loss":"CE","start":"RANDOM",
             "model":{"dModel":16,"layers":1,"heads":2,"ffnDim":16,"maxItems":6},"negatives":4,"epochs":60,
             "optimization":{"batchSize":8,"learningRate":0.001,"cosine":false,"weightDecay":0,"dropout":0.1},
             "validation":{"cases":0,"patience":60,"best":"NDCG"},
             "execution":{"shards":2,"microTokens":64,"checkpointSeconds":60},"seed":1}
            """;

    @TempDir
    private Path folder;

    @Test
    void trainingEndsAfterAStepAndTheSameCommandResumesIt() throws Exception {
        Path run = prepared("run"), whole = prepared("whole");
        String[] options = {
            "--d-model", "8", "--layers", "1", "--heads", "1", "--head-dim", "8", "--ffn-dim", "8", "--epochs", "60",
            "--patience", "0"
        };
        String[] command = with(options, "train", run.toString());
        // Without the Vector API Java is started once more; the signal goes to the first of the two processes.
        String said = terminated(run.resolve("model/metrics.jsonl"), List.of(), Restart.class, command);
        assertThat(said.lines().toList().getLast())
                .startsWith("beamwright: train stopped after step ")
                .endsWith(" of 180, all is saved; resume it with: beamwright " + String.join(" ", command));
        String resumed = call(command);
        assertThat(resumed).startsWith("trained 60 epochs").isEqualTo(call(with(options, "train", whole.toString())));
        assertThat(call("verify", run.toString())).contains("the same, bit for bit");
    }

    @Test
    void evaluateEndsInTheMiddleOfABaselinesTraining() throws Exception {
        Path run = prepared("run"), whole = prepared("whole");
        for (Path r : List.of(run, whole)) {
            Files.writeString(r.resolve("config/sasrec.json"), SASREC);
        }
        String[] command = {"evaluate", run.toString(), "--baselines", "sasrec", "--predictions", "0"};
        String said = terminated(
                run.resolve("baselines/sasrec-metrics.jsonl"),
                List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"),
                Main.class, command);
        assertThat(said).contains("beamwright: sasrec stopped after step ", "beamwright " + String.join(" ", command));
        call(command);
        call("evaluate", whole.toString(), "--baselines", "sasrec", "--predictions", "0");
        for (String file : List.of("baselines/sasrec.safetensors", "scorecard.json")) {
            assertThat(run.resolve(file)).hasSameBinaryContentAs(whole.resolve(file));
        }
    }

    @Test
    void theCommandToResumeCanBePastedIntoAShell() {
        assertThat(StopRequest.resuming("train", "my run", "--restart", "--objective=ugr"))
                .isEqualTo("beamwright train 'my run' --objective=ugr");
        assertThat(StopRequest.resuming("run", "it's")).isEqualTo("beamwright run 'it'\\''s'");
    }

    /** Starts a process, sends SIGTERM when a file is there, and returns what it said on standard error. */
    private String terminated(Path file, List<String> options, Class<?> main, String... args)
            throws IOException, InterruptedException {
        Path err = folder.resolve("err");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command)
                .redirectOutput(folder.resolve("out").toFile())
                .redirectError(err.toFile())
                .start();
        while (process.isAlive() && !Files.exists(file)) Thread.sleep(1);
        process.destroy();
        assertThat(process.waitFor()).as(() -> text(err)).isEqualTo(130);
        return text(err);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String[] with(String[] options, String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of(options));
        return all.toArray(String[]::new);
    }

    /** Twenty users walk through eight items, each from another place. */
    private Path prepared(String name) throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve(name);
        var s = new StringBuilder("user_id\titem_id\n");
        for (int user = 0; user < 20; user++) {
            for (int i = 0; i < 6; i++) s.append('u').append(user).append("\ti").append((user + i) % 8).append('\n');
        }
        Files.writeString(data, s);
        call("prepare", "--data", data.toString(), "--out", run.toString(), "--core", "0");
        call("tokenize", run.toString());
        return run;
    }

    /** Calls a command in this process, which must succeed, and returns what it printed. */
    private static String call(String... args) {
        var out = new ByteArrayOutputStream();
        PrintStream usualOut = System.out, usualErr = System.err;
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(new ByteArrayOutputStream()));
            assertThat(Main.run(args)).as(String.join(" ", args)).isZero();
            return out.toString(StandardCharsets.UTF_8);
        } finally {
            System.setOut(usualOut);
            System.setErr(usualErr);
        }
    }
}
