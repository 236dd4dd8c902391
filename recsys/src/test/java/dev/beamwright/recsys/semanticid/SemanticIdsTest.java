package dev.beamwright.recsys.semanticid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The IDs themselves: collisions, files, report. */
class SemanticIdsTest {
    private static final Arena MEMORY = Arena.global();
    private static final int[] ORDER = {4, 3, 2, 1, 0};

    @TempDir
    Path folder;

    /** Items 0, 2 and 4 collide, 1 and 3 do not. */
    private static SemanticIds colliding() {
        return new SemanticIds(new int[] {2, 3}, new int[][] {{0, 1}, {0, 0}, {0, 1}, {1, 2}, {0, 1}});
    }

    @Test
    void anExtraLevelNumbersTheItemsOfAnId() {
        SemanticIds ids = CollisionPolicy.EXTRA_LEVEL.resolve(Quantized.of(colliding()), ORDER);
        assertThat(ids.widths()).containsExactly(2, 3, 3);
        assertThat(ids.codes()).isDeepEqualTo(new int[][] {{0, 1, 2}, {0, 0, 0}, {0, 1, 1}, {1, 2, 0}, {0, 1, 0}});
        SemanticIds distinct = new SemanticIds(new int[] {3}, new int[][] {{0}, {2}});
        assertThat(CollisionPolicy.EXTRA_LEVEL.resolve(Quantized.of(distinct), new int[] {0, 1}))
                .as("no level where nothing collides")
                .isSameAs(distinct);
    }

    @Test
    void reassigningTakesTheNearestFreeCode() {
        Tensor codebook = Tensor.of(MEMORY, Shape.of(3, 1), 0f, 1f, 2f);
        Tensor input = Tensor.of(MEMORY, Shape.of(5, 1), 0.9f, 0f, 1.2f, 2f, 1f);
        SemanticIds ids = CollisionPolicy.REASSIGN.resolve(new Quantized(colliding(), input, codebook), ORDER);
        // 4 comes first and stays; 2 moves to code 2, free under prefix 0; for 0 code 0 is taken by 1: it stays
        assertThat(ids.codes()).isDeepEqualTo(new int[][] {{0, 1}, {0, 0}, {0, 2}, {1, 2}, {0, 1}});
        assertThat(colliding().codes()[2]).as("the input is left alone").containsExactly(0, 1);
        SemanticIds blind = CollisionPolicy.REASSIGN.resolve(Quantized.of(colliding()), ORDER);
        assertThat(blind.codes()[2]).containsExactly(0, 2);
    }

    @Test
    void sharedIdsStay() {
        assertThat(CollisionPolicy.SHARED.resolve(Quantized.of(colliding()), ORDER).codes())
                .isDeepEqualTo(colliding().codes());
    }

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        Path file = folder.resolve("ids.json");
        List<String> items = List.of("B1", "a \"b\"", "ü\t", "4", "5");
        SemanticIdFile.write(file, colliding(), items);
        var read = SemanticIdFile.read(file, items, 0, null);
        assertThat(read.ids().codes()).isDeepEqualTo(colliding().codes());
        assertThat(read.ids().widths()).containsExactly(2, 3);
        assertThat(Files.readString(file)).contains("\n    \"B1\": [0, 1],\n");
        assertThat(Json.readTree(file).get("items").get("ü\t").get(1).intValue()).isEqualTo(1);

