package dev.beamwright.benchmarks;

import dev.beamwright.recsys.cli.BenchCommand;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Parallel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;

/** {@code beamwright bench cpu}: kernels, training steps and beam search on the CPU, beside other programs. */
@Command(
        name = "cpu",
        mixinStandardHelpOptions = true,
        description = {
            "Measures kernels, training steps, beam search and the stages before, beside PyTorch, OpenBLAS, ND4J and netlib.",
            "All are measured in turn, round by round; the table has medians and ratios of medians. A peer that is not"
                    + " installed is named and left out."
        },
        footer = {
            "",
            "Writes cpu.jsonl (every measurement, one line is added for each row), cpu.md (the latest of each row) and"
                    + " cpu-*.svg into the folder of --out."
        })
public final class CpuCommand implements BenchCommand.Benchmark {
    private static final String LINES = "cpu.jsonl";

    @Spec
    private CommandSpec spec;

    @Option(names = "--quick", description = "tiny sizes and few rounds, to try the program out; about a minute")
    private boolean quick;

    @Option(
            names = "--only",
            paramLabel = "NAME",
            description = "groups (gemm, attention, elements, steps, beam, memory, data), or parts of rows' names, with"
                    + " commas between them; a comma may belong to a name")
    private String only;

    @Option(names = "--rounds", paramLabel = "N", description = "rounds for each row; default: 7, 2 with --quick")
    private Integer rounds;

    @Option(
            names = "--out",
            paramLabel = "FOLDER",
            description = "where results are kept; default: benchmarks/results in the checkout, none with --quick")
    private Path out;

    @Option(
            names = "--python",
            paramLabel = "PATH",
            description = "a python that has PyTorch; default: $BEAMWRIGHT_PYTHON or python3")
    private String python;

    @Option(
            names = "--compile",
            description = "measure PyTorch's training steps by torch.compile too, which takes long")
    private boolean compile;

    @Option(names = "--list", description = "print the rows, measure nothing")
    private boolean list;

    @Option(
            names = "--profile",
            description = "instead of comparing, tell where the time of our part of each row goes")
    private boolean profile;

    @Option(names = "--json", description = "print the results as JSON")
    private boolean json;

    @Override
    public Integer call() {
        if (rounds != null && rounds < 1) throw new UserError("--rounds " + rounds + ": must be at least 1");
        List<Row> rows = chosen(rows(quick, compile), only);
        PrintWriter print = spec.commandLine().getOut();
        if (list) {
            for (Row r : rows) print.println(r.group() + ": " + r.name());
            print.flush();
            return 0;
        }
        Progress progress = Progress.stderr();
        var peers = new Peers(python(), Parallel.threads(), progress);
        try (Lab lab = new Lab(peers, quick, rounds != null ? rounds : quick ? 2 : 7, progress)) {
            if (profile) {
                for (Row r : rows) {
                    print.print(profile(lab, r));
                    print.flush();
                }
            } else {
                List<Result> results = new ArrayList<>();
                for (Row r : rows) {
                    Result result = lab.measure(r);
                    results.add(result);
                    progress.say(Table.summary(result));
                    if (folder() != null) append(folder().resolve(LINES), result);
                }
                print.print(json ? Json.line(results) + "\n" : new Table(results).markdown());
                if (folder() != null) render(folder());
            }
        }
        print.flush();
        return 0;
    }

    private String python() {
        if (python != null) return python;
        String set = System.getenv("BEAMWRIGHT_PYTHON");
        return set == null || set.isBlank() ? "python3" : set;
    }

    private Path folder() {
        return out != null || quick ? out : Checkout.benchmarks().resolve("results");
    }

    private String profile(Lab lab, Row row) {
        return Profile.of(start -> lab.run(row, quick ? 0.5 : 10, start)).markdown(row.group() + ": " + row.name());
    }

    // ---- rows

    /** All rows, in the order of the table. */
    static List<Row> rows(boolean quick, boolean compile) {
        List<Row> rows = new ArrayList<>(KernelRows.all(quick));
        rows.addAll(ModelRows.all(quick, compile));
        rows.addAll(DataRows.all(quick));
        return rows;
    }

    /** The rows whose group is named, or whose name has one of these parts. */
    static List<Row> chosen(List<Row> rows, String only) {
        if (only == null) return rows;
        List<String> names = names(rows, only);
        return rows.stream().filter(r -> names.stream().anyMatch(name -> fits(r, name))).toList();
    }

    /** Cuts at commas, but not within what is part of a row's name: of several ways, that with the longest names. */
    private static List<String> names(List<Row> rows, String only) {
        String[] words = only.split(",");
        List<String> names = new ArrayList<>();
        for (int from = 0, to; from < words.length; from = to) {
            for (to = words.length; to > from; to--) {
                String name = String.join(",", Arrays.copyOfRange(words, from, to));
                if (rows.stream().noneMatch(r -> fits(r, name))) continue;
                names.add(name);
                break;
            }
            if (to == from) {
                throw new UserError("--only " + words[from]
                        + ": no row is called so; 'beamwright bench cpu --list' shows all");
            }
        }
        return names;
    }

    private static boolean fits(Row row, String part) {
        String p = part.strip().toLowerCase(Locale.ROOT);
        return row.group().equals(p) || row.name().toLowerCase(Locale.ROOT).contains(p);
    }

    // ---- files

    private static void append(Path file, Result result) {
        try {
            String before = Files.exists(file) ? Files.readString(file) : "";
            Json.writeAtomically(file, (before + Json.line(result) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read: " + e, e);
        }
    }

    /** Shows the latest result of each row of a folder, in the order in which rows were first measured there. */
    static void render(Path folder) {
        var table = new Table(latest(folder.resolve(LINES)));
        write(folder.resolve("cpu.md"), table.markdown());
        write(folder.resolve("cpu-ratios.svg"), table.ratios());
        write(folder.resolve("cpu-gemm.svg"), table.squares());
    }

    /** The latest result of each row. */
    static List<Result> latest(Path file) {
        Map<String, Result> latest = new LinkedHashMap<>();
        int number = 0;
        try {
            for (String line : Files.readAllLines(file)) {
                number++;
                Result r = Json.mapper().readValue(line, Result.class);
                latest.put(r.group() + ": " + r.row(), r);
            }
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read: " + e, e);
        } catch (JacksonException e) {
            throw new UserError(file + ":" + number + ": is not a result; delete the line", e);
        }
        return List.copyOf(latest.values());
    }

    private static void write(Path file, String text) {
        Json.writeAtomically(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
