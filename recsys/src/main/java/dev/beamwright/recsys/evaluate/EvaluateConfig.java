package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * The settings of the evaluation.
 *
 * @param baselines the baselines that stand in the card
 * @param k the depths of the metrics, ascending
 * @param split {@code test} or {@code validation}
 * @param seenItems what becomes of the items of the history; one row for each
 * @param memory whether models also stand in the card with a memory of what followed what
 * @param bootstrap how many times the questions are drawn anew for the intervals; 0 for none
 * @param seed of these draws, and of baselines that are trained
 * @param predictions how many items per question are written to the predictions' files; 0 writes none
 */
public record EvaluateConfig(
        List<String> baselines,
        List<Integer> k,
        String split,
        List<SeenItems> seenItems,
        boolean memory,
        int bootstrap,
        long seed,
        int predictions) {
    /** The depths that are usual. */
    public static final List<Integer> DEPTHS = List.of(1, 5, 10, 20, 50);

    public EvaluateConfig {
        k = k.stream().sorted().distinct().toList();
        if (k.isEmpty() || k.getFirst() < 1 || k.getLast() > 100_000) {
            throw new UserError("--k " + k + ": depths must be whole numbers from 1 to 100000, such as 1,5,10");
        }
        if (!split.equals("test") && !split.equals("validation")) {
            throw new UserError("there is no split '" + split + "'; choose test or validation");
        }
        if (seenItems.isEmpty()) throw new UserError("neither with nor without seen items; choose at least one");
        if (bootstrap < 0) throw new UserError("--bootstrap " + bootstrap + ": must be 0 (none) or more");
        if (predictions < 0) throw new UserError("--predictions " + predictions + ": must be 0 (none) or more");
    }

    /** How many items a model is asked for. */
    public int depth() {
        return Math.max(k.getLast(), predictions);
    }

    /** The usual protocol on the test questions, with these baselines. */
    public static EvaluateConfig usual(List<String> baselines, long seed) {
        return new EvaluateConfig(baselines, DEPTHS, "test", List.of(SeenItems.values()), true, 1000, seed, 10);
    }
}