        var fewer = SemanticIdFile.read(file, List.of("4", "B1"), 0, null);
        assertThat(fewer.unknown()).isEqualTo(3);
        assertThat(fewer.ids().codes()).isDeepEqualTo(new int[][] {{1, 2}, {0, 1}});
    }

    @Test
    void readsPublishedFiles() throws IOException {
        Path file = Files.writeString(folder.resolve("p.json"), """
                {"0": ["<a_3>", "<b_255>"], "1": ["<a_0>", "<b_7>"], "9": ["<a_1>", "<b_1>"]}""");
        var read = SemanticIdFile.read(file, List.of("2", "1"), 1, null);
        assertThat(read.ids().codes()).isDeepEqualTo(new int[][] {{0, 7}, {3, 255}});
        assertThat(read.ids().widths()).as("the largest code and one").containsExactly(4, 256);
        assertThat(read.unknown()).isEqualTo(1);
        assertThat(SemanticIdFile.read(file, List.of("9", "1"), 0, new int[] {8, 300}).ids().widths())
                .containsExactly(8, 300);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            textBlock = """
                    {"1": ["<a_3>", "<b_1>"], "2": ["<a_4>", "<b_1>"]}; item 2 has the code 4 at level 1, outside the codebook of 4 codes (0 to 3)
                    {"1": ["<a_3>", "<b_1>"]}; no semantic ID for item 2
                    {"1": ["<a_3>", "<b_1>"], "3": ["<a_3>", "<b_1>"]}; 1 IDs belong to no item, is --sid-key-offset right?
                    {"1": ["<a_3>", "<b_1>"], "2": ["<a_3>"]}; item 2 has 1 codes, expected 2
                    {"1": ["<a_3>", "<c_1>"]}; item 1 has "<c_1>" at level 2, expected a number from 0 to 9999999 or "<b_NUMBER>"
                    {"1": ["<a_3>", -1]}; item 1 has -1 at level 2
                    {"1": ["<a_3>", 99999999999]}; item 1 has 99999999999 at level 2
                    {"1": ["<a_3>", 2147483647]}; item 1 has 2147483647 at level 2
                    {"1": ["<a_3>", "<b_99999999>"]}; item 1 has "<b_99999999>" at level 2
                    {"1": ["<a_3>", null]}; item 1 has null at level 2
                    {"1": "<a_3><b_1>"}; item 1 has no list of codes
                    {"1": []}; item 1 has no list of codes
                    {"1": [3, 1], "1": [3, 2]}; not proper JSON
                    {"1": [3, 1], "2": [3,; not proper JSON
                    {}; holds no semantic IDs
                    [1, 2]; expected a JSON object
                    {"format": "other", "items": {}}; has the format "other", expected "beamwright semantic IDs 1"
                    {"format": "beamwright semantic IDs 1", "widths": [4, 4]}; holds no semantic IDs
                    """)
    void refusesWhatDoesNotFit(String json, String message) throws IOException {
        Path file = Files.writeString(folder.resolve("bad.json"), json);
        refused(file, 0, new int[] {4, 4}, message);
    }

    @Test
    void refusesFurther() throws IOException {
        Path file = Files.writeString(folder.resolve("bad.json"), """
                {"format": "beamwright semantic IDs 1", "widths": [4, 0], "items": {"1": [1, 1], "2": [1, 2]}}""");
        refused(file, 0, null, "\"widths\" must be a list of the number of codes of each level");
        Files.writeString(file, "{\"B001\": [1, 1]}");
        refused(file, 1, null, "the key \"B001\" is no number, so the key offset 1 cannot be added");
        Files.writeString(file, "{\"0\": [1, 1], \"00\": [2, 1]}");
        refused(file, 1, null, "two keys name item 1, one of them 00");
        Files.writeString(file, """
                {"format": "beamwright semantic IDs 1", "widths": [4, 2000000000], "items": {"1": [1, 1]}}""");
        refused(file, 0, null, "\"widths\" must be a list of the number of codes of each level");
        refused(folder.resolve("none.json"), 0, null, "there is no such file");
    }

    private static void refused(Path file, int offset, int[] widths, String message) {
        assertThatThrownBy(() -> SemanticIdFile.read(file, List.of("1", "2"), offset, widths))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void codesMustFitTheirWidths() {
        assertThatThrownBy(() -> new SemanticIds(new int[] {2, 2}, new int[][] {{0, 1}, {0, 2}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("item 1 has the codes [0, 2]");
    }

    @Test
    void theReportCounts() {
        SemanticIds ids = colliding(), resolved = CollisionPolicy.EXTRA_LEVEL.resolve(Quantized.of(ids), ORDER);
        SidReport r = SidReport.of(ids, resolved, new int[] {0, 0, 1, 3}, null, Backends.best(), Key.of(1));
        assertThat(r.quantized().distinct()).isEqualTo(3);
        assertThat(r.quantized().collisionRate()).isEqualTo(0.4);
        assertThat(r.quantized().sharedItemRate()).isEqualTo(0.6);
        assertThat(r.quantized().buckets()).containsExactly(new SidReport.Bucket(1, 2), new SidReport.Bucket(3, 1));
        assertThat(r.quantized().recallCeiling().at1()).isCloseTo((1 / 3.0 + 1 / 3.0 + 1 + 1) / 4, within(1e-12));
        assertThat(r.quantized().recallCeiling().at5()).isEqualTo(1);
        assertThat(r.resolved().collisionRate()).isZero();
        assertThat(r.levels().get(0).perplexity())
                .isCloseTo(Math.exp(-0.8 * Math.log(0.8) - 0.2 * Math.log(0.2)), within(1e-12));
        assertThat(r.levels()).extracting(SidReport.Level::used).containsExactly(2, 3, 3);
        assertThat(r.levels()).extracting(SidReport.Level::prefixes).containsExactly(2, 3, 5);
        assertThat(r.text()).contains("verdict: ", "collision rate         0.4000     0.0000");
    }

    @Test
    void theReportComparesPrefixesWithNeighbours() {
        int groups = 20, each = 11; // each item's ten nearest neighbours are the others of its group
        int[][] meant = new int[groups * each][], random = new int[groups * each][];
        float[] values = new float[groups * each];
        for (int i = 0; i < values.length; i++) {
            values[i] = 100 * (i / each) + i % each;
            meant[i] = new int[] {i / each, i % each};
            random[i] = new int[] {i % groups, i / groups};
        }
        Tensor x = Tensor.of(MEMORY, Shape.of(values.length, 1), values);
        int[] widths = {groups, each};
        SidReport good = report(new SemanticIds(widths, meant), x), bad = report(new SemanticIds(widths, random), x);
        assertThat(good.neighbours().get(0).agreement()).isEqualTo(1);
        assertThat(good.neighbours().get(1).agreement()).isZero();
        assertThat(good.neighbours().get(0).chance()).isCloseTo(10 / 219.0, within(1e-12));
        assertThat(good.verdict()).isEqualTo(SidReport.Verdict.GREEN);
        assertThat(bad.verdict()).isEqualTo(SidReport.Verdict.RED);
        assertThat(bad.reasons()).singleElement().asString().contains("the codes do not follow the vectors");
    }

    /** With two first codes half of all neighbours agree by chance, so twice as many is out of reach. */
    @Test
    void fewFirstCodesAreJudgedByTheWayToCertainty() {
        int n = 200;
        int[][] meant = new int[n][], half = new int[n][];
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = i;
            meant[i] = new int[] {2 * i / n, i};
            half[i] = new int[] {Key.of(3).below(i, 2), i};
        }
        Tensor x = Tensor.of(MEMORY, Shape.of(n, 1), values);
        int[] widths = {2, n};
        assertThat(report(new SemanticIds(widths, meant), x).verdict()).isEqualTo(SidReport.Verdict.GREEN);
        assertThat(report(new SemanticIds(widths, half), x).verdict()).isEqualTo(SidReport.Verdict.RED);
    }

    @Test
    void collapsedAndSharedIdsAreRed() {
        int[][] codes = new int[300][];
        for (int i = 0; i < 300; i++) codes[i] = new int[] {0, i % 100};
        SidReport r = report(new SemanticIds(new int[] {100, 100}, codes), null);
        assertThat(r.verdict()).isEqualTo(SidReport.Verdict.RED);
        assertThat(r.reasons().toString()).contains("level 1", "collapsed", "100 % of the items");
        for (int[] c : codes) c[0] = c[1] = 0;
        assertThat(report(new SemanticIds(new int[] {1, 1}, codes), null).reasons().toString())
                .contains("shared IDs limit Recall@10 to 0.033", "300 of 300 items got the same codes");
    }

    private static SidReport report(SemanticIds ids, Tensor vectors) {
        return SidReport.of(ids, ids, new int[0], vectors, Backends.best(), Key.of(1));
    }

    /** Codes with an offset per level, and tokens of a whole vocabulary, are numbered from 0, and that is told. */
    @Test
    void codesOfWhichNearlyAllAreNobodysAreNumberedAnew() {
        int[][] codes = {{3, 256, 2_000_007}, {0, 511, 2_000_000}, {3, 300, 31}};
        List<String> said = new ArrayList<>();
        SemanticIds dense = new SemanticIds(new int[] {256, 512, 2_000_008}, codes).dense(said::add);
        assertThat(dense.widths()).containsExactly(256, 256, 3);
        assertThat(dense.codes()).isDeepEqualTo(new int[][] {{3, 0, 2}, {0, 255, 1}, {3, 44, 0}});
        assertThat(said).hasSize(2);
        assertThat(said.getLast()).contains("level 3 has 2,000,008 codes, of which 3 are used (31 to 2,000,007)");
    }
}
