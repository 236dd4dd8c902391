package dev.beamwright.recsys.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrepareTest {
    @TempDir
    private Path folder;

    private RunFolder run() {
        return new RunFolder(folder.resolve("run"));
    }

    private Path file(String name, String text) {
        try {
            return Files.writeString(folder.resolve(name), text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static PrepareConfig config(Path data, Path items, Order order, int core, Double minRating, boolean skip) {
        return new PrepareConfig(
                data.toString(),
                items == null ? null : items.toString(),
                null,
                null,
                Columns.USUAL,
                order,
                core,
                minRating,
                "leave-one-out",
                0.1,
                0.1,
                skip,
                null);
    }

    private Audit prepare(PrepareConfig config) {
        return Prepare.run(config, run(), Progress.silent());
    }

    private Audit prepare(String text) {
        return prepare(config(file("d.tsv", text), null, Order.AUTO, 0, null, false));
    }

    /** Each user's items by id. */
    private Map<String, List<String>> sequences() {
        Dataset data = Prepared.load(run()).data();
        Map<String, List<String>> sequences = new TreeMap<>();
        for (int u = 0; u < data.users().size(); u++) {
            sequences.put(
                    data.users().get(u),
                    Arrays.stream(data.sequences()[u]).mapToObj(data.items()::get).toList());
        }
        return sequences;
    }

    /** The same four interactions of one user and three of another in every format, out of time order. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock = """
                    d.csv       | user,item,time\\nu,b,20\\nu,a,10\\nv,"c,d",5\\nu,"c,d",30\\nv,a,6\\nv,b,7\\n
                    d.tsv       | user_id\\titem_id\\ttimestamp\\nu\\tb\\t20\\nu\\ta\\t10\\nv\\tc,d\\t5\\nu\\tc,d\\t30\\nv\\ta\\t6\\nv\\tb\\t7\\n
                    bom.tsv     | \uFEFFuser_id\\titem_id\\ttimestamp\\r\\nu\\tb\\t20\\r\\n\\r\\nu\\ta\\t10\\r\\nv\\tc,d\\t5\\r\\nu\\tc,d\\t30\\r\\nv\\ta\\t6\\r\\nv\\tb\\t7\\r\\n
                    d.inter     | user_id:token\\titem_id:token\\ttimestamp:float\\nu\\tb\\t20.0\\nu\\ta\\t1e1\\nv\\tc,d\\t5\\nu\\tc,d\\t30\\nv\\ta\\t6\\nv\\tb\\t7\\n
                    ratings.dat | u::b::1::20\\nu::a::1::10\\nv::c,d::1::5\\nu::c,d::1::30\\nv::a::1::6\\nv::b::1::7\\n
                    reviews.json| {"reviewerID":"u","asin":"b","unixReviewTime":20}\\n{"reviewerID":"u","asin":"a","unixReviewTime":10}\\n{"reviewerID":"v","asin":"c,d","unixReviewTime":5}\\n{"reviewerID":"u","asin":"c,d","unixReviewTime":30}\\n{"reviewerID":"v","asin":"a","unixReviewTime":6}\\n{"reviewerID":"v","asin":"b","unixReviewTime":7}\\n
                    d.json      | {"u": ["a", "b", "c,d"],\\n "v": ["c,d", "a", "b"]}
                    semi.csv    | "User-ID";"ItemID";"Time"\\nu;b;20\\nu;a;10\\nv;c,d;5\\n"u";c,d;30\\nv;a;6\\nv;b;7\\n
                    d.txt       | user_id,item_id,date\\nu,b,2014-02-01\\nu,a,2014-01-31T23:00:00Z\\nv,"c,d",2014-01-01\\nu,"c,d",2014-03-01 10:00:00 UTC\\nv,a,2014-01-02\\nv,b,2014-01-03\\n
                    """)
    void readsEveryFormat(String name, String text) throws IOException {
        String content = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
        Map<String, List<String>> expected = Map.of("u", List.of("a", "b", "c,d"), "v", List.of("c,d", "a", "b"));
        prepare(config(file(name, content), null, Order.AUTO, 0, null, false));
        assertThat(sequences()).isEqualTo(expected);

        Path gz = folder.resolve(name + ".gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gz))) {
            out.write(content.getBytes());
        }
        prepare(config(gz, null, Order.AUTO, 0, null, false));
        assertThat(sequences()).isEqualTo(expected);
    }

    @Test
    void equalTimesKeepTheFilesOrder() {
        Audit audit = prepare("user\titem\ttime\nu\tz\t9\nu\tc\t5\nu\ta\t5\nu\tb\t5\n");
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("c", "a", "b", "z")));
        assertThat(audit.order()).startsWith("by time");
        assertThat(audit.validation().ties()).isEqualTo(1);
        assertThat(audit.test().ties()).isZero();
    }

    @Test
    void someTimesUnknownKeepsAnOrderThatIsSeenToBeOne() {
        Audit audit = prepare("user\titem\ttime\nu\tz\t3\nu\tc\t\nu\ta\t5\nv\tb\t\nv\ta\t\nv\tc\t\n");
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("z", "c", "a"), "v", List.of("b", "a", "c")));
        assertThat(audit.order()).contains("the file's order").contains("4 rows have no time");
        assertThat(audit.unknownTimes()).isEqualTo(4);
        assertThat(Prepared.load(run()).data().times()[0]).containsExactly(3, Dataset.UNKNOWN_TIME, 5);
    }

    @Test
    void rowsWithoutTimeAreBadLinesWhereTheFilesOrderIsNone() {
        String text = "user\titem\ttime\nu\tz\t9\nu\tc\t\nu\ta\t5\nu\tb\t7\n";
        Audit audit = prepare(config(file("d.tsv", text), null, Order.AUTO, 0, null, true));
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("a", "b", "z")));
        assertThat(audit.dropped().badLines()).isEqualTo(1);
        assertThat(audit.order()).startsWith("by time");
    }

    /** Times that nobody asks for need not be readable. */
    @Test
    void orderFileDoesNotReadTimes() {
        prepare(config(file("d.tsv", "user\titem\tDate\nu\tz\t31/01/2014\nu\tc\tx\nu\ta\t\n"), null, Order.FILE, 0,
                null, false));
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("z", "c", "a")));
    }

    @Test
    void columnsThatMayBeTheTimeAreNamedWhereNoneIsKnown() {
        List<String> said = new ArrayList<>();
        Path data = file("d.tsv", "user\titem\trating\twhen\nu\tz\t1\t9\nu\tc\t2\t8\nu\ta\t3\t7\n");
        Prepare.run(config(data, null, Order.AUTO, 0, null, false), run(), Progress.lines(said::add));
        assertThat(said).anySatisfy(s -> assertThat(s).startsWith("warning").contains("if one of when does"));
        said.clear();
        Prepare.run(config(data, null, Order.FILE, 0, null, false), run(), Progress.lines(said::add));
        assertThat(said).noneMatch(s -> s.startsWith("warning"));
    }

    @Test
    void barsSeparateFieldsWhereTheHeaderSaysSo() {
        prepare(config(file("d.txt", "UserId|Item ID|ts\nu|b,c|3\nu|a|1\nu|d|2\n"), null, Order.AUTO, 0, null, false));
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("a", "d", "b,c")));
    }

    @Test
    void orderFileTakesTheFilesOrderWhateverTheTimes() {
        prepare(config(file("d.tsv", "user\titem\ttime\nu\tz\t9\nu\tc\t5\nu\ta\t7\n"), null, Order.FILE, 0, null,
                false));
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("z", "c", "a")));
    }

    @Test
    void dropsDuplicatesLowRatingsAndBadLinesAndCountsThem() {
        Path data = file(
                "d.tsv",
                "user\titem\ttime\trating\nu\ta\t1\t5\nu\tb\t2\t5\nu\ta\t1\t4\nu\tc\tx\t5\nu\td\t3\t2.5\nu\ta\t4\t3\nu\n");
        Audit audit = prepare(config(data, null, Order.AUTO, 0, 3.0, true));
        assertThat(sequences()).isEqualTo(Map.of("u", List.of("a", "b", "a")));
        assertThat(audit.dropped().duplicates()).isEqualTo(1);
        assertThat(audit.dropped().belowRating()).isEqualTo(1);
        assertThat(audit.dropped().badLines()).isEqualTo(2);
        assertThat(audit.dropped().examples()).hasSize(2).first().asString().contains("d.tsv:5: the time 'x'");
        assertThat(audit.repeats()).isEqualTo(1);
        assertThat(audit.test().repeats()).isEqualTo(1); // the target a was in the history
    }

    /** Item z has two users; without it user w has one item; without w item y has one user, and so on. */
    @Test
    void coreGoesOnUntilAllHaveEnough() {
        String text = "user\titem\n" + "u\ta\nu\tb\nv\ta\nv\tb\nx\ta\nx\tb\n" + "w\ta\nw\ty\n" + "q\ty\nq\tz\n";
        Audit audit = prepare(config(file("d.tsv", text + "u\tc\nv\tc\nx\tc\n"), null, Order.AUTO, 3, null, false));
        assertThat(sequences().keySet()).containsExactly("u", "v", "x");
        assertThat(audit.items()).isEqualTo(3);
        assertThat(audit.dropped().coreUsers()).isEqualTo(2);
        assertThat(audit.dropped().coreItems()).isEqualTo(2);
        assertThat(audit.dropped().coreInteractions()).isEqualTo(4);
    }

    @Test
    void leaveOneOutAsksUsersWithThree() {
        Audit audit = prepare("user\titem\nu\ta\nu\tb\nu\tc\nu\td\nv\ta\nv\te\n");
        Prepared p = Prepared.load(run());
        List<String> ids = p.data().items();
        assertThat(p.split().train()[0]).containsExactly(ids.indexOf("a"), ids.indexOf("b"));
        assertThat(p.split().train()[1]).hasSize(2);
        assertThat(p.split().validation()).hasSize(1);
        assertThat(p.split().test()).hasSize(1);
        Case test = p.split().test().getFirst();
        assertThat(test.history()).containsExactly(ids.indexOf("a"), ids.indexOf("b"), ids.indexOf("c"));
        assertThat(test.target()).isEqualTo(ids.indexOf("d"));
        assertThat(audit.test()).isEqualTo(new Audit.Questions(1, null, 0, 1));
        assertThat(audit.trainInteractions()).isEqualTo(4);
    }

    @Test
    void timeSplitCutsAllUsersAtTheSameMoments() {
        StringBuilder s = new StringBuilder("user\titem\ttime\n");
        for (int i = 0; i < 20; i++)
            s.append((i % 2 == 0 ? "u" : "v") + "\ti" + i % 7 + "\t" + (100 + i / 2 * 2) + "\n");
        s.append("late\ti1\t118\nlate\ti2\t118\n");
        PrepareConfig c = new PrepareConfig(
                file("d.tsv", s.toString()).toString(),
                null,
                null,
                null,
                Columns.USUAL,
                Order.AUTO,
                0,
                null,
                "time",
                0.2,
                0.2,
                false,
                null);
        prepare(c);
        Prepared p = Prepared.load(run());
        // 22 interactions: the test part begins at the 17th (time 116), validation at the 13th (time 112)
        for (int[] train : Arrays.copyOf(p.split().train(), 2)) assertThat(train).hasSize(6);
        assertThat(p.split().train()[2]).isEmpty();
        assertThat(p.split().validation()).hasSize(4).allSatisfy(q -> assertThat(q.history()).hasSizeBetween(6, 7));
        assertThat(p.split().test()).hasSize(5); // the first of "late" has no history and is not asked
        assertThat(p.split().test().getLast().history()).hasSize(1);
    }

    @Test
    void itemsGetTitleAndTextButNoCodes() {
        Path data = file("d.tsv", "user_id\titem_id\nu\t1\nu\t2\nu\t3\nu\t4\n");
        Path items = file(
                "i.tsv",
                "item_id\tasin\tname\tprice\timage\tgenre\n1\tB001\t7\" \"single\"\t2.5\thttp://x/a.jpg\tPop|Rock\n"
                        + "2\tB002\tTwo\t3\thttp://x/b.jpg\t\n2\tB002\tagain\t3\t\t\n3\tB003\t\t3\t\t\n9\tB009\tNine\t\t\t\n");
        Audit audit = prepare(config(data, items, Order.AUTO, 0, null, false));
        Dataset d = Prepared.load(run()).data();
        assertThat(d.titles()).containsExactly("7\" \"single\"", "Two", "3", "4");
        assertThat(d.texts()).containsExactly("7\" \"single\" | Pop|Rock", "Two", "", "");
        assertThat(audit.text()).isEqualTo(new Audit.ItemText(List.of("name", "genre"), 2, 2, 1, 1));
    }

    @Test
    void itemsOfAJsonObject() {
        Path data = file("d.json", "{\"0\":\n[0, 1, 2, 1]}");
        Path items = file(
                "i.json",
                "{\n\"0\": {\"title\": \"A\", \"categories\": [[\"x\", \"y\"], [\"z\"]], \"price\": 1.5},\n\"1\": {\"title\": \"B\\tb\"}}");
        prepare(config(data, items, Order.AUTO, 0, null, false));
        Dataset d = Prepared.load(run()).data();
        assertThat(d.titles()).containsExactly("A", "B b", "2");
        assertThat(d.texts()).containsExactly("A | x, y, z", "B b", "");
        assertThat(d.sequences()[0]).containsExactly(0, 1, 2, 1);
    }

    @Test
    void idsSurviveTheRunFolder() {
        String id = "a\\t\\\\b c\u2028\"'";
        Path data = file("d.csv",
                "user,item\n\"u\n\tv\",\"" + id.replace("\"", "\"\"") + "\"\n\"u\n\tv\",2\n\"u\n\tv\",3\n");
        prepare(config(data, null, Order.AUTO, 0, null, false));
        Dataset d = Prepared.load(run()).data();
        assertThat(d.users()).containsExactly("u\n\tv");
        assertThat(d.items()).containsExactly(id, "2", "3");
    }

    @Test
    void bundledDataIsItsTenCore() {
        Audit audit = prepare(PrepareConfig.bundled());
        assertThat(List.of(audit.users(), audit.items(), audit.interactions())).containsExactly(2059, 1099, 44613);
        assertThat(audit.text().withoutTitle()).isZero();
        assertThat(Prepared.audit(run())).usingRecursiveComparison().isEqualTo(audit);
        assertThat(Prepared.load(run()).split().test()).hasSize(2059);
        assertThat(RunInfo.read(run(), "prepare").path("dataHash").path("data").asString()).hasSize(64);
        assertThat(run().config("prepare", PrepareConfig.class)).isEqualTo(PrepareConfig.bundled());
    }

    @Test
    void aRunWithSemanticIdsKeepsItsData() throws IOException {
        String text = "user\titem\nu\ta\nu\tb\nu\tc\n";
        prepare(text);
        Files.createDirectories(run().file("tokens"));
        Files.writeString(run().file("tokens/semantic-ids.json"), "{}");
        assertThat(prepare(text).items()).isEqualTo(3); // the same data again
        assertThatThrownBy(() -> prepare(text + "u\td\n"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("another --out");
        assertThat(Prepared.load(run()).data().items()).hasSize(3);
    }

    @Test
    void otherDataDropsTheOldScoreCard() throws IOException {
        String text = "user\titem\nu\ta\nu\tb\nu\tc\n";
        prepare(text);
        Files.writeString(run().file("scorecard.json"), "{}");
        prepare(text);
        assertThat(run().has("scorecard.json")).isTrue();
        prepare(text + "u\td\n");
        assertThat(run().has("scorecard.json")).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "1365029107, 1365029107000",
        "1365029107000, 1365029107000",
        "978300019.25, 978300019250",
        "1e9, 1000000000000",
        "0, 0",
        "2014-07-23, 1406073600000",
        "2014-07-23 18:30:00, 1406140200000",
        "2014-07-23T18:30:00Z, 1406140200000",
        "2014-07-23T20:30:00+02:00, 1406140200000"
    })
    void timesInManyForms(String text, long milliseconds) {
        assertThat(new Times(null).parse(text)).isEqualTo(milliseconds);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"x", "5d", "0x10", "Infinity", "-1", "1e400", "2014-13-01", "2014-7-1", "1.2.3", "1e20"})
    void otherTextsAreNoTimes(String text) {
        assertThatThrownBy(() -> new Times(null).parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void damagedRunFilesAreTold() throws IOException {
        prepare("user\titem\nu\ta\nu\tb\nu\tc\n");
        Files.writeString(run().file("data/sequences.tsv"), "user_id\titems\ttimes\nu\t0 1 7\t\n");
        assertThatThrownBy(() -> Prepared.load(run()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("item 7")
                .hasMessageContaining("beamwright prepare");
    }
}
