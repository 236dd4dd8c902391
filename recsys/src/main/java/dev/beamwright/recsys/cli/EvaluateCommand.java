package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.confidence.ConfidentRanker;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.evaluate.Evaluate;
import dev.beamwright.recsys.evaluate.EvaluateConfig;
import dev.beamwright.recsys.evaluate.ScoreCard;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.study.ConfidenceReport;
import dev.beamwright.tensor.Backend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright evaluate}. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = "Ask the test questions and write a score card: the run's model, if it has one, and baselines.")
final class EvaluateCommand implements Callable<Integer> {
    /** What becomes of the items of the history. */
    enum Seen {
        ALLOWED(SeenItems.ALLOWED),
        HIDDEN(SeenItems.HIDDEN),
        PRIOR(SeenItems.PRIOR),
        ALL(SeenItems.values());

        private final List<SeenItems> each;

        Seen(SeenItems... each) {
            this.each = List.of(each);
        }
    }

    /** Which of a run's models stand in the card. */
    enum Checkpoints {
        BEST(List.of(Recommender.Which.BEST)),
        LAST(List.of(Recommender.Which.LAST)),
        BOTH(List.of(Recommender.Which.values()));

        private final List<Recommender.Which> models;

        Checkpoints(List<Recommender.Which> models) {
            this.models = models;
        }
    }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "Evaluate the model of this run.")
    private Path folder;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--baselines",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "popularity,markov,markov-decayed,item-knn",
            description = "Put these baselines in the card; sasrec, sasrec-ce (full cross-entropy, random start) and sasrec-bce"
                    + " are trained first. Default: ${DEFAULT-VALUE}.")
    private List<String> baselines;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--k",
            split = ",",
            paramLabel = "K",
            defaultValue = "1,5,10,20,50",
            description = "Take metrics at these depths. Default: those of ${DEFAULT-VALUE} up to --beam.")
    private List<Integer> k;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "Ask the questions of test or validation. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--seen-items",
            paramLabel = "S",
            defaultValue = "all",
            description = "Have items of the history allowed, hidden, or as likely as people repeat in the training part"
                    + " (prior); or all of these, each in a row. Default: ${DEFAULT-VALUE}.")
    private Seen seenItems;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--no-memory",
            description = "Leave out the rows in which models have a memory of what followed what.")
    private boolean noMemory;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--bootstrap",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Draw N times for the 95 %% intervals; 0 for none. Default: ${DEFAULT-VALUE}.")
    private int bootstrap;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed, and train baselines by it. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Section.In(Section.OUTPUT)
    @Option(
            names = "--predictions",
            paramLabel = "N",
            defaultValue = "10",
            description = "Write N items per question to RUN/predictions; 0 writes none. Default: ${DEFAULT-VALUE}.")
    private int predictions;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--exact",
            description = "Add a row in which the model scores every item, without a beam; many times as much work.")
    private boolean exact;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--checkpoint",
            paramLabel = "WHICH",
            defaultValue = "best",
            description = "Use the best (in validation) or last model, or both, each in a row. Default: ${DEFAULT-VALUE}.")
    private Checkpoints checkpoint;

    @Mixin
    private ConfidenceOptions confidence;

    @Section.In(Section.CONFIDENCE)
    @Option(
            names = "--rank-pool",
            paramLabel = "N",
            description = "Let hybrid order the N items at the top of a list. Default: 10.")
    private Integer pool;

    @Section.In(Section.CONFIDENCE)
    @Option(
            names = "--confidence",
            description = "Also measure how sure the likelihood of a model without confidence is; a model with confidence is"
                    + " always measured.")
    private boolean measureConfidence;

    @Section.In(Section.CONFIDENCE)
    @Option(
            names = "--rejection-curve",
            description = "Also print what is left of NDCG@10 when the least sure users are rejected.")
    private boolean rejectionCurve;

    @Mixin
    private SearchOptions search;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the score card as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        int beam = search.beam();
        RunFolder run = RunFolder.open(folder);
        List<Integer> depths = depths(run);
        EvaluateConfig config =
                new EvaluateConfig(
                        baselines, depths, split, seenItems.each, !noMemory, bootstrap, seed, predictions(depths));
        if (search.widening() != null && config.depth() > beam) {
            throw new UserError("--widen goes with the beam that was asked for, but --k and --predictions want "
                    + config.depth() + " items of a beam of " + beam + "; lower them, or give a wider --beam");
        }
        List<ConfidenceReport> reports = new ArrayList<>();
        ScoreCard card;
        try (var _ = run.lock()) {
            card = measure(config, run, reports);
        }
        if (json) {
            System.out.println(reports.isEmpty()
                    ? Json.line(card)
                    : Json.line(Map.of(
                            "rows", card.rows(), "repeats", card.repeats(), "files", card.files(), "confidence",
                            reports)));
            return Main.OK;
        }
        System.out.print(card.table());
        for (ConfidenceReport report : reports) {
            System.out.print(report.table() + (rejectionCurve ? report.rejectionTable() : ""));
        }
        System.out.println("\nwrote " + run.file(RunFolder.SCORECARD)
                + (reports.isEmpty()
                        ? ""
                        : ", " + run.file(RunFolder.CONFIDENCE) + " and charts in " + run.file("plots")));
        return Main.OK;
    }

    /** The depths of the metrics; a beam is not made wider than it was meant to be for the usual ones. */
    private List<Integer> depths(RunFolder run) {
        List<Integer> some = k.stream().filter(depth -> depth <= search.beam()).toList();
        if (given("--k") || some.size() == k.size() || !run.has(RunFolder.BEST)) return k;
        Progress.stderr()
                .say("the beam is " + search.beam() + " wide, so metrics go to K = " + some.getLast()
                        + "; --k asks for more");
        return some;
    }

    private int predictions(List<Integer> depths) {
        return given("--predictions")
                ? predictions
                : Math.min(predictions, Math.max(search.beam(), Collections.max(depths)));
    }

    private boolean given(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private void sayIfTrainedForAnotherBeam(Recommender model, EvaluateConfig config) {
        TargetObjective objective = model.config().objective().forBeam(model.config().decoding().beamSize());
        int asked = Math.max(search.beam(), config.depth());
        if (objective.beamSize() == 0 || objective.beamSize() == asked) return;
        Progress.stderr().say(String.format(
                Locale.ROOT,
                "trained by %s for a beam of %d, and asked with one of %d (see --beam, --k and --predictions)",
                objective.name().toUpperCase(Locale.ROOT), objective.beamSize(), asked));
    }

    /** The card of a run with what else was asked for; adds what was found of the models' confidence. */
    private ScoreCard measure(EvaluateConfig config, RunFolder run, List<ConfidenceReport> reports) {
        boolean changed = confidence.changesLists();
        if (pool != null && !confidence.hybrid()) throw new UserError("--rank-pool goes with --rank hybrid");
        Backend backend = device.open();
        if (!run.has(RunFolder.BEST)) {
            return Evaluate.run(config, run, List.of(), Map.of(), groups(run), backend, StopRequest.progress());
        }
        Map<String, String> files = new TreeMap<>();
        for (Recommender.Which which : checkpoint.models) {
            files.putAll(ScoreCard.hashes(run, Recommender.files(which, search.widening() != null)));
        }
        List<Recommender> models = new ArrayList<>();
        List<Ranker> rankers = new ArrayList<>();
        List<Ranker> plain = new ArrayList<>(), exacts = new ArrayList<>();
        try {
            for (Recommender.Which which : checkpoint.models) {
                Recommender model = Recommender.load(run, backend, which);
                models.add(model);
                sayIfTrainedForAnotherBeam(model, config);
                SearchConfig plainly = model.search(search.beam(), null).withKind(search.kind());
                Ranker ranker = model.ranker(plainly);
                plain.add(ranker);
                rankers.add(ranker);
                if (changed) {
                    ConfidenceOptions.need(model, "--rank, --truncate-below");
                    rankers.add(new ConfidentRanker(
                            ranker, model.confidence(), confidence.rule(pool == null ? 10 : pool),
                            model.model().space().levels()));
                }
                if (!noMemory && which == Recommender.Which.BEST) {
                    rankers.addAll(model.memoryRankers(plainly, config.split(), Progress.stderr()));
                }
                if (search.widening() != null)
                    rankers.add(model.ranker(model.search(search.beam(), search.widening())));
                if (exact) exacts.add(model.ranker(plainly.withKind(SearchConfig.Kind.EXACT)));
            }
            rankers.addAll(exacts);
            ScoreCard card = Evaluate.run(config, run, rankers, files, groups(run), backend, StopRequest.progress());
            for (int m = 0; m < models.size(); m++) {
                if (models.get(m).confidence() == null && !measureConfidence && !rejectionCurve) continue;
                var split = Prepared.load(run).split();
                reports.add(ConfidenceReport.run(
                        run, plain.get(m), models.get(m).confidence(),
                        config.split().equals("test") ? split.test() : split.validation(), config.split(),
                        models.get(m).model().space().levels(), 10, Progress.stderr()));
            }
            if (!reports.isEmpty()) Json.write(run.file(RunFolder.CONFIDENCE), reports);
            return card;
        } finally {
            models.forEach(Recommender::close);
        }
    }

    private static int[] groups(RunFolder run) {
        if (!run.has(RunFolder.SEMANTIC_IDS)) return null;
        SemanticIds ids = SemanticIds.load(run, Prepared.load(run).data().items());
        return ids.distinct() < ids.items() ? ids.sharedBy() : null;
    }

    /** The card of a run: with its model, and rows at the level of semantic IDs, as far as it has these. */
    static ScoreCard measure(
            EvaluateConfig config,
            RunFolder run,
            int beam,
            DeviceOption device,
            Progress progress) {
        int[] groups = groups(run);
        Backend backend = device.open();
        if (!run.has(RunFolder.BEST)) {
            return Evaluate.run(config, run, List.of(), Map.of(), groups, backend, progress);
        }
        var files = ScoreCard.hashes(run, Recommender.files(Recommender.Which.BEST, false));
        try (var recommender = Recommender.load(run, backend)) {
            List<Ranker> rankers = new ArrayList<>(List.of(recommender.ranker(beam)));
            if (config.memory()) {
                rankers.addAll(recommender.memoryRankers(recommender.search(beam, null), config.split(), progress));
            }
            return Evaluate.run(config, run, rankers, files, groups, backend, progress);
        }
    }
}
