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
            "Puts the score cards of several runs into one table.",
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

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "folders of evaluated runs")
    private List<Path> runs;

    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "test or validation; default: test")
    private String split;

    @Option(
            names = "--level",
            paramLabel = "L",
            defaultValue = "item",
            description = "item, or sid (an item with the same semantic ID will do); default: item")
    private String level;

    @Option(
            names = "--seen-items",
            paramLabel = "S",
            defaultValue = "allowed",
            description = "take the rows in which items of the history were allowed, hidden, or had the repeat prior"
                    + " (prior); default: ${DEFAULT-VALUE}")
    private SeenItems seenItems;

    @Option(
            names = "--metric",
            paramLabel = "M",
            defaultValue = "ndcg@10",
            description = "what is tested and drawn: recall@K, ndcg@K or mrr@K; default: ${DEFAULT-VALUE}")
    private String metric;

    @Option(
            names = "--against",
            paramLabel = "MODEL",
            description = "the line the others are tested against; default: the best")
    private String against;

    @Option(
            names = "--bootstrap",
            paramLabel = "N",
            defaultValue = "2000",
            description = "draws of the bootstrap; default: ${DEFAULT-VALUE}")
    private int bootstrap;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "of these draws; default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(
            names = "--format",
            paramLabel = "F",
            defaultValue = "text",
            description = "text, markdown or json; default: ${DEFAULT-VALUE}")
    private Format format;

    @Option(names = "--json", description = "the same as --format json")
    private boolean json;

    @Option(names = "--svg", paramLabel = "FILE", description = "draw the metric as bars into this file")
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
