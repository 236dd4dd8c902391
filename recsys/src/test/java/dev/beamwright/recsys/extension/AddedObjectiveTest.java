package dev.beamwright.recsys.extension;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Objectives;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** An objective is one class and one line: {@link FirstCode} and {@link TopOnly} are no more than that. */
class AddedObjectiveTest {
    @TempDir
    private Path folder;

    @Test
    void anAddedObjectiveIsChosenByNameStoredTrainedAndExplained() throws IOException {
        Path data = folder.resolve("data.tsv");
        var s = new StringBuilder("user_id\titem_id\n");
        for (int u = 0; u < 20; u++) for (int i = 0; i < 6; i++) s.append("u" + u + "\ti" + (u + i) % 8 + "\n");
        Files.writeString(data, s);
        var run = new RunFolder(folder.resolve("run"));
        Prepare.run(PrepareConfig.of(data, null), run, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
        String first = call(
                "train", run.root().toString(), "--objective", "first-code", "-P", "first-weight=3", "--d-model", "8",
                "--layers", "1", "--heads", "1", "--head-dim", "8", "--epochs", "1");
        assertThat(first).contains("objective first-code, first-weight 3", "trained 1 epochs");
        JsonNode stored = Json.readTree(run.file("config/train.json")).path("objective");
        assertThat(Json.line(stored)).isEqualTo("{\"name\":\"first-code\",\"firstWeight\":3.0}");
        String second = folder.resolve("second").toString();
        assertThat(call("train", second, "--objective", "top-only", "--from", run.root().toString(), "--steps", "1"))
                .contains("top-only from", "1 steps; validation");

        assertThat(call("train", "--help")).contains("first-code", "a wrong first item made less likely");
        assertThat(call("train", "--help-objective", "first-code"))
                .contains("first-weight * nll_1", "first-weight  2  weight of the first code");
    }

    /** What is stored is what was asked for, for all of them. */
    @Test
    void everyObjectiveGoesThroughJsonAndText() {
        for (Objective o : Objectives.ALL) {
            String json = Json.line(o);
            assertThat(json).startsWith("{\"name\":\"" + o.name() + "\"");
            assertThat(Json.mapper().readValue(json, Objective.class)).isEqualTo(o);
            assertThat(Objectives.with(o, Map.of())).isEqualTo(o);
            assertThat(Parameter.of(o)).allSatisfy(p -> assertThat(p.help()).isNotEmpty());
            for (var preset : o.presets()) assertThat(preset.objective()).hasSameClassAs(o);
        }
        assertThat(Json.mapper().readValue("{\"name\":\"first-code\",\"firstWeight\":5}", TargetObjective.class))
                .isEqualTo(new FirstCode(5));
    }

    @Test
    void whatDoesNotFitIsRefusedInOneLine() {
        refused("bear", Map.of("widht", "3"), "-P widht=3: bear has no parameter 'widht'; did you mean width?"
                + " (it has lambda, xi, width, form, detached, tau)");
        refused("ce", Map.of("lambda", "3"), "-P lambda=3: ce has no parameter 'lambda' (it has tau)");
        refused("sft", Map.of("kl", "1"), "-P kl=1: sft has no parameter 'kl' (it has none)");
        refused("bear", Map.of("lambda", "much"), "-P lambda=much: give a number");
        refused("bear", Map.of("width", "2.5"), "-P width=2.5: give a number without a fraction");
        refused("bear", Map.of("form", "poem"), "-P form=poem: choose from paper, code");
        refused("bear", Map.of("lambda", "-1"), "bear: lambda must be from 0 to below 1000, got -1");
        refused("bear", Map.of("detached", "false"),
                "-P detached=false: has no effect without form=paper; leave it out");
        refused("ugr", Map.of("lambda-wrong", "0", "confidence-rate", "1"),
                "-P confidence-rate=1: has no effect without a confidence (lambda-wrong); leave it out");
        assertThatThrownBy(() -> Objectives.named("brea")).isInstanceOf(UserError.class)
                .hasMessageStartingWith("there is no objective 'brea'; did you mean bear? (there are ce, msl, ");
    }

    private static void refused(String objective, Map<String, String> parameters, String message) {
        assertThatThrownBy(() -> Objectives.with(Objectives.named(objective), parameters))
                .isInstanceOf(UserError.class)
                .hasMessage(message);
    }

    /** What a command printed, both ways. */
    private static String call(String... args) {
        var text = new ByteArrayOutputStream();
        PrintStream out = System.out, err = System.err, both = new PrintStream(text, true, StandardCharsets.UTF_8);
        try {
            System.setOut(both);
            System.setErr(both);
            dev.beamwright.recsys.cli.Main.run(args);
            return text.toString(StandardCharsets.UTF_8);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }
}
