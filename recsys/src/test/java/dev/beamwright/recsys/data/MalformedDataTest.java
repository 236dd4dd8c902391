package dev.beamwright.recsys.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with the input: one line that names the place and the mend, exit code 2, no stack trace. */
class MalformedDataTest {
    /** Six users with six items each, in time order: nothing is lost in the 5-core. */
    private static final String GOOD = good("user_id\titem_id\ttimestamp", "\t");

    @TempDir
    private Path folder;

    /**
     * One thing that can be wrong.
     *
     * @param file the name of the file of interactions
     * @param bytes its content; null for no such file
     * @param items the content of items.tsv; null for none
     * @param message what the one line must say, in parts
     */
    private record Wrong(
            String name,
            String file,
            byte[] bytes,
            String items,
            List<String> options,
            String... message) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Wrong wrong(String name, String file, String text, String... message) {
        return new Wrong(name, file, text.getBytes(UTF_8), null, List.of(), message);
    }

    private static Wrong bytes(String name, String file, byte[] bytes, String... message) {
        return new Wrong(name, file, bytes, null, List.of(), message);
    }

    private static Wrong options(String name, String text, String options, String... message) {
        return new Wrong(name, "d.tsv", text.getBytes(UTF_8), null, List.of(options.split(" ")), message);
    }

    private static Wrong items(String name, String items, String options, String... message) {
        List<String> list = options.isEmpty() ? List.of() : List.of(options.split(" "));
        return new Wrong(name, "d.tsv", GOOD.getBytes(UTF_8), items, list, message);
    }

    private static String good(String header, String separator) {
        StringBuilder s = new StringBuilder(header + "\n");
        for (int u = 1; u <= 6; u++) {
            for (int i = 1; i <= 6; i++) {
                s.append("u" + u + separator + "i" + (1 + (u + i) % 6) + separator + (1000 * u + i) + "\n");
            }
        }
        return s.toString();
    }

    private static String with(String line) {
        return GOOD + line + "\n";
    }

