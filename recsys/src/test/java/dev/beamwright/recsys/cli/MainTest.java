package dev.beamwright.recsys.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.run.RunFolder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class MainTest {
    @TempDir
    private Path folder;

    /** What a call printed, and how it ended. */
    record Call(int exitCode, String out, String err) {}

    @Test
    void anUnknownCommandIsToldInOneLineWithASuggestion() {
        Call call = call("inspct");
        assertThat(call.exitCode).isEqualTo(2);
        assertThat(call.err.lines()).hasSize(1).first().asString().contains("'inspct'", "did you mean", "inspect");
        assertThat(call.out).isEmpty();
    }

    @Test
    void whatTheUserCanMendIsToldInOneLine() {
        Path nowhere = folder.resolve("nowhere");
        Call call = call("inspect", nowhere.toString());
        assertThat(call.exitCode).isEqualTo(2);
        assertThat(call.err.lines()).hasSize(1).first().asString().startsWith("beamwright: " + nowhere);
    }

    /** The exit code where standard output can neither be written to nor must be closed, as after {@code >&-}. */
    private static int withoutOutput(String... args) {
        PrintStream out = System.out, err = System.err;
        var errors = new ByteArrayOutputStream();
        System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
        System.setOut(new PrintStream(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Bad file descriptor");
            }

            @Override
            public void close() {
                throw new AssertionError("closed");
            }
        }));
        try {
            int exitCode = Main.run(args);
            assertThat(errors.toString(StandardCharsets.UTF_8).lines()).hasSize(1).first().asString()
                    .contains("closed");
            return exitCode;
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    static Stream<String> commands() {
        return new CommandLine(new Main()).getSubcommands().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandExplainsItself(String command) {
        Call call = call(command, "--help");
        assertThat(call.exitCode).isZero();
        assertThat(call.out).startsWith("Usage: beamwright " + command);
    }

    @Test
    void trainTellsWhatItTakesWhereNothingIsGiven() {
        assertThat(call("train", "--help").out)
                .containsPattern("--learning-rate +1e-3 +1e-3 +5e-4 +3e-4 +5e-4 +5e-5, 5e-6");
        assertThat(call("run", "--help").out).containsPattern("--layers +1 +4 +4 +6 +8\\R");
    }

    @Test
    void benchDeviceIsListedAndSaysWhatIsMissing() {
        assertThat(call("bench", "--help").out).contains("device");
        Call call = call("bench", "device", "--quick");
        assertThat(call.exitCode).isEqualTo(Main.USER_ERROR);
        assertThat(call.err.lines()).hasSize(1).first().asString().startsWith("beamwright: bench device: ")
                .containsPattern("SDK|no .*tornado-kernels\\.jar; build it"); // the latter where an SDK is installed
    }

    @Test
    void aGpuIsAskedForByTheNameTornado() {
        Call call = call("run", "--out", folder.resolve("run").toString(), "--device", "gpu");
        assertThat(call.exitCode).isEqualTo(Main.USER_ERROR);
        assertThat(call.err.lines()).hasSize(1).first().asString()
                .contains("--device gpu: GPUs are used by --device tornado");
    }

    @Test
    void theShellCompletesOptions() {
        assertThat(call("completion", "bash").out)
                .contains("complete -F _complete_beamwright", "function _picocli_beamwright_train()",
                        "'--learning-rate'");
        assertThat(call("completion", "fish").err).contains("choose bash or zsh");
    }

    @Test
    void theHelpOfTrainIsShortAndInSections() {
        String help = call("train", "--help").out;
        assertThat(help).containsSubsequence("Data:", "Model:", "Objective:", "Optimization:", "Validation:",
                "General:");
        CommandLine train = new CommandLine(new Main()).getSubcommands().get("train");
        assertThat(train.getCommandSpec().options()).hasSizeLessThanOrEqualTo(45);
    }

    @Test
    void devicesNamesWhatIsThereAndWhatIsMissing() {
        Call call = call("devices", "--json");
        assertThat(call.exitCode).isZero();
        assertThat(call.out)
                .contains("{\"name\":\"scalar\",\"available\":true")
                .containsOnlyOnce("\"chosen\":true")
                .contains("\"name\":\"tornado\"");
    }

    @Test
    void aRunIsNotDoneAgainUnlessItsSettingsChange() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run");
        Files.writeString(data, interactions());
        String[] args = {
            "run", "--data", data.toString(), "--out", run.toString(), "--core", "0", "--d-model", "8", "--layers", "1",
            "--heads", "1", "--head-dim", "8", "--ffn-dim", "8", "--epochs", "1", "--json"
        };
        Call first = call(args);
        assertThat(first.exitCode).as(first.err).isZero();
        assertThat(first.out).contains("\"scorecard\":").contains("\"recommendations\":");
        assertThat(withoutOutput("recommend", run.toString(), "--user", "u1")).isEqualTo(2);
        FileTime scored = Files.getLastModifiedTime(run.resolve("scorecard.json"));

        Call again = call(args);
        assertThat(again.exitCode).isZero();
        assertThat(again.err).contains(
                "prepare: done before, with the same", "tokenize: done before, with the same", "evaluate: done before");
        assertThat(Files.getLastModifiedTime(run.resolve("scorecard.json"))).isEqualTo(scored);
        assertThat(afterSeconds(again.out)).isEqualTo(afterSeconds(first.out));

        Files.copy(run.resolve("model/last.safetensors"), run.resolve("model/best.safetensors"),
                StandardCopyOption.REPLACE_EXISTING); // another model, whatever the clock says
        Files.setLastModifiedTime(
                run.resolve("scorecard.json"), FileTime.fromMillis(System.currentTimeMillis() + 60_000));
        assertThat(call("inspect", run.toString()).out).contains("measured before model/best.safetensors was written");
        assertThat(call(args).err).contains("tokenize: done before").doesNotContain("evaluate: done before");
        assertThat(call("inspect", run.toString()).out).doesNotContain("measured before");

        List<String> otherSeed = new ArrayList<>(List.of(args));
        otherSeed.addAll(List.of("--seed", "2"));
        Call other = call(otherSeed.toArray(String[]::new));
        assertThat(other.exitCode).isEqualTo(2);
        assertThat(other.err.lines().toList().getLast()).contains("other semantic IDs", "another run");
    }

    /** What files say counts, not when they were written; and semantic IDs of one's own stay. */
    @Test
    void aRunGoesOnAfterItsDataWasTouchedAndWithSemanticIdsOfItsOwn() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run");
        Files.writeString(data, interactions());
        String[] args = {
            "run", "--data", data.toString(), "--out", run.toString(), "--core", "0", "--d-model", "8", "--layers", "1",
            "--heads", "1", "--head-dim", "8", "--ffn-dim", "8", "--epochs", "1", "--user", "u3"
        };
        assertThat(call("prepare", "--data", data.toString(), "--out", run.toString(), "--core", "0").exitCode)
                .isZero();
        assertThat(call("tokenize", run.toString(), "--quantizer", "random").exitCode).isZero();
        String ids = Files.readString(run.resolve("tokens/semantic-ids.json"));
        Call first = call(args);
        assertThat(first.exitCode).as(first.err).isZero();
        assertThat(first.err).contains("settings of its own");
        assertThat(Files.readString(run.resolve("tokens/semantic-ids.json"))).isEqualTo(ids);

        Files.setLastModifiedTime(data, FileTime.fromMillis(System.currentTimeMillis() + 5000));
        Call touched = call(args);
        assertThat(touched.exitCode).as(touched.err).isZero();
        assertThat(touched.out.lines().findFirst()).isEqualTo(first.out.lines().findFirst());
        assertThat(touched.out).contains("user u3");
    }

    @Test
    void wordsThatMeanNothingAreToldBeforeTheWork() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run");
        Files.writeString(data, interactions());
        String[] args = {"run", "--data", data.toString(), "--core", "0", "--out", run.toString()};
        for (String wrong : List.of("--baselines popularty", "--epochs 0", "--user nobody")) {
            List<String> all = new ArrayList<>(List.of(args));
            all.addAll(List.of(wrong.split(" ")));
            Call call = call(all.toArray(String[]::new));
            assertThat(call.exitCode).as(wrong).isEqualTo(2);
            assertThat(run.resolve("tokens")).doesNotExist();
        }
    }

    @Test
    void itemsInStockThatTheRunDoesNotKnowArePassedOver() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run"), stock = folder.resolve("stock.txt");
        Files.writeString(data, interactions());
        Call made = call("run", "--data", data.toString(), "--out", run.toString(), "--core", "0", "--d-model", "8",
                "--layers", "1", "--heads", "1", "--head-dim", "8", "--ffn-dim", "8", "--epochs", "1");
        assertThat(made.exitCode).as(made.err).isZero();
        Files.writeString(stock, "\uFEFFi1\ni2\nsoldout\n");
        Call some = call(
                "recommend", run.toString(), "--user", "u1", "--eligible", stock.toString(), "--seen-items", "allowed",
                "--json");
        assertThat(some.exitCode).as(some.err).isZero();
        assertThat(some.err).contains("1 of its 3 items are not in this run");
        assertThat(some.out).contains("\"item\":\"i1\"", "\"item\":\"i2\"").doesNotContain("\"rank\":3");
        Files.writeString(stock, "soldout\n");
        Call none = call("recommend", run.toString(), "--user", "u1", "--eligible", stock.toString());
        assertThat(none.exitCode).isEqualTo(2);
        assertThat(none.err).contains("none of its 1 items");
    }

    @Test
    void twoObjectivesSideBySide() throws IOException {
        Path data = folder.resolve("data.tsv"), base = folder.resolve("plain");
        Files.writeString(data, interactions());
        assertThat(call("prepare", "--data", data.toString(), "--out", base.toString(), "--core", "0").exitCode)
                .isZero();
        assertThat(call("tokenize", base.toString()).exitCode).isZero();
        Path pointwise = copy(base, "pointwise"), bear = copy(base, "bear");
        assertThat(train(base, "ce").exitCode).isZero();
        Call preset = train(pointwise, "apao-pointwise", "--objective-preset", "office-llama");
        assertThat(preset.err).contains("apao-pointwise, beta 0.4, eta 5e-4");
        assertThat(Files.readString(pointwise.resolve("config/train.json"))).contains("\"softmax\" : \"LEVEL\"");
        assertThat(train(bear, "bear", "--beam", "3").exitCode).isZero();

        Call diagnosed = call("diagnose", "--beam", "3", base.toString(), pointwise.toString(), bear.toString());
        assertThat(diagnosed.exitCode).as(diagnosed.err).isZero();
        assertThat(diagnosed.out.lines().toList().getFirst()).containsSubsequence("plain", "pointwise", "bear");
        assertThat(diagnosed.out).contains("at most 3 siblings", "prefix weights at the end", "decoder-apao-pointwise");
        for (Path run : List.of(base, pointwise, bear)) assertThat(run.resolve("diagnostics.json")).exists();

        Files.delete(base.resolve("diagnostics.json"));
        Call missing = call("diagnose", base.toString(), folder.resolve("nothing").toString());
        assertThat(missing.err).contains("there is no such run folder");
        assertThat(base.resolve("diagnostics.json")).doesNotExist(); // told before the work

        Call asAsked = call("evaluate", "--beam", "3", "--json", bear.toString());
        assertThat(asAsked.err).doesNotContain("trained by BEAR");
        assertThat(asAsked.out).contains("\"beam\":3", "recall@1").doesNotContain("recall@5");
        assertThat(call("evaluate", "--beam", "3", "--k", "1,3", "--predictions", "3", bear.toString()).err)
                .doesNotContain("trained by BEAR");
        assertThat(call("evaluate", "--beam", "3", "--k", "1,5", bear.toString()).err).contains("one of 5");
        assertThat(call("evaluate", "--beam", "3", "--k", "1,5", "--predictions", "10", bear.toString()).err)
                .contains("one of 10");
        assertThat(call("evaluate", "--beam", "0", bear.toString()).err).contains("--beam 0: must be at least 1");
        assertThat(call("evaluate", "--k", "1,3", bear.toString()).err).contains("trained by BEAR for a beam of 3");
        Call without = train(copy(base, "other"), "ce", "-P", "lambda=3");
        assertThat(without.exitCode).isEqualTo(2);
        assertThat(without.err.lines().toList().getLast()).contains("-P lambda=3: ce has no parameter 'lambda'");

        String[][] idle = {
            {"train", "--steps", "7", "--steps has no effect without rollouts"},
            {"train", "-P", "prm.detached=true", "give --prm-weight"},
            {"train", "--objective", "dpo", "-P", "kl=1", "dpo has no parameter 'kl'"},
            {"train", "--objective", "grpo", "-P", "beta=1", "grpo has no parameter 'beta'"},
            {"train", "--objective", "ugr", "-P", "lambda-wrong=0", "-P", "confidence-rate=1",
                "no effect without a confidence"},
            {"train-prm", "-P", "prm.hard=siblings", "without hard negatives (hard-share)"},
            {"recommend", "--user", "u1", "--abstain-below", "60", "must be in 0 … 1"},
            {"recommend", "--user", "u1", "--confidence-weight", "1", "goes with --rank hybrid"},
            {"recommend", "--user", "u1", "--widen", "9", "--order", "prm", "--prm-beta", "2", "no effect with"},
            {"evaluate", "--rank-pool", "5", "goes with --rank hybrid"},
        };
        for (String[] words : idle) {
            List<String> line = new ArrayList<>(List.of(words).subList(0, words.length - 1));
            line.add(1, base.toString());
            Call refused = call(line.toArray(String[]::new));
            assertThat(refused.exitCode).as(String.join(" ", line)).isEqualTo(2);
            assertThat(refused.err).contains(words[words.length - 1]);
        }

        String second = folder.resolve("second").toString();
        Call stage = call(
                "train", second, "--from", base.toString(), "--objective", "bear", "-P", "width=3", "--best",
                "loss");
        assertThat(stage.exitCode).as(stage.err).isZero();
        assertThat(stage.out).startsWith("trained 1 epochs, ");
        assertThat(stage.err).contains("before: validation Recall@10");
        assertThat(call("inspect", second).out).contains("train-before");
        assertThat(stage.err).containsPattern("epoch 1: .*, loss [0-9.]+ \\(best\\)");
        assertThat(call("inspect", second).out).containsPattern("epoch 1 .*, loss [0-9.]+, [0-9]+ s");
        assertThat(call("train", second, "--objective", "bear", "-P", "width=3", "--best", "loss").err)
                .contains("finished already");
        assertThat(call("evaluate", "--k", "1,3", base.toString()).exitCode).isZero();
        assertThat(call("evaluate", "--k", "1,3", second).exitCode).isZero();
        Call compared = call("compare", "--metric", "recall@3", base.toString(), second);
        assertThat(compared.exitCode).as(compared.err).isZero();
        assertThat(compared.out).contains("decoder-ce ", "decoder-ce-bear ");
        Call wider = call("train", folder.resolve("wide").toString(), "--from", base.toString(), "--d-model", "16");
        assertThat(wider.err.lines().toList().getLast()).contains("--d-model has no effect here");
    }

    @Test
    void aModelKnowsItsSemanticIdsAndAFolderIsKeptForOneCommand() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run"), other = folder.resolve("other");
        Files.writeString(data, interactions());
        for (Path to : List.of(run, other)) {
            String again = data.resolveSibling(".").resolve("data.tsv").toString(); // the same file by another name
            assertThat(call("prepare", "--data", data.toString(), "--out", to.toString(), "--core", "0").exitCode)
                    .isZero();
            assertThat(
                    call("tokenize", to.toString(), "--quantizer", to == run ? "residual-kmeans" : "random").exitCode)
                    .isZero();
            assertThat(call("prepare", "--data", again, "--out", to.toString(), "--core", "0").exitCode).isZero();
            assertThat(call("prepare", "--data", again, "--out", to.toString(), "--core", "1").err)
                    .contains("made from other settings (core)");
        }
        try (var _ = new RunFolder(run).lock()) {
            for (String command : List.of("train", "tokenize")) {
                Call kept = call(command, run.toString());
                assertThat(kept.exitCode).isEqualTo(2);
                assertThat(kept.err).contains("another beamwright command is at work there");
            }
        }
        assertThat(train(run, "ce").exitCode).isZero();
        Path none = folder.resolve("none");
        assertThat(call("prepare", "--data", folder.resolve("no.csv").toString(), "--out", none.toString()).exitCode)
                .isEqualTo(2);
        assertThat(none).doesNotExist();
        String asked = call("recommend", run.toString(), "--user", "u3").out;

        Path ids = run.resolve("tokens/semantic-ids.json");
        Files.copy(other.resolve("tokens/semantic-ids.json"), ids, StandardCopyOption.REPLACE_EXISTING);
        assertThat(call("recommend", run.toString(), "--user", "u3").err).contains("was trained on other semantic IDs");
        assertThat(train(run, "ce").err).contains("was trained on other semantic IDs");
        Files.delete(ids);
        assertThat(call("tokenize", run.toString(), "--quantizer", "random").err)
                .contains("has a model that was trained on other semantic IDs");
        assertThat(call("tokenize", run.toString()).exitCode).isZero();
        assertThat(call("recommend", run.toString(), "--user", "u3").out).isEqualTo(asked);

        Call two = call("recommend", run.toString(), "--user", "u3", "--user", "u4", "--json");
        assertThat(two.out).startsWith("[{\"user\":\"u3\"").contains("},{\"user\":\"u4\"");
        assertThat(call("recommend", run.toString(), "--user", "u3", "--user", "nobody").out).isEmpty();
        assertThat(call("recommend", run.toString(), "--all", "--user", "u3").err).contains("leave out --user");
        assertThat(call("recommend", run.toString(), "--history", "i1, i2").out)
                .isEqualTo(call("recommend", run.toString(), "--history", "i1,i2").out)
                .contains("history of 2 items");

        Files.write(run.resolve("model/best.safetensors"), new byte[0]);
        assertThat(call("recommend", run.toString(), "--user", "u3").err).contains("--restart", "--checkpoint last");
        assertThat(call("recommend", run.toString(), "--user", "u3", "--checkpoint", "last").exitCode).isZero();
        assertThat(train(run, "ce").err)
                .contains("training is finished, but model/best.safetensors is missing or damaged");
    }

    private static Call train(Path run, String objective, String... options) {
        List<String> args = new ArrayList<>(List.of(
                "train", run.toString(), "--preset", "decoder", "--objective", objective, "--d-model", "8", "--layers",
                "1", "--heads", "1",
                "--head-dim", "8", "--ffn-dim", "8", "--epochs", "1"));
        args.addAll(List.of(options));
        return call(args.toArray(String[]::new));
    }

    private Path copy(Path run, String name) throws IOException {
        Path to = folder.resolve(name);
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : files.toList()) Files.copy(file, to.resolve(run.relativize(file)));
        }
        return to;
    }

    /** Twenty users walk through eight items, each from another place. */
    static String interactions() {
        var s = new StringBuilder("user_id\titem_id\n");
        for (int user = 0; user < 20; user++) {
            for (int i = 0; i < 6; i++) s.append('u').append(user).append("\ti").append((user + i) % 8).append('\n');
        }
        return s.toString();
    }

    /** All of the result but the time it took. */
    private static String afterSeconds(String json) {
        return json.replaceFirst("\"seconds\":[0-9.E-]+", "");
    }

    @Test
    void theRestartPassesOnOutputAndExitCode() throws IOException, InterruptedException {
        Call version = restarted("--version");
        assertThat(version.exitCode).isZero();
        assertThat(version.out).startsWith("beamwright ");
        assertThat(version.err).contains("jdk.incubator.vector"); // Java's own warning that the module is in use
        assertThat(restarted("nonsense").exitCode).isEqualTo(2);
    }

    /** Starts Java as {@code java -jar} would, without the Vector API. */
    private Call restarted(String... args) throws IOException, InterruptedException {
        Path out = folder.resolve("out"), err = folder.resolve("err");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Restart.class.getName()));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        return new Call(process.waitFor(), Files.readString(out), Files.readString(err));
    }

    static Call call(String... args) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        PrintStream usualOut = System.out, usualErr = System.err;
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            return new Call(Main.run(args), out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(usualOut);
            System.setErr(usualErr);
        }
    }
}
