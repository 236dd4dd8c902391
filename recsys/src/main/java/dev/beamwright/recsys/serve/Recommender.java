package dev.beamwright.recsys.serve;

import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.confidence.ConfidenceReader;
import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Guide;
import dev.beamwright.recsys.decode.ItemPrior;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.SequenceMemory;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.evaluate.GenerativeRanker;
import dev.beamwright.recsys.evaluate.MemoryWeight;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.prm.ProcessRewardModel;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.run.Gate;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * The trained model of a run, ready to recommend: histories of item ids in, items with titles and scores out.
 *
 * <pre>{@code
 * try (var recommender = Recommender.load(RunFolder.open(Path.of("my-run")), Backends.best())) {
 *     List<Recommendation> best = recommender.recommend(List.of("0114709", "0137523"), 10, Options.DEFAULT);
 * }
 * }</pre>
 */
public final class Recommender implements AutoCloseable {
    /**
     * One recommended item.
     *
     * @param rank 1 for the best
     * @param score of the item's semantic ID by which the list is ordered: its log-probability, unless the beam is
     *     widened
     * @param confidence how sure the model says it is, in (0, 1); null for a model that does not say
     */
    public record Recommendation(int rank, String item, String title, double score, Double confidence) {}

    /**
     * What one user gets.
     *
     * @param items best first
     * @param certified whether these are proved to be the items that the model scores best; null if the search can prove
     *     nothing
     * @param bound the best score of what the search left aside: an item that scores above it is where exact scoring has
     *     it; null if nothing was left aside, or it is not known
     */
    public record Recommended(List<Recommendation> items, Boolean certified, Float bound) {}

    /** Which of a run's models. */
    public enum Which {
        /** With the best validation. */
        BEST,
        /** As training left it. */
        LAST;

        private String file() {
            return this == BEST ? RunFolder.BEST : RunFolder.LAST;
        }
    }

    /**
     * How to recommend.
     *
     * @param beam width; never less than the items asked for
     * @param seen what becomes of items of the history; with a widening the prior hides them
     * @param memory whether a memory of what followed what counts beside the model, if the run has a weight for it;
     *     never with a widening
     * @param eligible ids of the only items that may be returned; null for all
     * @param search kind of search
     * @param widening how the beam is widened, and pruned by the run's process reward model; null for a plain beam
     */
    public record Options(
            int beam,
            SeenItems seen,
            boolean memory,
            List<String> eligible,
            SearchConfig.Kind search,
            Widening widening) {
        /** With a plain beam, and the memory. */
        public Options(int beam, SeenItems seen, List<String> eligible) {
            this(beam, seen, true, eligible, SearchConfig.Kind.BEAM, null);
        }

        /** A beam of 50, seen items as likely as people repeat, all others eligible. */
        public static final Options DEFAULT = new Options(50, SeenItems.PRIOR, null);
    }

    private final Backend backend;
    private final Arena memory = Arena.ofShared();
    private final Prepared prepared;
    private final Dataset data;
    private final TrainConfig config;
    private final GenerativeModel model;
    private final ConfidenceReader confidence; // null for a model that does not say
    private final String label, name;
    private final RunFolder run;
    private final Which which;
    private final boolean byRollouts;
    private ProcessRewardModel prm; // read when it is first needed
    private ItemPrior prior; // made when it is first needed
    private final Generator generator;
    private final Gate gate = new Gate("this recommender");
    private final Map<String, Integer> itemNumbers = new HashMap<>();

    private Recommender(RunFolder run, Backend backend, Which which) {
        this.backend = backend;
        this.run = run;
        this.which = which;
        prepared = Prepared.load(run);
        data = prepared.data();
        config = run.config("train", TrainConfig.class);
        for (int i = 0; i < data.items().size(); i++) itemNumbers.put(data.items().get(i), i);
        SemanticIds ids = SemanticIds.load(run, data.items());
        model = TrainedModel.create(config.model(), ids, Key.of(config.seed()), memory);
        TrainedModel.load(model, run, which.file());
        ReinforceConfig reinforced = Reinforce.configOf(run);
        byRollouts = reinforced != null;
        label = reinforced == null ? config.label() : config.model().backbone() + "-" + reinforced.name();
        name = label + (which == Which.BEST ? "" : "-last");
        generator = new Generator(backend, model);
        if (reinforced != null && reinforced.objective().asksConfidence()) {
            Confidence asked = Confidence.of(
                    model, reinforced.confidenceGain(), Key.of(config.seed()), memory);
            asked.load(run, which.file());
            confidence = new ConfidenceReader(backend, model, asked);
        } else {
            confidence = null;
        }
    }

