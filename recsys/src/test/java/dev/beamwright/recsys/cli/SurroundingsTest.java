package dev.beamwright.recsys.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stands around the program: a terminal that obeys, a reader that goes away, a heap that is too small. */
class SurroundingsTest {
    @TempDir
    private Path folder;

    /** Titles with escapes, overrides of direction and half characters reach no terminal as they are, JSON keeps them. */
    @Test
    void noCharacterOfAFileReachesATerminalThatItObeys() throws IOException {
        Path data = folder.resolve("data.tsv"), items = folder.resolve("items.jsonl"), run = folder.resolve("run");
        Files.writeString(data, MainTest.interactions());
        String title = "a\\u001b[31mb\\u202ec\\u009bd\\u0007\\u2066e\\ud800f \\u00e9\\ud83d\\ude80";
        Files.writeString(items, data(title));
        MainTest.Call made = MainTest.call("run", "--data", data.toString(), "--items", items.toString(), "--out",
                run.toString(),
                "--core", "0", "--width", "8", "--layers", "1", "--heads", "1", "--head-dim", "8", "--hidden", "8",
                "--epochs", "1", "--user", "u1");
        assertThat(made.exitCode()).as(made.err()).isZero();
        assertThat(made.out()).contains("a\uFFFD[31mb\uFFFDc\uFFFDd\uFFFD\uFFFDe\uFFFDf \u00e9\uD83D\uDE80");
        MainTest.Call json = MainTest.call("recommend", run.toString(), "--user", "u1", "--json");
        assertThat(json.out()).contains("a\\u001B[31mb\\u202ec\\u009bd");
        MainTest.Call nobody = MainTest.call("recommend", run.toString(), "--user", "\u001b]0;x\u0007\u202e");
        for (String shown : List.of(made.out(), made.err(), json.out(), json.err(), nobody.err())) {
            assertThat(shown).doesNotContainPattern(
                    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]");
        }
        assertThat(MainTest.call("recommend", run.toString(), "--history", ",").err()).contains("--history ','",
                "names no item");
        assertThat(MainTest.call("recommend", run.toString(), "--user", "u1", "-k", "-1").err().lines()).hasSize(1);
        MainTest.Call nofile = MainTest.call("recommend", run.toString(), "--user", "u1", "--eligible", "nofile");
        assertThat(nofile.err().lines()).hasSize(1).first().asString().contains("nofile: there is no such file");
        assertThat(MainTest.call("recommend", run.toString(), "--user", "u1", "--eligible", "/dev/zero").err())
                .contains("/dev/zero: is no regular file");
    }

    private static String data(String title) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < 12; i++) s.append("{\"item_id\":\"i" + i + "\",\"title\":\"" + title + i + "\"}\n");
        return s.toString();
    }

    /** More than was set: a collector keeps a part of -Xmx to itself, so that half of what is advised may be what was set. */
    @Test
    void adviceForMoreMemoryIsMoreThanWasSet() {
        assertThat(Main.outOfMemory("Java heap space", 981L << 20)).contains("heap of 981 MB", "-Xmx2g");
        assertThat(Main.outOfMemory("GC overhead limit exceeded", 64L << 20)).contains("-Xmx1g");
        assertThat(Main.outOfMemory("Java heap space", 2L << 30)).contains("-Xmx4g");
        assertThat(Main.outOfMemory("Cannot reserve 5 bytes of direct buffer memory", 1L << 30))
                .contains("outside of Java's heap", "smaller -Xmx");
    }

    /** With its reader gone a command ends after the part in which it notices. */
    @Test
    void recommendationsForAllEndWithTheirReader() throws IOException {
        Path data = folder.resolve("data.tsv"), run = folder.resolve("run");
        StringBuilder many = new StringBuilder("user\titem\n");
        for (int u = 0; u < 2000; u++) for (int i = 0; i < 4; i++) many.append("u" + u + "\ti" + (u + i) % 12 + "\n");
        Files.writeString(data, many);
        assertThat(
                MainTest.call("prepare", "--data", data.toString(), "--out", run.toString(), "--core", "0").exitCode())
                .isZero();
        assertThat(MainTest.call("tokenize", run.toString()).exitCode()).isZero();
        assertThat(MainTest
                .call("train", run.toString(), "--width", "8", "--layers", "1", "--heads", "1", "--head-dim", "8",
                        "--hidden", "8", "--epochs", "1", "--validation-cases", "20")
                .exitCode()).isZero();
        AtomicInteger writes = new AtomicInteger();
        PrintStream before = System.out;
        System.setOut(new PrintStream(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }

            @Override
            public void write(byte[] b, int from, int count) throws IOException {
                writes.incrementAndGet();
                throw new IOException("Broken pipe");
            }
        }, false, UTF_8));
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream errors = System.err;
        System.setErr(new PrintStream(err, true, UTF_8));
        try {
            assertThat(Main.run("recommend", run.toString(), "--all")).isEqualTo(2);
        } finally {
            System.setOut(before);
            System.setErr(errors);
        }
        assertThat(err.toString(UTF_8)).contains("its reader has gone").doesNotContain("recommending 2,000");
    }
}
