package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.Recommender;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.evaluate.Evaluate;
import dev.beamwright.recsys.evaluate.EvaluateConfig;
import dev.beamwright.recsys.evaluate.Ranker;
import dev.beamwright.recsys.evaluate.ScoreCard;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Backend;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code beamwright evaluate}. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = "Ask the test questions and write a score card: the run's model, if it has one, and baselines.")
final class EvaluateCommand implements Callable<Integer> {
    /** Whether items of the history may be recommended. */
    enum SeenItems {
        ALLOWED(List.of(false)),
        HIDDEN(List.of(true)),
        BOTH(List.of(false, true));

        private final List<Boolean> masks;

        SeenItems(List<Boolean> masks) {
            this.masks = masks;
        }
    }

    @Parameters(paramLabel = "RUN", description = "The run's folder.")
    private Path folder;

    @Option(
            names = "--baselines",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "popularity,markov,markov-decayed,item-knn",
            description = "Which baselines stand in the card; sasrec, sasrec-bce and sasrec-sampled are trained first."
                    + " Default: ${DEFAULT-VALUE}.")
    private List<String> baselines;

    @Option(
            names = "--k",
            split = ",",
            paramLabel = "K",
            defaultValue = "1,5,10,20,50",
            description = "Depths of the metrics. Default: ${DEFAULT-VALUE}.")
    private List<Integer> k;

    @Option(
            names = "--split",
            paramLabel = "S",
            defaultValue = "test",
            description = "test or validation. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Option(
            names = "--seen-items",
            paramLabel = "S",
            defaultValue = "both",
            description = "allowed, hidden, or both, each in a row. Default: ${DEFAULT-VALUE}.")
    private SeenItems seenItems;

    @Option(
            names = "--bootstrap",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Draws for the 95 %% intervals; 0 for none. Default: ${DEFAULT-VALUE}.")
    private int bootstrap;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of these draws, and of baselines that are trained. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--predictions",
            paramLabel = "N",
            defaultValue = "10",
            description = "Items per question in RUN/predictions; 0 writes none. Default: ${DEFAULT-VALUE}.")
    private int predictions;

    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "50",
            description = "Width of the model's beam, at least the largest K. Default: ${DEFAULT-VALUE}.")
    private int beam;

    @Option(
            names = "--exact",
            description = "Add a row in which the model scores every item, without a beam; many times as much work.")
    private boolean exact;

    @Mixin
    private WideningOptions widening;

    @Mixin
    private DeviceOption device;

    @Option(names = "--json", description = "Print the score card as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        RunFolder run = RunFolder.open(folder);
        EvaluateConfig config =
                new EvaluateConfig(baselines, k, split, seenItems.masks, bootstrap, seed, predictions);
        ScoreCard card = measure(config, run, beam, widening.widening(), exact, device, Progress.stderr());
        System.out.print(json ? Json.line(card) + "\n" : card.table());
        if (!json) System.out.println("\nwrote " + run.file("scorecard.json"));
        return Main.OK;
    }

    /**
     * The card of a run: with its model, and rows at the level of semantic IDs, as far as it has these.
     *
     * @param widening adds rows of a widened beam; null for none
     */
    static ScoreCard measure(
            EvaluateConfig config,
            RunFolder run,
            int beam,
            Widening widening,
            boolean exact,
            DeviceOption device,
            Progress progress) {
        int[] groups = null;
        if (run.has("tokens/semantic-ids.json")) {
            SemanticIds ids = SemanticIds.load(run, Prepared.load(run).data().items());
            if (ids.distinct() < ids.items()) groups = ids.sharedBy();
        }
        Backend backend = device.open();
        if (!run.has("model/best.safetensors")) return Evaluate.run(config, run, List.of(), groups, backend, progress);
        try (
                var recommender = Recommender.load(run, backend);
                var ranker = recommender.ranker(beam);
                var widened = widening == null ? null : recommender.ranker(beam, widening);
                var exactRanker = exact ? recommender.exactRanker() : null) {
            List<Ranker> models = Stream.<Ranker>of(ranker, widened, exactRanker).filter(Objects::nonNull).toList();
            return Evaluate.run(config, run, models, groups, backend, progress);
        }
    }
}