    /** Loads the best model of a run. Throws {@link UserError} if the run has none, or its files do not fit. */
    public static Recommender load(RunFolder run, Backend backend) {
        return load(run, backend, Which.BEST);
    }

    /** Loads a model of a run. Throws {@link UserError} if the run has none, or its files do not fit. */
    public static Recommender load(RunFolder run, Backend backend, Which which) {
        run.need(which.file(), "train");
        return new Recommender(run, backend, which);
    }

    /** How the model is called in a score card. */
    public String name() {
        return name;
    }

    /**
     * The files of a run that such a model is made of, whether or not the run has them.
     *
     * @param widened with the process reward model
     */
    public static List<String> files(Which which, boolean widened) {
        List<String> files = new ArrayList<>(List.of(RunFolder.config("train"), Reinforce.CONFIG, which.file()));
        if (widened) files.addAll(List.of(RunFolder.config("train-prm"), RunFolder.PRM));
        return files;
    }

    /** What asks the model how sure it is; null for a model that does not say. */
    public ConfidenceReader confidence() {
        return confidence;
    }

    /** The model itself. */
    public GenerativeModel model() {
        return model;
    }

    /** How it was trained. */
    public TrainConfig config() {
        return config;
    }

    /** The users and items of the run. */
    public Dataset data() {
        return data;
    }

    /** Whether the run has a process reward model. One that was trained with a model ends where rollouts begin. */
    public boolean hasPrm() {
        return run.has(RunFolder.PRM) || config.prm() != null && !byRollouts;
    }

    /** The run's process reward model. Throws {@link UserError} if it has none, or one of another checkpoint. */
    public ProcessRewardModel prm() {
        return gate.inside(this::loadPrm);
    }

    private synchronized ProcessRewardModel loadPrm() {
        if (!hasPrm()) {
            throw new UserError(run.root() + ": this run has no process reward model; 'beamwright train-prm "
                    + run.root() + "' trains one on the model that is there");
        }
        if (prm == null) prm = TrainedModel.loadPrm(run, config, model, which.file(), memory);
        return prm;
    }

    /**
     * How to search with this model.
     *
     * @param widening pruned by the run's process reward model; null for a plain beam
     */
    public SearchConfig search(int beam, Widening widening) {
        return SearchConfig.beam(beam, config.likelihood())
                .withGuide(widening == null ? null : new Guide(widening, prm()));
    }

    /** The model as it stands in a score card, until this recommender is closed. */
    public GenerativeRanker ranker(SearchConfig search) {
        String how = search.kind() != SearchConfig.Kind.BEAM
                ? "-" + search.kind()
                : search.guide() != null ? "-prm"
                : "";
        ItemPrior prior = ItemPrior.of(Repeats.of(prepared.split().train()), SeenItems.ALLOWED);
        return new GenerativeRanker(name + how, label, generator, search, prior);
    }

    /**
     * The model with a memory, as it stands in a score card of these questions, see {@link MemoryWeight#priors}. The
     * memory's weight is chosen on validation questions if the run has not chosen yet.
     */
    public List<GenerativeRanker> memoryRankers(SearchConfig search, String split, Progress progress) {
        List<GenerativeRanker> rankers = new ArrayList<>();
        memoryWeight(search, progress)
                .priors(ranker(search).name(), prepared, split)
                .forEach((called, prior) -> rankers.add(new GenerativeRanker(called, label, generator, search, prior)));
        return rankers;
    }

    /** How much a memory counts beside the model, chosen if the run has not chosen yet. */
    public MemoryWeight memoryWeight(SearchConfig search, Progress progress) {
        return MemoryWeight.of(
                RunFolder.MEMORY, List.of(which.file()), run, prepared,
                prior -> new GenerativeRanker(name, label, generator, search, prior), progress);
    }

