package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.decode.ItemPrior;
import dev.beamwright.recsys.decode.SequenceMemory;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.train.Validation;
import dev.beamwright.tensor.Key;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * How much a memory counts beside a model: w of {@link ItemPrior}, with the best NDCG@10 of a few on validation
 * questions, asked of a memory that has read the training part alone. Of equally good ones the smallest. It stands in a
 * file of the run and is chosen again when what it was chosen for has changed.
 *
 * @param weight w; 0 if the memory helps nothing
 * @param cases how many validation questions decided
 * @param tried what each weight came to
 * @param files of the run by which it was chosen, with their SHA-256
 */
public record MemoryWeight(double weight, int cases, List<Tried> tried, Map<String, String> files) {
    /** One weight, with what it came to on the validation questions, under the repeat prior. */
    public record Tried(double weight, double recall10, double ndcg10) {}

    private static final double[] WEIGHTS = {0, 0.5, 1, 1.5, 2};
    private static final int CASES = 2000;
    private static final List<String> DATA = List.of(RunFolder.SEQUENCES, RunFolder.SPLIT);

    /** The weight that a run has for these files of a model; null if it has none, or one for others. */
    public static MemoryWeight read(RunFolder run, String file, List<String> model) {
        if (!run.has(file)) return null;
        MemoryWeight stored = Json.read(run.file(file), MemoryWeight.class);
        return stored.files.equals(hashes(run, model)) ? stored : null;
    }

    /**
     * The weight of a run, chosen if it has none.
     *
     * @param file of the run in which it stands
     * @param model the files of the run that the model is made of
     * @param with the model with a prior
     */
    public static MemoryWeight of(
            String file,
            List<String> model,
            RunFolder run,
            Prepared prepared,
            Function<ItemPrior, Ranker> with,
            Progress progress) {
        MemoryWeight stored = read(run, file, model);
        if (stored != null) return stored;
        MemoryWeight chosen = choose(prepared, with, hashes(run, model), progress);
        Json.write(run.file(file), chosen);
        return chosen;
    }

    private static MemoryWeight choose(
            Prepared prepared, Function<ItemPrior, Ranker> with, Map<String, String> files, Progress progress) {
        int[][] train = prepared.split().train();
        List<Case> cases = Case.some(prepared.split().validation(), CASES, Key.of(1).fold("memory"));
        var nothing = new ItemPrior(
                Repeats.of(train), SequenceMemory.of(train, prepared.data().items().size()), 0, SeenItems.PRIOR);
        List<Tried> tried = new ArrayList<>();
        try (Progress.Bar bar = progress.start("weight of the memory", (long) WEIGHTS.length * cases.size())) {
            for (double weight : WEIGHTS) {
                int before = tried.size() * cases.size();
                try (Ranker ranker = with.apply(nothing.withWeight(weight))) {
                    var found = Validation.of(ranker, SeenItems.PRIOR, cases, n -> bar.step(before + n, ""));
                    tried.add(new Tried(weight, found.recall10(), found.ndcg10()));
                }
            }
        }
        double best = tried.stream().max(Comparator.comparingDouble(Tried::ndcg10)
                .thenComparing(Comparator.comparingDouble(Tried::weight).reversed())).orElseThrow().weight;
        progress.say("memory: weight " + best + ", by NDCG@10 of " + tried.stream()
                .map(t -> String.format(Locale.ROOT, "%.4f at %s", t.ndcg10, t.weight))
                .collect(Collectors.joining(", ")));
        return new MemoryWeight(best, cases.size(), tried, files);
    }

    private static Map<String, String> hashes(RunFolder run, List<String> model) {
        Map<String, String> hashes = new TreeMap<>();
        for (String f : DATA) hashes.put(f, Hash.sha256(run.file(f)));
        for (String f : model) if (run.has(f)) hashes.put(f, Hash.sha256(run.file(f)));
        return hashes;
    }

    /**
     * What a model knows besides itself, by the name under which it stands in a score card: {@code NAME-memory} with a
     * memory of the training part; on test questions also {@code NAME-memory-validation}, whose memory has read the
     * validation items as well. Nothing if the weight is 0.
     *
     * @param name of the model
     * @param split whose questions are asked
     */
    public Map<String, ItemPrior> priors(String name, Prepared prepared, String split) {
        Map<String, ItemPrior> priors = new LinkedHashMap<>();
        if (weight == 0) return priors;
        int items = prepared.data().items().size();
        int[][] train = prepared.split().train();
        Repeats repeats = Repeats.of(train);
        priors.put(
                name + "-memory",
                new ItemPrior(repeats, SequenceMemory.of(train, items), weight, SeenItems.PRIOR));
        if (split.equals("test")) {
            SequenceMemory more = SequenceMemory.of(prepared.split().trainAndValidation(), items);
            priors.put(name + "-memory-validation", new ItemPrior(repeats, more, weight, SeenItems.PRIOR));
        }
        return priors;
    }
}
