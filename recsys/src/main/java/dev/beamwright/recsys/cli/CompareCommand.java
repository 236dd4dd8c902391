package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.evaluate.Compare;
import dev.beamwright.recsys.evaluate.Comparison;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright compare RUN…}: several runs in one table. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Put the score cards of several runs into one table.",
            "Runs whose settings differ in nothing but the seed are one line, with mean and standard deviation. Each line is"
                    + " tested against the best one, user by user: paired t-test and bootstrap."
        })
final class CompareCommand implements Callable<Integer> {
    /** How the table is printed. */
    enum Format {
        TEXT,
        MARKDOWN,
        JSON
    }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Compare these evaluated runs.")
    private List<Path> runs;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "Compare the rows of test or validation. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--level",
            paramLabel = "L",
            defaultValue = "item",
            description = "Compare the rows of item, or of sid (an item with the same semantic ID will do). Default:"
                    + " ${DEFAULT-VALUE}.")
    private String level;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--seen-items",
            paramLabel = "S",
            defaultValue = "allowed",
            description = "Compare the rows in which items of the history were allowed, hidden, or had the repeat prior"
                    + " (prior). Default: ${DEFAULT-VALUE}.")
    private SeenItems seenItems;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--metric",
            paramLabel = "M",
            defaultValue = "ndcg@10",
            description = "Test and draw recall@K, ndcg@K or mrr@K. Default: ${DEFAULT-VALUE}.")
    private String metric;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--against",
            paramLabel = "MODEL",
            description = "Test the others against this line. Default: the best.")
    private String against;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--bootstrap",
            paramLabel = "N",
            defaultValue = "2000",
            description = "Draw N times for the bootstrap. Default: ${DEFAULT-VALUE}.")
    private int bootstrap;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Section.In(Section.OUTPUT)
    @Option(
            names = "--format",
            paramLabel = "F",
            defaultValue = "text",
            description = "Print text, markdown or json. Default: ${DEFAULT-VALUE}.")
    private Format format;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print JSON: the same as --format json.")
    private boolean json;

    @Section.In(Section.OUTPUT)
    @Option(names = "--svg", paramLabel = "FILE", description = "Draw the metric as bars into FILE.")
    private Path svg;

    @Override
    public Integer call() {
        Comparison comparison = Compare.run(
                runs.stream().map(RunFolder::open).toList(),
                new Compare.Options(split, level, seenItems, metric, against, bootstrap, seed));
        PrintWriter out = spec.commandLine().getOut();
        switch (json ? Format.JSON : format) {
            case TEXT -> out.print(comparison.text());
            case MARKDOWN -> out.print(comparison.markdown());
            case JSON -> out.println(Json.line(comparison));
        }
        if (svg != null) {
            Json.writeAtomically(svg, comparison.svg().getBytes(StandardCharsets.UTF_8));
            if (!json && format == Format.TEXT) out.println("\nwrote " + svg);
        }
        out.flush();
        return Main.OK;
    }
}
