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
        description = "Measure what more computation at serving buys: plain beams of several widths, and beams that are"
                + " widened and pruned by the run's process reward model, if it has one. Several runs are shown together.",
        footer = {
            "",
            "Write scaling.json in each run's folder, and plots/scaling-*.svg, for all runs together, in the first one's.",
            "Time is taken with all threads; --batch-size 1 tells what a single request costs."
        })
final class ScaleCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Measure the models of these runs.")
    private List<Path> runs;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--users",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Ask N users, drawn at random; 0 for all. Default: ${DEFAULT-VALUE}.")
    private int users;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "validation",
            description = "Ask the questions of validation, to choose by, or test. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "-k",
            paramLabel = "N",
            defaultValue = "10",
            description = "Take Recall and NDCG at depth N. Default: ${DEFAULT-VALUE}.")
    private int k;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--beam",
            paramLabel = "K",
            defaultValue = "20",
            description = "Widen a beam of size K: smaller than the 50 of 'evaluate', because up to ten times as many"
                    + " candidates are looked at. Default: ${DEFAULT-VALUE}.")
    private int beam;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--widen",
            split = ",",
            paramLabel = "N",
            description = "Look at N candidates, one search for each. Default: 1, 2, 4, 6 and 10 times the beam.")
    private List<Integer> widen;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--beams",
            split = ",",
            paramLabel = "N",
            description = "Measure plain beams of these sizes. Default: ½, 1, 2, 4 and 8 times the beam.")
    private List<Integer> widths;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--search",
            split = ",",
            paramLabel = "KIND",
            converter = SearchOptions.Kind.class,
            description = "Also measure these searches for -k items: adaptive (up to the largest of --beams), best-first,"
                    + " exact.")
    private List<SearchConfig.Kind> searches = List.of();

    @Section.In(Section.SEARCH)
    @Option(
            names = "--together",
            split = ",",
            paramLabel = "N",
            description = "Extend N prefixes of a user in a round, with --search best-first, one search for each. Default: what"
                    + " recommend takes.")
    private List<Integer> together = List.of(SearchConfig.Limits.DEFAULT.together());

    @Mixin
    private PruningOptions pruning;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--ablations",
            description = "Also measure, at 4 times the beam: the process reward model at the last level only, at the first"
                    + " only, the other orders, and half of the beam kept.")
    private boolean ablations;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "1",
            description = "Time each search N times; the shortest time counts. Default: ${DEFAULT-VALUE}.")
    private int repeats;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "32",
            description = "Search for N users at once. Default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw users by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the measurements as JSON, a list with one entry for each run.")
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
            for (Path run : runs) out.println("wrote " + run.resolve(RunFolder.SCALING));
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
