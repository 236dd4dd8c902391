package dev.beamwright.recsys.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files as spreadsheets, data frames, data bases and other programs write them: read as meant, or refused, or told. */
class UsersFilesTest {
    private static final long T = 1_700_000_000;

    @TempDir
    private Path folder;

    private final List<String> said = new ArrayList<>();

    /** What was made of a file: the audit, and each user's items by id. */
    private record Read(Audit audit, Map<String, List<String>> sequences, Dataset data) {}

    private Read read(String name, byte[] bytes, byte[] items, boolean skip, Columns columns) {
        try {
            Path data = Files.write(folder.resolve(name), bytes), file = folder.resolve("items.csv");
            if (items != null) Files.write(file, items);
            PrepareConfig c = new PrepareConfig(data.toString(), items == null ? null : file.toString(), null, null,
                    columns, Order.AUTO, 0, null, "leave-one-out", 0.1, 0.1, skip, null);
            RunFolder run = new RunFolder(folder.resolve("run"));
            Audit audit = Prepare.run(c, run, Progress.lines(said::add));
            Dataset d = Prepared.load(run).data();
            assertThat(Prepared.audit(run)).usingRecursiveComparison().isEqualTo(audit);
            Map<String, List<String>> sequences = new TreeMap<>();
            for (int u = 0; u < d.users().size(); u++) {
                sequences.put(d.users().get(u), Arrays.stream(d.sequences()[u]).mapToObj(d.items()::get).toList());
            }
            return new Read(audit, sequences, d);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Read read(String name, String text) {
        return read(name, text.getBytes(UTF_8), null, false, Columns.USUAL);
    }

    private Read skipping(String name, byte[] bytes) {
        return read(name, bytes, null, true, Columns.USUAL);
    }

    /** Two users with three items each; {0} is the user, {1} the item, {2} the time, rising from row to row. */
    private static String rows(String header, String row) {
        StringBuilder s = new StringBuilder(header).append('\n');
        for (int u = 0; u < 2; u++) {
            for (int i = 0; i < 3; i++) {
                s.append(row.replace("{0}", "u" + u).replace("{1}", "i" + i).replace("{2}", "" + (T + 10 * i)));
                s.append('\n');
            }
        }
        return s.toString();
    }

    private static final Map<String, List<String>> EXPECTED =
            Map.of("u0", List.of("i0", "i1", "i2"), "u1", List.of("i0", "i1", "i2"));

    // ---- how fields are written

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '~', textBlock = """
            r.tsv      ! "user_id"\\t"item_id"\\t"timestamp"      ! "{0}"\\t"{1}"\\t{2}
            pandas.tsv ! user_id\\titem_id\\ttimestamp            ! {0}\\t"{1}"\\t{2}
            blank.csv  ! user_id, item_id, timestamp              ! "{0}", "{1}", {2}
            blanks.csv ! "user_id" , "item_id" , "timestamp"      ! "{0}" , "{1}" , "{2}"
            excel.csv  ! sep=;\\nuser_id;item_id;timestamp        ! {0};{1};{2}
            excel2.csv ! \uFEFF"sep=|"\\nuser_id|item_id|timestamp ! {0}|{1}|{2}
            comma.csv  ! user_id;item_id;"note, if any";timestamp ! {0};{1};x;{2}
            bars.csv   ! user_id|item_id|"a, b; c, d; e"          ! {0}|{1}|x
            nbsp.csv   ! user_id\u00A0,\u200Bitem_id,timestamp    ! {0}\u00A0,\u200B{1},\u2007{2}\u202F
            marks.csv  ! user_id,item_id\uFEFF,timestamp          ! \u200E{0},\uFEFF{1}\u200F,{2}
            soft.tsv   ! user_id\\titem_id                        ! u\u00AD{0}\u2060\\t{1}
            cr.csv     ! user_id,item_id,timestamp\\r             ! {0},{1},{2}\\r
            inter.inter! user_id:token\\titem_id:token            ! "{0}"\\t"{1}"
            """)
    void fieldsAreReadAsTheyAreMeant(String name, String header, String row) {
        String text = rows(header, row.replace("u\u00AD{0}", "{0}\u00AD")).replace("\\t", "\t").replace("\\n", "\n")
                .replace("\\r", "\r");
        assertThat(read(name, text).sequences).isEqualTo(EXPECTED);
    }

    @Test
    void idsThatLookAlikeAreOneAndThatIsTold() {
        Read read = read("d.csv", "user_id,item_id\nu,a\nu\u200B,b\nu\u00A0,c\n");
        assertThat(read.sequences).isEqualTo(Map.of("u", List.of("a", "b", "c")));
        assertThat(said).anyMatch(s -> s.contains("2 ids had characters that are not seen"));
    }

    @Test
    void aSeparatorThatIsNotTheHeadersIsNamed() {
        assertThatThrownBy(() -> read("d.csv", "user_id,item_id\nu;a\nu;b\nu;c\n"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("separated by commas");
    }

    @Test
    void columnsAreFoundInSmallAndCapitalLetters() {
        Columns c = new Columns("USER", "Item", null, null, "TITLE", "sku", null);
        byte[] items = "sku,title\ni0,Zero\ni1,One\n".getBytes(UTF_8);
        Read read = read("d.csv", rows("User,ITEM", "{0},{1}").getBytes(UTF_8), items, false, c);
        assertThat(read.sequences).isEqualTo(EXPECTED);
        assertThat(read.data.titles()).containsExactly("Zero", "One", "i2");
    }

    // ---- nothing

    @ParameterizedTest
    @ValueSource(
            strings = {
                "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "None", "NONE", "null", "Null", "NULL", "nil",
                "\\N",
                "undefined", "\u00A0", "\u200B"
            })
    void wordsForNothingAreNoUsersItemsTimesTitlesOrTexts(String nothing) {
        String good = rows("user_id,item_id,timestamp", "{0},{1},{2}");
        Read skipped = skipping("d.csv", (good + nothing + ",i0,5\nu0," + nothing + ",5\n").getBytes(UTF_8));
        assertThat(skipped.sequences).isEqualTo(EXPECTED);
        assertThat(skipped.audit.dropped().badLines()).isEqualTo(2);
        assertThatThrownBy(() -> read("d.csv", good + nothing + ",i0,5\n"))
                .hasMessageContainingAll("d.csv:8", "no user", "--skip-bad-lines");
        assertThat(read("d.csv", good + "u0,i3," + nothing + "\n").audit.unknownTimes()).isEqualTo(1);
        byte[] items = ("item_id,title,text\ni0," + nothing + "," + nothing + "\ni1,One," + nothing
                + "\ni2," + nothing + ",some words\n").getBytes(UTF_8);
        Read read = read("d.csv", good.getBytes(UTF_8), items, false, Columns.USUAL);
        assertThat(read.data.titles()).containsExactly("i0", "One", "i2");
        assertThat(read.data.texts()).containsExactly("", "One", "some words");
        assertThat(read.audit.text().withoutTitle()).isEqualTo(2);
    }

    // ---- JSON

    /** Ids are what stands in the file, digit by digit: Double.toString would make them one, and 1.0E7. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "76561197960265728.0", "76561197960265729.0", "10000000.0", "1e7", "1E+7", "0.10",
                "123456789012345678901234567890", "-0"
            })
    void idsAreTheTextOfTheFile(String id) {
        String text = "";
        for (int i = 0; i < 3; i++) text += "{\"user_id\": " + id + ", \"item_id\": " + (i == 0 ? id : "" + i) + "}\n";
        assertThat(read("d.jsonl", text).sequences).isEqualTo(Map.of(id, List.of(id, "1", "2")));
        assertThat(read("d.json", "{\"u\":\n[" + id + ", 1, 2]}").sequences)
                .isEqualTo(Map.of("u", List.of(id, "1", "2")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"$date": "2023-11-14T22:13:2#Z"}
            {"$date": 170000000#000}
            {"$date": {"$numberLong": "170000000#000"}}
            {"$numberLong": "170000000#"}
            {"$numberDouble": "170000000#.5"}
            {"$timestamp": {"t": 170000000#, "i": 1}}
            {"seconds": 170000000#, "nanos": 5}
            {"_seconds": 170000000#, "_nanoseconds": 0}
            {"seconds": {"$numberLong": "170000000#"}, "nanos": 0}
            {"date": "2023-11-14 22:13:2#.000000", "timezone_type": 3, "timezone": "UTC"}
            {"value": "2023-11-14T22:13:2#"}
            170000000#
            170000000#000
            170000000#000000
            170000000#000000000
            170000000#.25
            1.70000000#E9
            "2023-11-14T22:13:2#Z"
            "2023-11-14T22:13:2#+0000"
            "2023-11-14 22:13:2# UTC"
            "2023-11-14T23:13:2#.123456789+01:00"
            [2023, 11, 14, 22, 13, 2#]
            2023111422132#
            """)
    void timesAreReadInTheUsualForms(String time) {
        String text = "";
        for (int i : new int[] {2, 0, 1}) {
            text += "{\"user_id\": \"u\", \"item_id\": \"i" + i + "\", \"timestamp\": " + time.replace("#", "" + i)
                    + "}\n";
        }
        Read read = read("d.jsonl", text);
        assertThat(read.sequences).isEqualTo(Map.of("u", List.of("i0", "i1", "i2")));
        assertThat(read.data.times()[0]).containsExactly(T, T + 1, T + 2);
    }

    @Test
    void objectsThatAreNoTimeAreToldAndTheirPartsCanBeNamed() {
        String text = "";
        for (int i : new int[] {2, 0, 1}) {
            text += "{\"user_id\": \"u\", \"item_id\": \"i" + i + "\", \"timestamp\": {\"from\": " + (T + i)
                    + ", \"to\": 9}}\n";
        }
        assertThat(read("d.jsonl", text).audit.order()).contains("it has no times");
        assertThat(said).anySatisfy(s -> assertThat(s).contains("warning", "'timestamp' holds objects", "from"));
        Columns named = new Columns(null, null, "timestamp.from", null, null, null, null);
        assertThat(read("d.jsonl", text.getBytes(UTF_8), null, false, named).sequences)
                .isEqualTo(Map.of("u", List.of("i0", "i1", "i2")));
    }

    @Test
    void pythonsNaNIsNothing() {
        String text = rows("{\"user_id\":\"u0\",\"item_id\":\"i\",\"price\":NaN,\"timestamp\":-Infinity}",
                "{\"user_id\":\"{0}\",\"item_id\":\"{1}\",\"price\":Infinity}");
        assertThatThrownBy(() -> read("d.jsonl", text)).hasMessageContaining("'-Infinity'");
        assertThat(read("d.jsonl", text.replace("-Infinity", "NaN")).sequences.get("u0")).hasSize(4);
        assertThatThrownBy(() -> read("d.jsonl", "{\"user_id\":NaN,\"item_id\":1}\n"))
                .hasMessageContaining("no user");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\ud800", "x\\udc00y", "\\u0000"})
    void idsThatAreNoTextAreRefused(String id) {
        String row = "{\"user_id\":\"u\",\"item_id\":\"" + id + "\"}\n";
        assertThatThrownBy(() -> read("d.jsonl", row)).isInstanceOf(UserError.class).hasMessageContaining("d.jsonl:1");
        String good = "{\"user_id\":\"u\",\"item_id\":\"a\"}\n{\"user_id\":\"u\",\"item_id\":\"b\"}\n"
                + "{\"user_id\":\"u\",\"item_id\":\"\\ud83d\\ude00\"}\n";
        assertThat(skipping("d.jsonl", (good + row).getBytes(UTF_8)).sequences)
                .isEqualTo(Map.of("u", List.of("a", "b", "\uD83D\uDE00")));
    }

    // ---- lines that cannot be read

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '~', textBlock = """
            a.csv   ! user_id,item_id,note ! {0},{1},x              ! u1,i1,"7" inch"
            b.csv   ! user_id,item_id,note ! {0},{1},x              ! u1,"i1,x
            c.csv   ! user_id,item_id,note ! "{0}","{1}","x"        ! "u1","i1","say \\"no\\""
            d.csv   ! user_id,item_id,note ! "{0}","{1}","x"        ! "u1,"i1","x"
            e.csv   ! user_id,item_id      ! {0},{1}                ! u1,caf\u00E9
            f.tsv   ! user_id\\titem_id    ! {0}\\t{1}              ! u1\\t\u00FF\u00FE
            g.tsv   ! user_id\\titem_id    ! {0}\\t{1}              ! u1\\ti\\0
            h.jsonl !                      ! {"user":"{0}","item":"{1}"} ! {"user":"u1","item":"caf\u00E9"}
            i.jsonl !                      ! {"user":"{0}","item":"{1}"} ! {"user":"u1","item":
            j.jsonl !                      ! {"user":"{0}","item":"{1}"} ! {"user":"u1","item":"a"}{}
            k.dat   ! u0::i0::1::5         ! {0}::{1}::1::5         ! u1::i1
            """)
    void everyBadLineIsPassedOverAlone(String name, String header, String row, String bad) {
        String good = rows(header == null ? "" : header, row),
                h = name.equals("k.dat") ? good.substring(good.indexOf('\n') + 1) : good;
        int middle = h.indexOf('\n', h.length() / 2) + 1;
        byte[] text = (h.substring(0, middle) + bad + "\n" + h.substring(middle) + bad + "\n")
                .replace("\\t", "\t").replace("\\0", "\0").replace("\\\\", "\\").getBytes(ISO_8859_1);
        Read read = skipping(name, text);
        assertThat(read.sequences).isEqualTo(EXPECTED);
        assertThat(read.audit.dropped().badLines()).isEqualTo(2);
        assertThat(read.audit.dropped().examples()).hasSize(2).allMatch(s -> s.contains(name + ":"));
        assertThatThrownBy(() -> read(name, text, null, false, Columns.USUAL))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--skip-bad-lines");
    }

    @Test
    void aQuotedFieldMayHaveLineEnds() {
        Read read = read("d.csv", "user_id,item_id,note\nu0,i0,\"a\nb \"\"c\"\"\n\nd\"\nu0,i1,\nu0,\"i\n2\",x\n");
        assertThat(read.sequences).isEqualTo(Map.of("u0", List.of("i0", "i1", "i\n2")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-32LE"})
    void wideTextIsKnownWithoutAMark(String charset) {
        byte[] text = rows("user_id,item_id,timestamp", "{0},{1},{2}").getBytes(Charset.forName(charset));
        assertThatThrownBy(() -> read("d.csv", text, null, false, Columns.USUAL))
                .isInstanceOf(UserError.class)
                .hasMessageContainingAll("d.csv:1", charset, "iconv -f " + charset.toLowerCase(), "user_id");
    }

    @Test
    void anEndlessLineIsCutAndTold() {
        String good = rows("user_id,item_id", "{0},{1}");
        byte[] text = (good + "u1," + "x".repeat(Lines.LONGEST) + "\nu1,i3\n").getBytes(UTF_8);
        assertThatThrownBy(() -> read("d.csv", text, null, false, Columns.USUAL))
                .hasMessageContainingAll("d.csv:8", "more than 16777216 characters");
        assertThat(skipping("d.csv", text).sequences.get("u1")).containsExactly("i0", "i1", "i2", "i3");
    }

    // ---- times, judged as a column

    private static String timed(String header, String... rows) {
        return header + "\n" + String.join("\n", rows) + "\n";
    }

    @Test
    void hoursOfTheDayLoseAgainstDates() {
        Read read = read("d.csv", timed("user_id,item_id,date,time", "u,a,2023-01-01,20", "u,b,2023-01-02,5",
                "u,c,2023-01-03,11"));
        assertThat(read.sequences.get("u")).containsExactly("a", "b", "c");
        assertThat(read.audit.times().column()).isEqualTo("date");
        assertThat(read.audit.times().first()).isEqualTo(1672531200);
        assertThat(read.audit.times().notes().getFirst()).contains("'time' is not taken", "1970-01-01 00:00:05");
        assertThat(read.audit.table()).contains("times            column 'date', 2023-01-01 to 2023-01-03 (UTC)");
    }

    @Test
    void aDayAndATimeOfDayAreOneTime() {
        Read read = read("d.csv", timed("user_id,item_id,date,time", "u,c,2023-01-02,5:00", "u,b,2023-01-01,20:15:30",
                "u,a,2023-01-01,08:00"));
        assertThat(read.sequences.get("u")).containsExactly("a", "b", "c");
        assertThat(read.audit.times().column()).isEqualTo("date and time");
    }

    @Test
    void numbersThatAreNoDatesAreTakenAsAnOrderAndTold() {
        Read read = read("d.csv", timed("user_id,item_id,hour_of_day,time", "u,a,1,3", "u,b,1,2", "u,c,1,23"));
        assertThat(read.sequences.get("u")).containsExactly("b", "a", "c");
        assertThat(said).anySatisfy(s -> assertThat(s)
                .contains("warning", "1970-01-01 00:00:02 to 1970-01-01 00:00:23", "hardly be meant"));
        said.clear();
        read("d.csv", timed("user_id,item_id,time", "u,a,17000000000", "u,b,17000000010", "u,c,17000000020"));
        assertThat(said).anyMatch(s -> s.contains("warning") && s.contains("2508-09-16"));
    }

    @Test
    void zeroAmongDatesIsUnknown() {
        String text = timed("user_id,item_id,timestamp", "u,a," + T, "u,b," + (T + 1), "u,c,0");
        Read read = read("d.csv", text);
        assertThat(read.sequences.get("u")).containsExactly("a", "b", "c");
        assertThat(read.audit.unknownTimes()).isEqualTo(1);
        assertThat(read.audit.times().notes().getFirst()).contains("1 times are 0");
        assertThatThrownBy(() -> read("d.csv", text + "u,d," + (T - 5) + "\n"))
                .hasMessageContainingAll("d.csv:4", "no time");
    }

    @Test
    void aConstantLosesAndATimeFarFromAllOthersIsTold() {
        String rows = IntStream.range(0, 40)
                .mapToObj(i -> "u,i" + i + ",2023-01-01," + (T + i))
                .collect(Collectors.joining("\n"));
        Read read = read("d.csv", "user_id,item_id,timestamp,ts\n" + rows + "\nu,z,2023-01-01,17000000");
        assertThat(read.audit.times().column()).isEqualTo("ts");
        assertThat(read.audit.times().notes())
                .anyMatch(s -> s.contains("'timestamp' is not taken for the time: it is always 2023-01-01"))
                .anyMatch(s -> s.contains("1 times are far from all others") && s.contains("line 42"));
        assertThat(
                read("d.csv", timed("user_id,item_id,date", "u,a,2023-01-01", "u,b,2023-01-01", "u,c,2023-01-01")).audit
                        .times().notes().getFirst())
                .contains("always 2023-01-01", "file's order");
    }

    @Test
    void aColumnThatCannotBeReadLosesAndAFormatCanBeGiven() {
        String text = timed("user_id,item_id,time,ts", "u,a,31/12/2022," + T, "u,b,01/01/2023," + (T - 1),
                "u,c,01/02/2023," + (T - 2));
        assertThat(read("d.csv", text).sequences.get("u")).containsExactly("c", "b", "a");
        Columns named = new Columns(null, null, "Time", null, null, null, "dd/MM/yyyy");
        assertThat(read("d.csv", text.getBytes(UTF_8), null, false, named).sequences.get("u"))
                .containsExactly("a", "b", "c");
        Columns wrong = new Columns(null, null, "time", null, null, null, "QQQQQQQQ{");
        assertThatThrownBy(() -> read("d.csv", text.getBytes(UTF_8), null, false, wrong))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--time-format");
    }

    @Test
    void aTimeThatCannotBeReadDropsItsRowAlone() {
        Read read = skipping("d.csv", timed("user_id,item_id,date", "x,y,noon", "u,a,2023-01-03", "u,b,2023-01-02",
                "u,c,2023-01-01", "u,q,31/12/2022").getBytes(UTF_8));
        assertThat(read.sequences).isEqualTo(Map.of("u", List.of("c", "b", "a")));
        assertThat(read.data.items()).containsExactly("a", "b", "c");
        assertThat(read.audit.dropped().badLines()).isEqualTo(2);
    }

    @Test
    void basketsGetAdviceAndDensityCountsPairsOnce() {
        Read read = read("d.csv", timed("user_id,item_id,timestamp", "u,a," + T, "u,b," + T, "u,c," + T, "u,a,"
                + (T - 1), "u,a," + (T - 2), "u,a," + (T - 3)));
        assertThat(read.audit.table()).contains("advice", "baskets", "--split time");
        assertThat(read.audit.density()).isEqualTo(1);
        assertThat(read.audit.table()).contains("density 100.000 %");
    }
}