    /**
     * What is known besides the model: how people repeat, and what followed what in all interactions of the run. Its
     * memory may {@linkplain SequenceMemory#read read} new interactions, which count at
     * once. It has the weight 0 where none was chosen for this model.
     */
    public synchronized ItemPrior prior() {
        if (prior == null) {
            MemoryWeight weight = chosenWeight();
            prior = new ItemPrior(
                    Repeats.of(prepared.split().train()),
                    SequenceMemory.of(data.sequences(), data.items().size()),
                    weight == null ? 0 : weight.weight(),
                    SeenItems.PRIOR);
        }
        return prior;
    }

    /** Whether the run has a weight for a memory beside this model; {@code evaluate} chooses it. */
    public boolean hasMemoryWeight() {
        return chosenWeight() != null;
    }

    private MemoryWeight chosenWeight() {
        return MemoryWeight.read(run, RunFolder.MEMORY, List.of(which.file()));
    }

    private SearchConfig search(Options options, int k) {
        boolean guided = options.widening() != null;
        ItemPrior known = prior().with(guided ? options.seen().withoutPrior() : options.seen());
        return search(options.beam(), options.widening())
                .withKind(options.search())
                .withItems(k)
                .withPrior(options.memory() && !guided ? known : known.withWeight(0));
    }

    /** The same with a plain beam. */
    public GenerativeRanker ranker(int beam) {
        return ranker(search(beam, null));
    }

    /** Recommends for one history of item ids, oldest first. */
    public List<Recommendation> recommend(List<String> history, int k, Options options) {
        return recommend(new int[][] {numbers(history)}, Sample.nobodies(1), k, options, null).getFirst().items();
    }

    /**
     * Recommends for many histories of item numbers, oldest first. May be called by several threads. Throws
     * {@link IllegalStateException} if this is closed.
     *
     * @param users the number of each user, {@link Sample#NOBODY} for one who is not known
     * @param progress told how many are done; may be null
     */
    public List<Recommended> recommend(
            int[][] histories, int[] users, int k, Options options, IntConsumer progress) {
        return gate.inside(() -> {
            boolean[] eligible = options.eligible() == null ? null : eligible(options.eligible());
            Query query = Query.of(List.of(histories), users).among(eligible);
            Search.Result[] found = generator.recommend(search(options, k), query, progress);
            int[][] items = new int[found.length][];
            for (int u = 0; u < items.length; u++) {
                for (float score : found[u].scores()) if (Float.isNaN(score)) throw Ranking.notANumber(name);
                items[u] = Arrays.copyOf(found[u].items(), Math.min(k, found[u].items().length));
            }
            double[][] sure = confidence == null ? null : confidence.read(query.histories(), users, items);
            List<Recommended> all = new ArrayList<>();
            for (int u = 0; u < items.length; u++) {
                List<Recommendation> best = new ArrayList<>();
                for (int i = 0; i < items[u].length; i++) {
                    int item = items[u][i];
                    best.add(new Recommendation(
                            i + 1, data.items().get(item), data.titles().get(item), found[u].scores()[i],
                            sure == null ? null : (Double) sure[u][i]));
                }
                boolean proves = found[u].certificate() != null;
                all.add(new Recommended(
                        List.copyOf(best),
                        proves ? found[u].certified(k) : null,
                        proves ? found[u].certificate().bound() : null));
            }
            return all;
        });
    }

    private boolean[] eligible(List<String> ids) {
        boolean[] eligible = new boolean[data.items().size()];
        for (int item : numbers(ids)) eligible[item] = true;
        return eligible;
    }

    /** Whether the run knows an item. */
    public boolean knows(String id) {
        return itemNumbers.containsKey(id);
    }

    /** The numbers of item ids. Throws {@link UserError} for an id that the run does not know. */
    public int[] numbers(List<String> ids) {
        int[] numbers = new int[ids.size()];
        for (int i = 0; i < numbers.length; i++) {
            Integer n = itemNumbers.get(ids.get(i));
            if (n == null) {
                throw new UserError("there is no item '" + ids.get(i) + "' in this run; data/items.tsv lists them");
            }
            numbers[i] = n;
        }
        return numbers;
    }

    /** Waits for running calls; later ones get an {@link IllegalStateException}. A second time it does nothing. */
    @Override
    public void close() {
        gate.close(() -> {
            generator.close();
            if (confidence != null) confidence.close();
            memory.close();
        });
    }
}
