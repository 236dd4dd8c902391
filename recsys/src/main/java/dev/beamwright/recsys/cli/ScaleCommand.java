package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.decode.Widening.Order;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.study.Scale;
import dev.beamwright.recsys.study.Scaling;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright scale RUN…}: quality against computation at serving. */
@Command(
        name = "scale",
        mixinStandardHelpOptions = true,
        description = "Measures what more computation at serving buys: plain beams of several widths, and beams that are"
                + " widened and pruned by the run's process reward model, if it has one. Several runs are shown together.",
        footer = {
            "",
            "Writes scaling.json in each run's folder, and plots/scaling-*.svg, for all runs together, in the first one's.",
            "Time is taken with all threads; --batch 1 tells what a single request costs."
        })
final class ScaleCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "the folders of trained runs")
    private List<Path> runs;

    @Option(
            names = "--users",
            paramLabel = "N",
            defaultValue = "1000",
            description = "users asked, drawn at random; 0 for all; default: ${DEFAULT-VALUE}")
    private int users;

    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "validation",
            description = "validation, to choose by, or test; default: ${DEFAULT-VALUE}")
    private String split;

    @Option(
            names = "-k",
            paramLabel = "N",
            defaultValue = "10",
            description = "depth of recall and NDCG; default: ${DEFAULT-VALUE}")
    private int k;

    @Option(
            names = "--beam",
            paramLabel = "K",
            defaultValue = "20",
            description = "width of the beams that are widened; default: ${DEFAULT-VALUE}")
    private int beam;

    @Option(
            names = "--widen",
            split = ",",
            paramLabel = "N",
            description = "how many candidates are looked at, one search for each; default: 1, 2, 4, 6 and 10 times the"
                    + " beam")
    private List<Integer> widen;

    @Option(
            names = "--widths",
            split = ",",
            paramLabel = "N",
            description = "widths of the plain beams; default: ½, 1, 2, 4 and 8 times the beam")
    private List<Integer> widths;

    @Option(
            names = "--search",
            split = ",",
            paramLabel = "KIND",
            converter = SearchOptions.Kind.class,
            description = "also these searches for -k items: adaptive (up to the largest of --widths), best-first, exact")
    private List<SearchConfig.Kind> searches = List.of();

    @Option(
            names = "--together",
            split = ",",
            paramLabel = "N",
            description = "with --search best-first: prefixes of a user that a round goes on from, one search for each;"
                    + " default: what recommend takes")
    private List<Integer> together = List.of(SearchConfig.Limits.DEFAULT.together());

    @Mixin
    private PruningOptions pruning;

    @Option(
            names = "--ablations",
            description = "also, at 4 times the beam: the process reward model at the last level only, at the first only,"
                    + " the other orders, and half of the beam kept")
    private boolean ablations;

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "1",
            description = "how often each is timed; the shortest time counts; default: ${DEFAULT-VALUE}")
    private int repeats;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "32",
            description = "users that are searched for at once; default: ${DEFAULT-VALUE}")
    private int batch;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "of the draw of users; default: ${DEFAULT-VALUE}")
    private long seed;

    @Mixin
    private DeviceOption device;

    @Option(names = "--json", description = "print the measurements as JSON, a list with one entry for each run")
    private boolean json;

    @Override
    public Integer call() {
        List<Scaling> all = new ArrayList<>();
        for (Path run : runs) {
            RunFolder folder = RunFolder.open(run);
            try (var _ = folder.lock()) {
                all.add(Scale.run(config(folder), folder, device.open(), Progress.stderr()));
            }
        }
        var charts = Scale.charts(all);
        Path plots = runs.getFirst().resolve("plots");
        charts.forEach((name, chart) -> chart.write(plots.resolve(name + ".svg")));
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.line(all));
        } else {
            for (Scaling s : all) out.println(s.table());
            for (Path run : runs) out.println("wrote " + run.resolve("scaling.json"));
            for (String name : charts.keySet()) out.println("wrote " + plots.resolve(name + ".svg"));
        }
        out.flush();
        return Main.OK;
    }

    private Scale.Config config(RunFolder run) {
        List<Integer> plain = widths != null ? widths : times(0.5, 1, 2, 4, 8);
        List<Widening> widened = new ArrayList<>();
        for (int n : widen != null ? widen : times(1, 2, 4, 6, 10)) widened.add(pruning.of(List.of(n)));
        if (ablations) {
            List<Integer> four = List.of(4 * beam);
            int levels = SemanticIds.load(run, Prepared.load(run).data().items()).levels();
            Widening usual = pruning.of(four);
            widened.add(new Widening(four, usual.keep(), usual.order(), usual.beta(), List.of(levels)));
            widened.add(new Widening(four, usual.keep(), usual.order(), usual.beta(), List.of(1)));
            for (Order order : Order.values()) {
                if (order == usual.order()) continue;
                widened.add(new Widening(four, usual.keep(), order, usual.beta(), usual.levels()));
            }
            widened.add(new Widening(four, Math.max(1, beam / 2), usual.order(), usual.beta(), usual.levels()));
        }
        return new Scale.Config(split, users, k, beam, plain, widened, others(plain), repeats, batch, seed);
    }

    private List<Scale.Other> others(List<Integer> plain) {
        List<Scale.Other> others = new ArrayList<>();
        for (SearchConfig.Kind kind : searches) {
            if (kind != SearchConfig.Kind.BEST_FIRST) {
                others.add(new Scale.Other(kind, Collections.max(plain), SearchConfig.Limits.DEFAULT));
                continue;
            }
            for (int n : together) {
                int expansions = SearchConfig.Limits.DEFAULT.expansions();
                others.add(new Scale.Other(kind, beam, new SearchConfig.Limits(expansions, n)));
            }
        }
        return others;
    }

    private List<Integer> times(double... factors) {
        List<Integer> numbers = new ArrayList<>();
        for (double f : factors) numbers.add(Math.max(1, (int) Math.round(f * beam)));
        return numbers;
    }
}