    static Stream<Wrong> wrongs() {
        byte[] gz = gzip(GOOD.repeat(50));
        byte[] damaged = gz.clone();
        Arrays.fill(damaged, 30, 60, (byte) 0x55);
        return Stream.of(
                bytes("no such file", "d.tsv", null, "there is no such file"),
                wrong("empty file", "d.tsv", "", "the file is empty"),
                wrong("blank file", "d.csv", "\n\n  \n", "the file is empty"),
                wrong("header only", "d.tsv", "user_id\titem_id\n", "there are no rows"),
                wrong("no user column", "d.tsv", "who\titem_id\nu\ti\n", "d.tsv:1", "the user", "who", "--user-column"),
                wrong("no item column", "d.csv", "user_id,what\nu,i\n", "d.csv:1", "the item", "what", "--item-column"),
                wrong("no header", "d.tsv", "17\t4\t99\n17\t5\t99\n", "d.tsv:1", "no header", "user_id, item_id"),
                wrong("no header but ids", "d.csv", "A1,B7,5.0,1400000000\nA1,B8,4.0,1400000001\n", "d.csv:1",
                        "no header"),
                wrong("column twice", "d.tsv", "user_id\tuser_id\nu\ti\n", "d.tsv:1", "two columns", "user_id"),
                options("a column that is not there", GOOD, "--user-column member", "d.tsv:1", "'member'", "user_id"),
                options("a time column that is not there", GOOD, "--time-column t", "d.tsv:1", "'t'", "--time-column"),
                wrong("time in words", "d.tsv", with("u1\ti1\tnoon"), "d.tsv:38", "'noon'", "neither a number nor"),
                wrong("time NaN, which is none", "d.tsv", with("u1\ti1\t3\nu1\ti2\tNaN"), "d.tsv:39", "no time"),
                wrong("time infinite", "d.tsv", with("u1\ti1\tInfinity"), "d.tsv:38", "'Infinity'",
                        "neither a number nor"),
                wrong("negative time", "d.tsv", with("u1\ti1\t-5"), "d.tsv:38", "'-5'", "before 1970"),
                wrong("huge time", "d.tsv", with("u1\ti1\t99999999999999999999"), "d.tsv:38", "too large"),
                wrong("no such day", "d.tsv", with("u1\ti1\t2014-02-30"), "d.tsv:38", "'2014-02-30'", "ISO date"),
                wrong("too few fields", "d.tsv", with("u1\ti1"), "d.tsv:38", "2 fields in 'u1 i1' instead of 3"),
                wrong("too many fields", "d.tsv", with("u1\ti1\t5\t5"), "d.tsv:38", "4 fields"),
                wrong("empty user", "d.tsv", with(" \ti1\t5"), "d.tsv:38", "no user in column 'user_id'"),
                wrong("NULL for a user", "d.tsv", with("NULL\ti1\t5"), "d.tsv:38", "no user", "'NULL'"),
                wrong("NaN for an item", "d.tsv", with("u1\tNaN\t5"), "d.tsv:38", "no item", "'NaN'",
                        "--skip-bad-lines"),
                wrong("empty item", "d.tsv", with("u1\t\t5"), "d.tsv:38", "no item in column 'item_id'"),
                wrong("huge id", "d.tsv", with("u".repeat(5000) + "\ti1\t5"), "d.tsv:38", "5000 characters"),
                wrong("open quote", "d.csv", good("user_id,item_id,time", ",") + "u1,\"i1,5\n", "d.csv:38", "quote"),
                wrong("tabs in CSV", "d.csv", GOOD, "d.csv:1", "tabs instead of commas", "--format tsv"),
                wrong("commas in TSV", "d.tsv", good("user_id,item_id,time", ","), "d.tsv:1", "--format"),
                wrong("blanks", "d.txt", good("user_id item_id time", " "), "d.txt:1", "tr -s"),
                wrong("blanks in CSV", "d.csv", good("user_id item_id time", " "), "d.csv:1", "tr -s"),
                bytes("a zip archive", "d.csv", "PK\3\4".getBytes(UTF_8), "d.csv", "unpack it"),
                bytes("Parquet", "d.parquet", "PAR1....".getBytes(UTF_8), "d.parquet", "Parquet"),
                wrong("unknown kind of file", "d.txt", "hello\nworld\n", "d.txt:1", "'hello'", "--format", "recbole"),
                options("unknown format", GOOD, "--format xml", "'xml'", "csv, tsv, jsonl"),
                bytes("Latin-1", "d.tsv", with("ü1\ti1\t5").getBytes(ISO_8859_1), "d.tsv:38", "not UTF-8", "iconv"),
                bytes("UTF-16", "d.tsv", ("\uFEFF" + GOOD).getBytes(UTF_16LE), "d.tsv:1", "not UTF-8"),
                bytes("random bytes", "d.tsv", new byte[] {(byte) 0x93, 'N', 0, (byte) 0xff, 1, 2}, "d.tsv:1", "UTF-8"),
                bytes("truncated gz", "d.tsv.gz", Arrays.copyOf(gz, gz.length / 2), "d.tsv.gz: ", "ends too early"),
                bytes("damaged gz", "d.tsv.gz", damaged, "d.tsv.gz", "damaged gzip", "download it again"),
                bytes("gz in name only", "d.tsv.gz", GOOD.getBytes(UTF_8), "d.tsv.gz", "not compressed by gzip"),
                wrong("broken JSON line", "d.jsonl", "{\"user\":\"a\",\"item\":\"b\"}\n{\"user\":\n", "d.jsonl:2",
                        "JSON"),
                wrong("a number as JSON line", "d.jsonl", "{\"user\":1,\"item\":2}\n3\n", "d.jsonl:2", "'3'", "object"),
                wrong("JSON id that is null", "d.jsonl", "{\"user\":1,\"item\":2}\n{\"user\":null,\"item\":2}\n",
                        "d.jsonl:2", "no user"),
                wrong("JSON id that is an object", "d.jsonl", "{\"user\":1,\"item\":2}\n{\"user\":1,\"item\":{}}\n",
                        "d.jsonl:2", "no item"),
                wrong("Python dictionaries", "d.jsonl", "{'user': 'a', 'item': 'b'}\n", "d.jsonl:1", "Python",
                        "json.dumps"),
                wrong("broken JSON object", "d.json", "{\n\"u1\": [\"a\", \"b\"],\n\"u2\": [\"a\" \"b\"]\n}\n",
                        "d.json:3"),
                wrong("cut JSON object", "d.json", "{\n\"u1\": [\"a\", \"b\"],\n\"u2\": [\"a\",", "d.json:3",
                        "not JSON"),
                wrong("two JSON objects", "d.json", "{\"u\":\n[1,2]}\n{\"v\":[1]}\n", "d.json:3", "--format jsonl"),
                wrong("lists within lists", "d.json", "{\"u\":\n[[1,2],[3]]}\n", "d.json:2", "'[1,2]'", "not an id"),
                wrong("JSON list", "d.json", "[{\"user\":1,\"item\":2}]\n", "d.json:1", "JSON list", "jq -c"),
                wrong("three :: fields", "ratings.dat", "1::2::3::4\n1::3::4\n", "ratings.dat:2", "3 fields"),
                wrong("one item", "d.tsv", "user_id\titem_id\n" + "a\tx\n".repeat(9), "only one item is left ('x')"),
                wrong("one user", "d.tsv", "user_id\titem_id\n" + "a\tx\na\ty\n".repeat(4),
                        "no user and item is left in the 5-core", "--core"),
                options("nothing to ask", "user_id\titem_id\na\tx\na\ty\nb\ty\n", "--core 0",
                        "no user has 3 interactions"),
                options("negative core", GOOD, "--core -1", "--core -1"),
                options("core in words", GOOD, "--core five", "five"),
                options("no ratings", GOOD, "--min-rating 3", "d.tsv:1", "rating", "--rating-column"),
                options("rating in words", "user_id\titem_id\trating\na\tx\tgood\n", "--min-rating 3", "d.tsv:2",
                        "'good'"),
                options("all rated low", "user_id\titem_id\trating\na\tx\t1\n", "--min-rating 3", "all 1 rows",
                        "below 3"),
                options("all lines bad", "user_id\titem_id\na\nb\n", "--skip-bad-lines", "none of its 2 rows",
                        "d.tsv:2"),
                wrong("a time left out in a file out of order", "d.tsv", with("u1\ti1\t3\nu1\ti2\t"), "d.tsv:39",
                        "no time", "--order file"),
                options("order by times that are not there", "user_id\titem_id\na\tx\n", "--order time",
                        "--time-column"),
                options("unknown order", GOOD, "--order random", "'random'", "auto, time, file"),
                options("time split without times", good("user_id\titem_id\tx", "\t"), "--split time", "needs times"),
                options("time split with a time left out", with("u6\ti1\t"), "--split time", "some are empty"),
                options("time split of one moment", GOOD.replaceAll("\t\\d+\n", "\t7\n"), "--split time", "same time"),
                options("shares that leave nothing", GOOD, "--split time --test-share 0.95", "nothing to train on"),
                options("unknown split", GOOD, "--split half", "'half'", "leave-one-out"),
                items("items without rows", "item_id\ttitle\n", "", "items.tsv:1", "no rows"),
                items("items without an id column", "sku\ttitle\ni1\tA\n", "", "items.tsv:1", "'item_id'", "sku"),
                items("items of other data", "item_id\ttitle\nz1\tA\n", "", "items.tsv", "none of its items", "'i3'"),
                items("item without an id", "item_id\ttitle\ni1\tA\n\tB\n", "", "items.tsv:3", "no item"),
                items("no title column", "item_id\ttitle\ni1\tA\n", "--title-column label", "items.tsv:1", "'label'"),
                items("item with a tab in its title", "item_id\ttitle\ni1\tA\tB\n", "", "items.tsv:2", "3 fields"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongs")
    void isToldInOneLine(Wrong wrong) throws IOException {
        Path data = folder.resolve(wrong.file);
        if (wrong.bytes != null) Files.write(data, wrong.bytes);
        List<String> args = new ArrayList<>(List.of("--data", data.toString()));
        if (wrong.items != null) {
            Path items = Files.writeString(folder.resolve("items.tsv"), wrong.items);
            args.addAll(List.of("--items", items.toString()));
        }
        args.addAll(wrong.options);
        assertOneLine(prepare(args), wrong.message);
    }

    @Test
    void folderInsteadOfFile() {
        assertOneLine(prepare(List.of("--data", folder.toString())), "this is a folder");
    }

    private static void assertOneLine(String errors, String... parts) {
        List<String> told = errors.lines()
                .filter(l -> !l.startsWith("reading ") && !l.startsWith("warning: "))
                .toList();
        assertThat(told).hasSize(1);
        assertThat(told.getFirst()).startsWith("beamwright: ").contains(parts);
        assertThat(told.getFirst().length()).isLessThan(700);
    }

    /** What the command says on standard error; it must end with exit code 2 and leave no data behind. */
    private String prepare(List<String> options) {
        Path run = folder.resolve("run");
        List<String> args = new ArrayList<>(List.of("prepare", "--out", run.toString()));
        args.addAll(options);
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(errors, true, UTF_8));
        try {
            assertThat(Main.run(args.toArray(String[]::new))).isEqualTo(2);
        } finally {
            System.setErr(before);
        }
        assertThat(run.resolve("data")).doesNotExist();
        return errors.toString(UTF_8);
    }

    private static byte[] gzip(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
