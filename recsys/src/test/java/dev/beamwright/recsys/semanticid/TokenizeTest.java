package dev.beamwright.recsys.semanticid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.io.Npy;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizeTest {
    @TempDir
    static Path folder;

    private static RunFolder run;
    private static List<String> items;

    @BeforeAll
    static void prepare() {
        run = new RunFolder(folder.resolve("run"));
        Prepare.run(PrepareConfig.bundled(), run, Progress.silent());
        items = Prepared.load(run).data().items();
    }

    @Test
    void tokenizesTheBundledData() throws IOException {
        SidReport report = Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
        assertThat(report.items()).isEqualTo(1099);
        assertThat(report.resolved().distinct()).isEqualTo(1099);
        assertThat(report.quantized().collisionRate()).isBetween(0.01, 0.4);
        assertThat(report.neighbours().getFirst().agreement()).isGreaterThan(0.3);
        assertThat(report.verdict()).isNotEqualTo(SidReport.Verdict.RED);
        assertThat(Json.read(run.file("tokens/report.json"), SidReport.class)).isEqualTo(report);
        assertThat(run.config("tokenize", TokenizeConfig.class).codes().codebookSizes()).containsExactly(64, 64, 64);
        assertThat(Npy.read(run.file("tokens/vectors.npy"), Arena.global()).shape()).isEqualTo(Shape.of(1099, 128));
        SemanticIds ids = SemanticIds.load(run, items);
        assertThat(ids.distinct()).isEqualTo(1099);
        assertThat(ids.levels()).isEqualTo(4);

        TokenizeConfig small = config("text+collaborative", "residual-kmeans", null, null, null, null);
        Tokenize.run(small, run, Progress.silent());
        byte[] first = Files.readAllBytes(run.file("tokens/semantic-ids.json"));
        Tokenize.run(small, run, Progress.silent());
        assertThat(Files.readAllBytes(run.file("tokens/semantic-ids.json"))).isEqualTo(first);

        Path copy = Files.copy(run.file("tokens/semantic-ids.json"), folder.resolve("copy.json"));
        Tokenize.run(config("text", "residual-kmeans", null, null, null, copy.toString()), run, Progress.silent());
        assertThat(Files.readAllBytes(run.file("tokens/semantic-ids.json"))).isEqualTo(first);
    }

    @Test
    void keepsTheIdsThatAModelWasTrainedOn() throws IOException {
        TokenizeConfig two = config("text", "random", 2, null, null, null);
        Tokenize.run(two, run, Progress.silent());
        byte[] ids = Files.readAllBytes(run.file("tokens/semantic-ids.json"));
        Path model = run.file("model/last.safetensors");
        Json.write(model, List.of());
        try {
            Tokenize.run(two, run, Progress.silent());
            refused(config("text", "random", 3, null, null, null),
                    "has a model that was trained on other semantic IDs");
            assertThat(Files.readAllBytes(run.file("tokens/semantic-ids.json"))).isEqualTo(ids);
        } finally {
            Files.delete(model);
        }
    }

    @Test
    void randomCodesAreTheControl() {
        SidReport report = Tokenize.run(config("text", "random", 2, null, "reassign", null), run, Progress.silent());
        assertThat(report.resolved().distinct()).isEqualTo(1099);
        assertThat(report.verdict()).isEqualTo(SidReport.Verdict.RED);
    }

    @Test
    void refusesSettingsThatDoNotFit() {
        refused(config("words", "random", null, null, null, null), "there are no vectors 'words'");
        refused(config("text", "kmeans", null, null, null, null), "there is no quantizer 'kmeans'");
        refused(config("text", "random", null, null, "ignore", null), "there is no collision policy 'ignore'");
        refused(config("text", "random", 2, new int[] {4, 4, 4}, null, null),
                "--levels 2 does not fit --codebook-sizes with 3");
        refused(config("text", "random", 0, null, null, null), "1 to 16 levels, not 0");
        refused(config("text", "random", null, new int[] {4, 0}, null, null), "1 to 65536 codes, not 0");
        refused(config("none.npy", "random", null, null, null, null), "none.npy: there is no such file");
        refused(config("text", "random", null, null, null, "none.json"), "none.json: there is no such file");
    }

    @Test
    void widthsFollowTheNumberOfItems() {
        assertThat(IntStream.of(2, 100, 1000, 5000, 8192, 8193, 1_000_000).map(TokenizeConfig::codebookSizeFor))
                .containsExactly(4, 16, 64, 128, 128, 256, 256);
    }

    private static TokenizeConfig config(
            String vectors, String quantizer, Integer levels, int[] widths, String collisions, String sids) {
        return new TokenizeConfig(
                new TokenizeConfig.Vectors(vectors, 8, 8, 1, 5),
                new TokenizeConfig.Codes(quantizer, false, null, levels, widths, collisions), 1, sids, 0);
    }

    private static void refused(TokenizeConfig config, String message) {
        assertThatThrownBy(() -> Tokenize.run(config, run, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
    }
}
