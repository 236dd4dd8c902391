package dev.beamwright.recsys;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The pages of {@code docs/} say what is in the code. */
class DocsTest {
    static final Path DOCS = Path.of("..", "docs");
    static final Path TESTS = Path.of("src", "test", "java");

    /** Each statement stands in {@code docs/statements.md} with the classes whose tests are named after it, and no others. */
    @Test
    void everyStatementHasItsTestsAndEveryTestItsStatement() throws IOException {
        Map<String, TreeSet<String>> listed = new TreeMap<>(), tested = new TreeMap<>();
        Pattern row = Pattern.compile("\\| ([TBPU]\\d+) \\| .* \\| (\\w+(?:, \\w+)*) \\|");
        for (String line : Files.readAllLines(DOCS.resolve("statements.md"))) {
            var m = row.matcher(line);
            if (m.matches()) {
                var classes = listed.computeIfAbsent(m.group(1), s -> new TreeSet<>());
                for (String c : m.group(2).split(", ")) classes.add(c);
            }
        }
        Pattern test = Pattern.compile("void ([tbpu]\\d+)[A-Z]");
        try (var files = Files.walk(TESTS)) {
            for (Path file : files.filter(f -> f.toString().endsWith("Test.java")).toList()) {
                var m = test.matcher(Files.readString(file));
                String name = file.getFileName().toString().replace(".java", "");
                while (m.find()) {
                    tested.computeIfAbsent(m.group(1).toUpperCase(Locale.ROOT), s -> new TreeSet<>()).add(name);
                }
            }
        }
        assertThat(listed).hasSizeGreaterThan(50).isEqualTo(tested);
    }

    /** A package says what it knows, what it may use and where to begin. */
    @Test
    void everyPackageIntroducesItself() throws IOException {
        var silent = new TreeSet<String>();
        for (String module : List.of("tensor", "autograd", "transformer", "recsys", "tornado-kernels", "benchmarks")) {
            try (var files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                files.filter(f -> f.toString().endsWith(".java") && !f.endsWith("module-info.java"))
                        .map(Path::getParent)
                        .filter(folder -> !Files.exists(folder.resolve("package-info.java")))
                        .forEach(folder -> silent.add(folder.toString()));
            }
        }
        assertThat(silent).isEmpty();
    }
}
