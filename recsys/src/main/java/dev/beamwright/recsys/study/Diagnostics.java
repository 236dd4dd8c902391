package dev.beamwright.recsys.study;

import dev.beamwright.recsys.objective.PrefixWeights;
import dev.beamwright.recsys.run.Chart;
import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.TextTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * What a beam search loses, and where: {@code diagnostics.json}. A target counts as found where its semantic ID is;
 * seen items are not left out. Shares are of the users asked unless something else is said.
 *
 * @param run the folder of the run
 * @param model its name
 * @param split whose questions were asked
 * @param users how many were asked
 * @param questions how many there are
 * @param beam width B of the beam
 * @param levels what happened at each level
 * @param firstDropped at which level the target's prefix first left the beam: how many users, by level
 * @param never users whose target stayed in the beam to the end
 * @param exactTop of the B best items of the exact ranking, the share that the beam returned
 * @param allCodesInTop share of the targets all of whose codes are among the B likeliest of those that can follow
 * @param pruning of targets that an exact ranking would have returned
 * @param losses why targets were not returned
 * @param certified lists that are proved to be exact, and what the others lost
 * @param tokenRanks for each level, how many targets' codes have the rank 1, 2, … among all codes of the level
 * @param prefixWeights of the training, if it had such
 */
public record Diagnostics(
        String run,
        String model,
        String split,
        int users,
        int questions,
        int beam,
        List<Level> levels,
        int[] firstDropped,
        int never,
        double exactTop,
        double allCodesInTop,
        Pruning pruning,
        Losses losses,
        Certified certified,
        int[][] tokenRanks,
        List<Weights> prefixWeights) {
    /**
     * One level, from 1.
     *
     * @param survival share of the targets' prefixes of this length that were in the beam
     * @param exactTopSurvival of the prefixes of the B best items of the exact ranking, the share in the beam
     * @param prefixInTop share of the targets' prefixes that are among the B best of all prefixes of this length
     * @param codeInTopOfSiblings share of the targets' codes that are among the B likeliest of those that can follow
     * @param codeInTopOfLevel share of the targets' codes that are among the B likeliest of all codes of the level
     * @param medianSiblingRank the median rank of the target's code among those that can follow
     * @param medianLevelRank the median rank of the target's code among all codes of the level
     * @param meanNll mean negative log-likelihood of the target's code, given its own codes before it
     * @param meanMargin mean log-probability of the B-th likeliest code that can follow, or of the last if there are
     *     fewer, less that of the target's: BEAR's Δ
     * @param siblings mean number of codes that can follow where the target's does
     * @param forced share of the targets whose code is the only one that can follow
     * @param vacuous for several B, the share of the targets that have at most B siblings, themselves counted, so that
     *     being among the B likeliest of them means nothing
     */
    public record Level(
            int level,
            double survival,
            double exactTopSurvival,
            double prefixInTop,
            double codeInTopOfSiblings,
            double codeInTopOfLevel,
            double medianSiblingRank,
            double medianLevelRank,
            double meanNll,
            double meanMargin,
            double siblings,
            double forced,
            Map<Integer, Double> vacuous) {}

    /**
     * Targets among the B best of the exact ranking that the beam did not return.
     *
     * @param inExactTop targets among the B best of the exact ranking
     * @param pruned how many of these the beam did not return
     * @param rate the share; null where there are none
     * @param violatesAmongSiblings of the pruned, the share with a code that is not among the B likeliest of its siblings;
     *     null where none was pruned
     * @param violatesInLevel of the pruned, the share with a code that is not among the B likeliest of its level; likewise
     */
    public record Pruning(
            int inExactTop,
            int pruned,
            @Nullable Double rate,
            @Nullable Double violatesAmongSiblings,
            @Nullable Double violatesInLevel) {}

    /**
     * Where recall is lost: {@code exactRecall - beamLoss + beamGain = beamRecall}, {@code modelLoss = 1 - exactRecall}.
     *
     * @param exactRecall share of the targets among the B best of the exact ranking
     * @param beamRecall share of the targets that the beam returned
     * @param modelLoss share that even the exact ranking does not have among its B best
     * @param beamLoss share that the exact ranking has and the beam has not
     * @param beamGain share that the beam has, because it lost what was better, and the exact ranking has not
     * @param exactNdcg10 NDCG@10 of the exact ranking; NDCG@B if the beam is narrower
     * @param beamNdcg10 the same of the beam
     */
    public record Losses(
            double exactRecall,
            double beamRecall,
            double modelLoss,
            double beamLoss,
            double beamGain,
            double exactNdcg10,
            double beamNdcg10) {}

    /**
     * What the beam's certificates say, see {@link dev.beamwright.recsys.decode.Certificate}.
     *
     * @param k first items of a list
     * @param share of the lists whose first k items are certified
     * @param changed share of the lists that are not certified, and whose first k items are not those of exact scoring
     * @param lost for each level, items of the exact first k, in the mean of all users, that left the beam there first
     */
    public record Certified(int k, double share, double changed, double[] lost) {}

    /** The weights of the prefix losses at the end of an epoch of training. */
    public record Weights(int epoch, double[] weights) {
        /** Near 0 where one prefix has all the weight; the log of their number where all have the same. */
        double entropy() {
            double sum = 0;
            for (double w : weights) sum -= w == 0 ? 0 : w * Math.log(w);
            return sum;
        }
    }

    /** The charts, by name. */
    Map<String, Chart> charts() {
        double[] level = levels.stream().mapToDouble(Level::level).toArray();
        Map<String, Chart> charts = new TreeMap<>();
        String title = model + ", beam " + beam;
        charts.put("survival", new Chart(title + ": what stays in the beam", "level", "share", List.of(
                line("prefix of the target", level, Level::survival),
                line("prefixes of the exact top " + beam, level, Level::exactTopSurvival),
                line("target's prefix among the best " + beam + " of all prefixes", level,
                        Level::prefixInTop))));
        charts.put("first-drop",
                new Chart(title + ": where targets first leave the beam", "level", "share of users", List.of(
                        new Chart.Line("first left at this level", level, Arrays.stream(firstDropped)
                                .mapToDouble(c -> (double) c / users)
                                .toArray()))));
        List<Chart.Line> ranks = new ArrayList<>();
        for (int l = 0; l < tokenRanks.length; l++) {
            int most = Math.min(50, tokenRanks[l].length);
            double[] x = new double[most], y = new double[most];
            double sum = 0;
            for (int i = 0; i < most; i++) {
                x[i] = i + 1;
                y[i] = (sum += tokenRanks[l][i]) / users;
            }
            ranks.add(new Chart.Line("level " + (l + 1), x, y));
        }
        charts.put("token-rank", new Chart(
                title + ": rank of the target's code in its level", "rank at most", "share of targets", ranks));
        if (!prefixWeights.isEmpty()) {
            double[] epoch = prefixWeights.stream().mapToDouble(Diagnostics.Weights::epoch).toArray();
            List<Chart.Line> weights = new ArrayList<>();
            for (int m = 0; m < level.length; m++) {
                int prefix = m;
                weights.add(new Chart.Line(
                        "prefix of " + (m + 1),
                        epoch,
                        prefixWeights.stream().mapToDouble(w -> w.weights()[prefix]).toArray()));
            }
            charts.put("prefix-weights",
                    new Chart(title + ": weights of the prefix losses", "epoch", "weight", weights));
        }
        return charts;
    }

    private Chart.Line line(String name, double[] level, ToDoubleFunction<Level> value) {
        return new Chart.Line(name, level, levels.stream().mapToDouble(value).toArray());
    }

    /** Diagnoses as a text table, side by side. */
    public static String table(List<Diagnostics> all) {
        List<List<String>> rows = new ArrayList<>();
        row(rows, "", all, d -> Path.of(d.run).getFileName().toString());
        row(rows, "model", all, Diagnostics::model);
        row(rows, "users asked", all, d -> d.users + " of " + d.questions + " (" + d.split + ")");
        row(rows, "beam width B", all, d -> Integer.toString(d.beam));
        row(rows, "exact recall@B", all, d -> share(d.losses.exactRecall));
        row(rows, "  lost by the beam", all, d -> share(d.losses.beamLoss));
        row(rows, "  gained by the beam", all, d -> share(d.losses.beamGain));
        row(rows, "beam recall@B", all, d -> share(d.losses.beamRecall));
        row(rows, "lost by the model", all, d -> share(d.losses.modelLoss));
        row(rows, "exact NDCG@10 (or @B)", all, d -> String.format(Locale.ROOT, "%.4f", d.losses.exactNdcg10));
        row(rows, "beam NDCG@10 (or @B)", all, d -> String.format(Locale.ROOT, "%.4f", d.losses.beamNdcg10));
        row(rows, "exact top B kept", all, d -> share(d.exactTop));
        row(rows, "list certified exact", all, d -> share(d.certified.share) + " (top " + d.certified.k + ")");
        row(rows, "  not certified, not exact", all, d -> share(d.certified.changed));
        row(rows, "  exact items lost at level 1, 2, …", all,
                d -> numbers(d.certified.lost));
        row(rows, "all codes in top B of siblings", all, d -> share(d.allCodesInTop));
        row(rows, "pruned targets", all,
                d -> d.pruning.pruned + " of " + d.pruning.inExactTop + ", " + share(d.pruning.rate));
        row(rows, "  rank > B of siblings", all, d -> share(d.pruning.violatesAmongSiblings));
        row(rows, "  rank > B in level", all, d -> share(d.pruning.violatesInLevel));
        int levels = all.stream().mapToInt(d -> d.levels.size()).max().orElse(0);
        byLevel(rows, "target in the beam", all, levels, l -> share(l.survival));
        byLevel(rows, "exact top B in the beam", all, levels, l -> share(l.exactTopSurvival));
        for (int level = 0; level < levels; level++) {
            int l = level;
            row(rows, l == 0 ? "first left the beam, level 1" : "  level " + (l + 1), all,
                    d -> l < d.firstDropped.length ? share((double) d.firstDropped[l] / d.users) : "");
        }
        byLevel(rows, "prefix in top B", all, levels, l -> share(l.prefixInTop));
        byLevel(rows, "code in top B of siblings", all, levels, l -> share(l.codeInTopOfSiblings));
        byLevel(rows, "code in top B of level", all, levels, l -> share(l.codeInTopOfLevel));
        byLevel(rows, "median rank of siblings", all, levels,
                l -> String.format(Locale.ROOT, "%.1f of %.1f", l.medianSiblingRank, l.siblings));
        byLevel(rows, "median rank in level", all, levels, l -> String.format(Locale.ROOT, "%.1f", l.medianLevelRank));
        byLevel(rows, "mean NLL", all, levels, l -> String.format(Locale.ROOT, "%.3f", l.meanNll));
        byLevel(rows, "mean margin to the B-th", all, levels, l -> String.format(Locale.ROOT, "%.2f", l.meanMargin));
        for (int width : all.isEmpty() || levels == 0 ? List.<Integer>of() : widths(all)) {
            byLevel(rows, "at most " + width + " siblings", all, levels,
                    l -> l.vacuous.containsKey(width) ? share(l.vacuous.get(width)) : "");
        }
        atTheEnd(rows, "prefix weights at the end", all, w -> numbers(w.weights));
        atTheEnd(rows, "  what they weigh each code by", all, w -> numbers(PrefixWeights.perCode(w.weights())));
        atTheEnd(rows, "  their entropy", all, w -> numbers(w.entropy()));
        return TextTable.of(rows, 1);
    }

    private static void atTheEnd(
            List<List<String>> rows, String what, List<Diagnostics> all, Function<Weights, String> value) {
        if (all.stream().allMatch(d -> d.prefixWeights.isEmpty())) return;
        row(rows, what, all, d -> d.prefixWeights.isEmpty() ? "none" : value.apply(d.prefixWeights.getLast()));
    }

    private static String numbers(double... values) {
        return Arrays.stream(values)
                .mapToObj(v -> String.format(Locale.ROOT, "%.3f", v))
                .collect(Collectors.joining(" "));
    }

    private static List<Integer> widths(List<Diagnostics> all) {
        return all.stream().flatMap(d -> d.levels.getFirst().vacuous.keySet().stream()).distinct().sorted().toList();
    }

    private static void byLevel(
            List<List<String>> rows, String what, List<Diagnostics> all, int levels, Function<Level, String> value) {
        for (int level = 0; level < levels; level++) {
            int l = level;
            row(rows, l == 0 ? what + ", level 1" : "  level " + (l + 1), all,
                    d -> l < d.levels.size() ? value.apply(d.levels.get(l)) : "");
        }
    }

    private static void row(
            List<List<String>> rows, String what, List<Diagnostics> all, Function<Diagnostics, String> value) {
        List<String> row = new ArrayList<>(List.of(what));
        for (Diagnostics d : all) row.add(value.apply(d));
        rows.add(row);
    }

    private static String share(Double v) {
        return v == null ? "–" : String.format(Locale.ROOT, "%.2f %%", 100 * v);
    }
}
