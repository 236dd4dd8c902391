package dev.beamwright.recsys.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every file that the program reads, users' and its own, damaged at random: it is read, or refused in one line with exit
 * code 2; never a stack trace, never an end that does not come. The same seed damages in the same way.
 *
 * <p>{@code -Dbeamwright.damaged=20000} tries as many, {@code -Dbeamwright.damaged.seed} from that number on.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DamagedFilesTest {
    private static final int INPUTS = Integer.getInteger("beamwright.damaged", 300);
    private static final int SEED = Integer.getInteger("beamwright.damaged.seed", 1);
    private static final int SECONDS = 60; // none of these files is worth that

    private Path folder;

    /** A file and the commands that read it, each with words of which RUN is the run and FILE the file. */
    private record Target(String file, List<String> commands) {}

    private final List<Target> targets = new ArrayList<>();
    private Path run; // a run of which every stage is done; copied before it is damaged

    @BeforeAll
    void makeEveryFile(@TempDir Path folder) throws IOException {
        this.folder = folder;
        run = folder.resolve("run");
        for (var e : usersFiles().entrySet()) {
            Files.write(folder.resolve(e.getKey()), e.getValue());
            String kind = e.getKey().startsWith("items")
                    ? "prepare --data " + folder.resolve("data.tsv") + " --items FILE"
                    : "prepare --data FILE";
            targets.add(new Target(e.getKey(), List.of(kind + " --core 0 --out OTHER",
                    kind + " --core 0 --skip-bad-lines --out OTHER")));
        }
        done("prepare --data " + folder.resolve("data.tsv") + " --items " + folder.resolve("items.csv")
                + " --core 0 --out " + run);
        done("tokenize " + run + " --levels 2 --widths 4,4");
        String sizes = " --width 8 --layers 1 --heads 1 --head-dim 8 --hidden 8 --epochs 2 --batch 8";
        done("train " + run + sizes + " --objective apao-pointwise");
        done("train-prm " + run + " --epochs 1");
        done("evaluate " + run + " --k 1,5 --bootstrap 10 --baselines popularity");
        done("diagnose " + run + " --users 5 --beam 4");
        try (Arena memory = Arena.ofConfined(); Stream<Path> all = Files.walk(run)) {
            Tensor vectors = Tensor.zeros(memory, Shape.of(10, 3));
            for (int i = 0; i < 30; i++) vectors.set(i, i * i % 7);
            Npy.write(folder.resolve("vectors.npy"), vectors);
            SafeTensors.write(folder.resolve("vectors.safetensors"), Map.of("x", vectors), Map.of("a", "b"));
            Files.copy(run.resolve("tokens/semantic-ids.json"), folder.resolve("sids.json"));
            Files.writeString(folder.resolve("ids.txt"), String.join("\n", itemIds()) + "\n");
            Files.writeString(folder.resolve("eligible.txt"), String.join("\n", itemIds()) + "\n");
            all.filter(Files::isRegularFile).map(f -> run.relativize(f).toString()).sorted()
                    .filter(f -> !f.endsWith(".svg") && !f.equals(".lock"))
                    .forEach(f -> targets.add(new Target("run/" + f, readersOf(f))));
        }
        for (String vectors : List.of("vectors.npy", "vectors.safetensors")) {
            targets.add(new Target(vectors, List.of("tokenize RUN --levels 2 --widths 4,4 --vectors FILE")));
        }
        targets.add(new Target("ids.txt", List.of("tokenize RUN --levels 2 --widths 4,4 --vectors "
                + folder.resolve("vectors.npy"))));
        targets.add(new Target("sids.json",
                List.of("tokenize RUN --sids FILE", "tokenize RUN --sids FILE --widths 4,4,9")));
        targets.add(new Target("eligible.txt", List.of("recommend RUN --user u1 --eligible FILE")));
    }

    private static List<String> readersOf(String file) {
        List<String> all = new ArrayList<>(List.of("inspect RUN", "inspect RUN --json"));
        if (file.startsWith("config") || file.startsWith("model") || file.startsWith("tokens")
                || file.startsWith("data")) {
            all.addAll(List.of("recommend RUN --user u1 --json", "recommend RUN --history i1,i2"));
        }
        if (file.startsWith("data") || file.startsWith("config/prepare") || file.equals("run.json")) {
            all.addAll(List.of("tokenize RUN --levels 2 --widths 4,4",
                    "prepare --data " + "DATA" + " --core 0 --out RUN"));
        }
        if (!file.startsWith("predictions")) all.add("train RUN --objective apao-pointwise --epochs 2");
        if (file.contains("prm")) {
            all.addAll(List.of("train-prm RUN --epochs 1", "recommend RUN --user u1 --widen 6"));
        }
        if (file.startsWith("predictions") || file.contains("scorecard") || file.contains("evaluate")
                || file.equals("run.json") || file.startsWith("config")) {
            all.add("compare RUN " + "INTACT");
        }
        if (file.contains("first-steps")) return List.of("verify RUN", "verify RUN");
        if (file.contains("metrics")) all.add("diagnose RUN --users 3 --beam 2");
        if (file.startsWith("config/evaluate") || file.startsWith("model/best") || file.equals("data/split.json")) {
            all.add("evaluate RUN --k 1 --bootstrap 0 --baselines popularity");
        }
        return all;
    }

    private List<String> itemIds() throws IOException {
        return Files.readAllLines(run.resolve("data/items.tsv")).stream().skip(1).map(l -> l.split("\t")[0]).toList();
    }

    private Map<String, byte[]> usersFiles() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        StringBuilder tsv = new StringBuilder("user_id\titem_id\trating\ttimestamp\n"), jsonl = new StringBuilder(),
                csv = new StringBuilder("user_id,item_id,date,time\n"),
                inter = new StringBuilder("user_id:token\titem_id:token\n"),
                dat = new StringBuilder(), items = new StringBuilder("item_id,title,genres,price\n"),
                itemsJson = new StringBuilder();
        Map<String, List<String>> map = new TreeMap<>();
        for (int u = 0; u < 12; u++) {
            for (int i = 0; i < 6; i++) {
                int item = (u + i * (1 + u % 3)) % 10, time = 1_700_000_000 + 86_400 * i + u;
                tsv.append("u" + u + "\ti" + item + "\t" + (1 + i % 5) + "\t" + time + "\n");
                csv.append("\"u" + u + "\",\"i" + item + "\",2023-11-" + (10 + i) + ",12:0" + i + "\n");
                inter.append("u" + u + "\ti" + item + "\n");
                dat.append("u" + u + "::i" + item + "::4::" + time + "\n");
                jsonl.append(
                        "{\"reviewerID\":\"u" + u + "\",\"asin\":" + item + ",\"unixReviewTime\":{\"$date\":\"2023-11-1"
                                + i + "T00:00:0" + u % 10 + "Z\"},\"x\":[1,2.5,null]}\n");
                map.computeIfAbsent("u" + u, _ -> new ArrayList<>()).add("\"i" + item + "\"");
            }
        }
        for (int i = 0; i < 10; i++) {
            items.append("i" + i + ",\"Title, of \u00e9 " + i + "\",a|b,1." + i + "\n");
            itemsJson.append("{\"item_id\":\"i" + i + "\",\"title\":\"T\\u00e9 " + i + "\",\"d\":{\"x\":1}}\n");
        }
        files.put("data.tsv", tsv.toString().getBytes(UTF_8));
        files.put("data.csv", csv.toString().getBytes(UTF_8));
        files.put("data.inter", inter.toString().getBytes(UTF_8));
        files.put("ratings.dat", dat.toString().getBytes(UTF_8));
        files.put("data.jsonl", jsonl.toString().getBytes(UTF_8));
        files.put("data.json", map.toString().replace("=", "\":").replaceAll("([{ ])u", "$1\"u").getBytes(UTF_8));
        files.put("data.tsv.gz", gzip(tsv.toString().getBytes(UTF_8)));
        files.put("items.csv", items.toString().getBytes(UTF_8));
        files.put("items.jsonl", itemsJson.toString().getBytes(UTF_8));
        return files;
    }

    // ---- the test

    /** A file that was received may name others, and say sizes: neither is believed. */
    @Test
    void whatARunSaysOfOtherFilesAndOfSizesIsNotBelieved() throws IOException {
        String[][] lies = {
            {"scorecard.json", "model/best.safetensors", "/dev/zero", "inspect RUN", "'/dev/zero'"},
            {"scorecard.json", "model/best.safetensors", "../../up", "inspect RUN", "leads out of the run's folder"},
            {"config/train.json", "\"headDim\" : 8", "\"headDim\" : 1000000", "recommend RUN --user u1", "1000000"},
            {"config/train.json", "\"hidden\" : 8", "\"hidden\" : 262144,\"hidden\" : 8", "recommend RUN --user u1", "twice|uplicate"},
            {"config/train.json", "\"layers\" : 1", "\"layers\" : 262144", "recommend RUN --user u1", "262144"},
            {"config/train.json", "\"epochs\" : 2,", "", "recommend RUN --user u1", "epochs"},
            {"config/train.json", "\"epochs\" : 2,", "\"epochs\" : null,", "recommend RUN --user u1", "epochs"},
            {"config/train.json", "\"objective\" : \\{", "\"objective\" : null, \"x\" : {", "recommend RUN --user u1", "objective|x"},
            {"tokens/semantic-ids.json", "\"widths\": \\[\\d+", "\"widths\": [9999999", "recommend RUN --user u1", "9999999"},
            {"data/split.json", "\"trainEnd\" : \\[ \\d+", "\"trainEnd\" : [ 999", "tokenize RUN", "split.json"},
            {"data/split.json", "\"validationEnd\" : \\[ \\d+", "\"validationEnd\" : [ 999", "tokenize RUN", "split.json"},
        };
        for (String[] lie : lies) {
            Path work = folder.resolve("lies");
            delete(work);
            copy(run, work);
            Path file = work.resolve(lie[0]);
            String before = Files.readString(file), now = before.replaceFirst(lie[1], Matcher.quoteReplacement(lie[2]));
            assertThat(now).as(String.join(" ", lie)).isNotEqualTo(before);
            Files.writeString(file, now);
            Call call = call(lie[3].replace("RUN", work.toString()));
            assertThat(call.exit).as(String.join(" ", lie) + call.err).isEqualTo(2);
            assertThat(call.err.lines().toList().getLast()).startsWith("beamwright: ").containsPattern(lie[4]);
        }
    }

    private record Call(int exit, String err) {}

    private static Call call(String command) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream usualOut = System.out, usualErr = System.err;
        System.setOut(new PrintStream(new ByteArrayOutputStream(), false, UTF_8));
        System.setErr(new PrintStream(err, true, UTF_8));
        try {
            return new Call(Main.run(command.split(" ")), err.toString(UTF_8));
        } finally {
            System.setOut(usualOut);
            System.setErr(usualErr);
        }
    }

    @Test
    void noDamageEndsInAStackTraceOrDoesNotEnd() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, Integer> outcomes = new TreeMap<>();
        for (int n = 0; n < INPUTS; n++) {
            SplittableRandom random = new SplittableRandom(SEED + n);
            Target target = targets.get((SEED + n) % targets.size());
            Path work = folder.resolve("work");
            delete(work);
            copy(run, work.resolve("run"));
            boolean ofRun = target.file.startsWith("run/");
            Path file = ofRun ? work.resolve(target.file) : Files.createDirectories(work).resolve(target.file);
            byte[] before = Files.readAllBytes(folder.resolve(target.file));
            if (target.file.equals("ids.txt")) Files.copy(folder.resolve("vectors.npy"), work.resolve("vectors.npy"));
            Files.write(file, damaged(before, target.file, random));
            String command = target.commands.get(random.nextInt(target.commands.size()))
                    .replace("RUN", work.resolve("run").toString()).replace("FILE", file.toString())
                    .replace("OTHER", work.resolve("other").toString()).replace("INTACT", run.toString())
                    .replace("DATA", folder.resolve("data.tsv").toString());
            if (target.file.equals("ids.txt")) {
                command = command.replace(folder.resolve("vectors.npy").toString(),
                        work.resolve("vectors.npy").toString());
            }
            String fault = fault(command);
            outcomes.merge(fault == null ? "refused or read" : "wrong", 1, Integer::sum);
            if (fault != null) wrong.add("seed " + (SEED + n) + ", " + target.file + ", " + command + ": " + fault);
        }
        assertThat(wrong).as(outcomes.toString()).isEmpty();
    }

    /** What is wrong about how a command ended, or null. */
    private static String fault(String command) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream usualOut = System.out, usualErr = System.err;
        System.setOut(new PrintStream(new ByteArrayOutputStream(), false, UTF_8));
        System.setErr(new PrintStream(err, true, UTF_8));
        var thread = Executors.newSingleThreadExecutor(r -> {
            Thread t = new Thread(r);
            t.setDaemon(true);
            return t;
        });
        try {
            int exit = thread.submit(() -> Main.run(command.split(" "))).get(SECONDS, TimeUnit.SECONDS);
            String said = err.toString(UTF_8);
            if (exit == 0) return null;
            if (exit == 1 && command.startsWith("verify") && !said.contains("\tat ")) return null; // other bits
            if (exit != 2) return "exit " + exit + ": " + said;
            String last = said.lines().reduce((_, l) -> l).orElse("");
            if (!last.startsWith("beamwright: ")) return "no message at the end: " + said;
            return last.contains("out of memory") ? last : null;
        } catch (TimeoutException e) {
            return "not done after " + SECONDS + " s";
        } catch (InterruptedException | ExecutionException e) {
            return e.toString();
        } finally {
            thread.shutdownNow();
            System.setOut(usualOut);
            System.setErr(usualErr);
        }
    }

    // ---- damage

    private static byte[] damaged(byte[] bytes, String name, SplittableRandom random) {
        boolean gz = name.endsWith(".gz") && random.nextInt(3) > 0;
        byte[] now = gz ? gunzip(bytes) : bytes;
        if (name.endsWith(".safetensors") && random.nextInt(3) > 0) now = damagedHeader(now, random);
        else for (int times = 1 + random.nextInt(3) / 2; times > 0; times--) now = once(now, random);
        return gz ? gzip(now) : now;
    }

    /** Damage within the header, its length kept true: what is behind it would hardly be looked at otherwise. */
    private static byte[] damagedHeader(byte[] file, SplittableRandom random) {
        int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        byte[] header = once(Arrays.copyOfRange(file, 8, 8 + length), random);
        ByteBuffer all =
                ByteBuffer.allocate(8 + header.length + file.length - 8 - length).order(ByteOrder.LITTLE_ENDIAN);
        return all.putLong(header.length).put(header).put(file, 8 + length, file.length - 8 - length).array();
    }

    private static final String[] VALUES = {
        "null", "0", "-1", "1", "999999999", "2147483647", "-2147483648", "9223372036854775807", "99999999999999999999",
        "1e308", "1e-400", "0.5", "true", "[]", "{}", "\"\"", "\"x\"", "[null]", "[1,2,3]", "{\"a\":1}", "NaN",
        "\"NaN\"",
        "\"/dev/zero\"", "\"../../../../etc/passwd\"", "\"\\ud800\"", "\"\\u0000\"", "16777216", "65537"
    };
    private static final String[] WORDS = {
        "\0", "\t", "\n", "\"", ",", "::", "{", "[", "}", "]", "\uFEFF", "\u001b[2J", "NA", "null", "-", " ", "\\",
        "\r",
        "1e999", "\ud800"
    };
    private static final Pattern VALUE =
            Pattern.compile("(?<=[:\\[,] ?)(-?[0-9][0-9.eE+-]*|\"[^\"\n]*\"|true|false|null)(?=[,\\]}\\s])");
    private static final Pattern FIELD = Pattern.compile("[^\\s,;:|\\[\\]{}\"]+");

    private static byte[] once(byte[] bytes, SplittableRandom random) {
        String text = new String(bytes, ISO_8859_1);
        int n = bytes.length, at = n == 0 ? 0 : random.nextInt(n);
        byte[] to = bytes.clone();
        switch (random.nextInt(12)) {
            case 0 -> to = Arrays.copyOf(bytes, at); // cut
            case 1 -> { // bits flipped
                for (int i = 1 + random.nextInt(4); n > 0 && i > 0; i--)
                    to[random.nextInt(n)] ^= (byte) (1 << random.nextInt(8));
            }
            case 2 -> to = replaced(bytes, at, Math.min(n, at + 1 + random.nextInt(40)), ""); // some deleted
            case 3 -> { // some twice
                int end = Math.min(n, at + 1 + random.nextInt(200));
                to = replaced(bytes, end, end, text.substring(at, end));
            }
            case 4 -> to = replaced(bytes, at, at, latin(WORDS[random.nextInt(WORDS.length)])); // a word between
            case 5 -> { // a line deleted
                int from = text.lastIndexOf('\n', at) + 1, end = text.indexOf('\n', at);
                to = replaced(bytes, from, end < 0 ? n : end + 1, "");
            }
            case 6 -> { // two values swapped
                int[] a = some(VALUE, text, random), b = some(VALUE, text, random);
                if (a != null && a[1] <= b[0]) {
                    String swapped = text.substring(0, a[0]) + text.substring(b[0], b[1]) + text.substring(a[1], b[0])
                            + text.substring(a[0], a[1]) + text.substring(b[1]);
                    to = swapped.getBytes(ISO_8859_1);
                }
            }
            case 7, 8, 9 -> { // another value
                int[] a = some(VALUE, text, random);
                if (a != null) to = replaced(bytes, a[0], a[1], VALUES[random.nextInt(VALUES.length)]);
            }
            case 10 -> { // another field
                int[] a = some(FIELD, text, random);
                String v = VALUES[random.nextInt(VALUES.length)];
                if (a != null) to = replaced(bytes, a[0], a[1], random.nextInt(3) == 0 ? "" : v.replace("\"", ""));
            }
            default -> { // one property taken out, or named otherwise
                Matcher m = Pattern.compile("\"(\\w+)\" ?: ?").matcher(text);
                List<int[]> found = new ArrayList<>();
                while (m.find()) found.add(new int[] {m.start(1), m.end(1), m.start(), m.end()});
                if (!found.isEmpty()) {
                    int[] f = found.get(random.nextInt(found.size()));
                    to = replaced(bytes, f[0], f[1], random.nextInt(2) == 0 ? "other" : "k");
                }
            }
        }
        return to;
    }

    private static String latin(String s) {
        return new String(s.getBytes(UTF_8), ISO_8859_1);
    }

    private static int[] some(Pattern pattern, String text, SplittableRandom random) {
        Matcher m = pattern.matcher(text);
        int from = text.isEmpty() ? 0 : random.nextInt(text.length());
        if (m.find(from) || m.find(0)) return new int[] {m.start(), m.end()};
        return null;
    }

    private static byte[] replaced(byte[] bytes, int from, int to, String by) {
        byte[] middle = by.getBytes(ISO_8859_1);
        byte[] all = new byte[bytes.length - (to - from) + middle.length];
        System.arraycopy(bytes, 0, all, 0, from);
        System.arraycopy(middle, 0, all, from, middle.length);
        System.arraycopy(bytes, to, all, from + middle.length, bytes.length - to);
        return all;
    }

    // ---- files

    private static void done(String command) {
        Call call = call(command);
        assertThat(call.exit).as(() -> command + ": " + call.err).isZero();
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree)) return;
        try (Stream<Path> all = Files.walk(tree)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path other = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) Files.createDirectories(other);
                else Files.copy(p, other, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] gunzip(byte[] bytes) {
        try (GZIPInputStream in = new GZIPInputStream(new java.io.ByteArrayInputStream(bytes))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
