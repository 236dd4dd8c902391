package dev.beamwright.recsys.semanticid;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/**
 * How good semantic IDs are, told before anything is trained on them.
 *
 * @param items how many items have an ID
 * @param quantized what the quantizer gave, before collisions were resolved
 * @param resolved what the collision policy made of it; the IDs that a model sees
 * @param levels the use of each level of the resolved IDs
 * @param neighbours for each length of a prefix, how well it tells which items are alike; empty where there are no
 *     vectors to compare with
 * @param verdict whether these IDs are fit for training
 * @param reasons why the verdict is not better
 */
public record SidReport(
        int items,
        Uniqueness quantized,
        Uniqueness resolved,
        List<Level> levels,
        List<Neighbours> neighbours,
        Verdict verdict,
        List<String> reasons) {
    /** Nearest neighbours looked at for each item, and items looked at. */
    static final int NEAREST = 10, SAMPLE = 1000;

    /** Fit for training; with reservations; not fit. */
    public enum Verdict {
        GREEN,
        YELLOW,
        RED
    }

    /**
     * How far IDs name items.
     *
     * @param distinct how many different IDs there are
     * @param collisionRate (items - distinct) / items
     * @param sharedItemRate the share of items whose ID is another item's too
     * @param largestBucket the most items that share one ID
     * @param buckets how many IDs name how many items, ascending
     * @param recallCeiling the Recall@1, @5 and @10 of a model that always puts the right ID first and takes the items
     *     of an ID in random order: the mean of min(1, K / bucket size) over the targets
     */
    public record Uniqueness(
            int distinct,
            double collisionRate,
            double sharedItemRate,
            int largestBucket,
            List<Bucket> buckets,
            Ceiling recallCeiling) {}

    /** So many IDs that name so many items each. */
    public record Bucket(int items, int ids) {}

    /** The best Recall@K that is possible, see {@link Uniqueness}. */
    public record Ceiling(double at1, double at5, double at10) {}

    /**
     * The use of one level.
     *
     * @param width the number of codes there are
     * @param used the number of codes that some item has
     * @param perplexity exp(entropy) of the codes over the items: how many codes there would be if all were equally
     *     frequent
     * @param prefixes the number of different prefixes up to and with this level
     */
    public record Level(int width, int used, double perplexity, int prefixes) {}

    /**
     * Whether items that are alike have prefixes that are alike.
     *
     * @param prefix the number of codes in the prefix
     * @param agreement the share of an item's nearest neighbours in the vector space (Euclidean, 10 each) that have its
     *     prefix
     * @param chance the same share of all other items
     */
    public record Neighbours(int prefix, double agreement, double chance) {}

    /**
     * Judges IDs.
     *
     * @param quantized the IDs before collisions were resolved
     * @param resolved the IDs after that; the same object where nothing was done
     * @param targets the items over which the recall ceiling is averaged, such as those asked for in validation; all
     *     items once where empty
     * @param vectors (items, dimensions), or null
     */
    public static SidReport of(
            SemanticIds quantized, SemanticIds resolved, int[] targets, Tensor vectors, Backend backend, Key key) {
        List<Level> levels = new ArrayList<>();
        for (int l = 0; l < resolved.levels(); l++) levels.add(level(resolved, l));
        Uniqueness before = uniqueness(quantized, targets), after = uniqueness(resolved, targets);
        List<Neighbours> neighbours =
                vectors == null || resolved.items() < 2 ? List.of() : neighbours(quantized, vectors, backend, key);
        var judge = new Judge(resolved.items());
        judge.levels(levels.subList(0, Math.min(levels.size(), quantized.levels())));
        judge.uniqueness(before, after);
        judge.neighbours(neighbours);
        return new SidReport(
                resolved.items(), before, after, levels, neighbours, judge.verdict, List.copyOf(judge.reasons));
    }

    private static Level level(SemanticIds ids, int level) {
        int[] count = new int[ids.widths()[level]];
        for (int[] id : ids.codes()) count[id[level]]++;
        double entropy = 0;
        int used = 0;
        for (int c : count) {
            if (c == 0) continue;
            used++;
            double p = (double) c / ids.items();
            entropy -= p * Math.log(p);
        }
        return new Level(count.length, used, Math.exp(entropy), ids.distinctPrefixes(level + 1));
    }

    private static Uniqueness uniqueness(SemanticIds ids, int[] targets) {
        int distinct = 0, shared = 0;
        int[] bucketOf = new int[ids.items()];
        var buckets = new TreeMap<Integer, Integer>();
        for (int[] group : ids.groups(ids.levels(), null)) {
            distinct++;
            if (group.length > 1) shared += group.length;
            buckets.merge(group.length, 1, Integer::sum);
            for (int item : group) bucketOf[item] = group.length;
        }
        int[] sizes = targets.length == 0 ? bucketOf : Arrays.stream(targets).map(t -> bucketOf[t]).toArray();
        return new Uniqueness(
                distinct,
                (double) (ids.items() - distinct) / ids.items(),
                (double) shared / ids.items(),
                buckets.lastKey(),
                buckets.entrySet().stream().map(e -> new Bucket(e.getKey(), e.getValue())).toList(),
                new Ceiling(ceiling(sizes, 1), ceiling(sizes, 5), ceiling(sizes, 10)));
    }

    private static double ceiling(int[] bucketSizes, int k) {
        return Arrays.stream(bucketSizes).mapToDouble(s -> Math.min(1, (double) k / s)).average().orElse(1);
    }

    /** The nearest neighbours are exact; where there are many items, those of a random sample are looked at. */
    private static List<Neighbours> neighbours(SemanticIds ids, Tensor vectors, Backend backend, Key key) {
        int n = ids.items(), levels = ids.levels(), nearest = Math.min(NEAREST, n - 1);
        int[] sample = Arrays.copyOf(key.permutation(n), Math.min(SAMPLE, n));
        Arrays.sort(sample);
        int[][] size = new int[levels][n]; // of the group of items with the same prefix
        for (int l = 0; l < levels; l++) {
            for (int[] group : ids.groups(l + 1, null)) for (int item : group) size[l][item] = group.length;
        }
        long[] agree = new long[levels], others = new long[levels];
        int[][] near = nearest(vectors, sample, nearest, backend);
        for (int s = 0; s < sample.length; s++) {
            int[] id = ids.codes()[sample[s]];
            for (int l = 0; l < levels; l++) others[l] += size[l][sample[s]] - 1;
            for (int other : near[s]) {
                for (int l = 0; l < levels && ids.codes()[other][l] == id[l]; l++) agree[l]++;
            }
        }
        var result = new ArrayList<Neighbours>();
        for (int l = 0; l < levels; l++) {
            result.add(new Neighbours(
                    l + 1,
                    (double) agree[l] / ((long) sample.length * nearest),
                    (double) others[l] / ((long) sample.length * (n - 1))));
        }
        return result;
    }

    /** For each item of the sample its nearest other items, by Euclidean distance, the lower number on a tie. */
    private static int[][] nearest(Tensor vectors, int[] sample, int k, Backend backend) {
        int n = vectors.shape().rows(), columns = vectors.shape().dim(-1), block = 64;
        float[] all = vectors.toArray();
        double[] norm = new double[n];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < columns; c++) norm[i] += (double) all[i * columns + c] * all[i * columns + c];
        }
        int[][] result = new int[sample.length][];
        for (int from = 0; from < sample.length; from += block) {
            int[] some = Arrays.copyOfRange(sample, from, Math.min(sample.length, from + block));
            try (Arena arena = Arena.ofShared()) {
                Tensor queries = Tensor.uninitialized(arena, Shape.of(some.length, columns), DType.F32);
                backend.gather(queries, vectors, Tensor.of(arena, Shape.of(some.length), some));
                Tensor products = Tensor.uninitialized(arena, Shape.of(some.length, n), DType.F32);
                backend.matmul(products, queries, false, vectors, true, false);
                float[] product = products.toArray();
                for (int q = 0; q < some.length; q++) {
                    double[] distance = new double[n]; // less the query's own squared length
                    for (int i = 0; i < n; i++) distance[i] = norm[i] - 2 * product[q * n + i];
                    distance[some[q]] = Double.POSITIVE_INFINITY;
                    result[from + q] = smallest(distance, k);
                }
            }
        }
        return result;
    }

    private static int[] smallest(double[] values, int k) {
        int[] best = new int[k];
        int filled = 0;
        for (int i = 0; i < values.length; i++) {
            if (filled == k && values[i] >= values[best[k - 1]]) continue;
            int at = filled < k ? filled++ : k - 1;
            for (; at > 0 && values[i] < values[best[at - 1]]; at--) best[at] = best[at - 1];
            best[at] = i;
        }
        return best;
    }

    /** The rules of the verdict, each with its reason. */
    private static final class Judge {
        final int items;
        final List<String> reasons = new ArrayList<>();
        Verdict verdict = Verdict.GREEN;

        Judge(int items) {
            this.items = items;
        }

        void levels(List<Level> levels) {
            for (int l = 0; l < levels.size(); l++) {
                Level level = levels.get(l);
                double share = level.perplexity / Math.min(level.width, items);
                String use = format("level %d is used as if it had %.0f of its %d codes", l + 1, level.perplexity,
                        level.width);
                if (share < 0.02) note(Verdict.RED, use + ": it has collapsed");
                else if (share < 0.4) note(Verdict.YELLOW, use);
            }
        }

        void uniqueness(Uniqueness before, Uniqueness after) {
            double ceiling = after.recallCeiling.at10;
            String cannot = format("shared IDs limit Recall@10 to %.3f and Recall@1 to %.3f", ceiling,
                    after.recallCeiling.at1);
            if (ceiling < 0.9) note(Verdict.RED, cannot);
            else if (ceiling < 0.99 || after.recallCeiling.at1 < 0.95) note(Verdict.YELLOW, cannot);
            if (before.largestBucket > Math.max(10, 0.05 * items)) {
                note(Verdict.RED, format("%d of %d items got the same codes", before.largestBucket, items));
            }
            String alike = format("%.0f %% of the items got the codes of another item", 100 * before.sharedItemRate);
            if (before.sharedItemRate > 0.6) note(Verdict.RED, alike + "; use more levels or codes");
            else
                if (before.sharedItemRate > 0.3) note(Verdict.YELLOW, alike + "; more levels or codes tell them apart");
        }

        void neighbours(List<Neighbours> neighbours) {
            if (neighbours.isEmpty()) return;
            Neighbours first = neighbours.getFirst();
            String same = format("%.1f %% of an item's nearest neighbours have its first code, %.1f %% would by chance",
                    100 * first.agreement, 100 * first.chance);
            // Few codes agree often by chance: then it counts how far from chance to certainty they come.
            double above = first.chance == 1 ? 1 : (first.agreement - first.chance) / (1 - first.chance);
            if (first.chance == 0) note(Verdict.YELLOW, "no two items have the same first code: it tells nothing more");
            else if (first.agreement < 2 * first.chance && above < 0.2) {
                note(Verdict.RED, same + ": the codes do not follow the vectors");
            } else if (first.agreement < 5 * first.chance && above < 0.5) note(Verdict.YELLOW, same);
        }

        private void note(Verdict at, String reason) {
            if (at.compareTo(verdict) > 0) verdict = at;
            reasons.add(reason);
        }
    }

    /** The report as a table for people. */
    public String text() {
        var out = new StringBuilder();
        out.append(format("semantic IDs       %d items, %d levels\n", items, levels.size()));
        out.append("                       before      after collisions were resolved\n");
        row(out, "distinct", "%d", quantized.distinct, resolved.distinct);
        row(out, "collision rate", "%.4f", quantized.collisionRate, resolved.collisionRate);
        row(out, "items in shared IDs", "%.4f", quantized.sharedItemRate, resolved.sharedItemRate);
        row(out, "largest bucket", "%d", quantized.largestBucket, resolved.largestBucket);
        row(out, "ceiling of Recall@1", "%.4f", quantized.recallCeiling.at1, resolved.recallCeiling.at1);
        row(out, "ceiling of Recall@10", "%.4f", quantized.recallCeiling.at10, resolved.recallCeiling.at10);
        out.append("items per ID       ").append(histogram(quantized.buckets)).append('\n');
        out.append("\nlevel   width    used  perplexity  prefixes   neighbours that agree   by chance\n");
        for (int l = 0; l < levels.size(); l++) {
            Level v = levels.get(l);
            out.append(format("%5d %7d %7d %11.1f %9d", l + 1, v.width, v.used, v.perplexity, v.prefixes));
            if (l < neighbours.size()) {
                out.append(format("   %21.4f %11.4f", neighbours.get(l).agreement, neighbours.get(l).chance));
            }
            out.append('\n');
        }
        out.append("\nverdict: ").append(verdict.name().toLowerCase(Locale.ROOT)).append('\n');
        for (String reason : reasons) out.append("  ").append(reason).append('\n');
        return out.toString();
    }

    private static void row(StringBuilder out, String name, String number, Object before, Object after) {
        out.append(format("%-18s %10s %10s\n", name, format(number, before), format(number, after)));
    }

    private static String histogram(List<Bucket> buckets) {
        var text = new StringBuilder();
        int shown = 0, restIds = 0;
        for (Bucket b : buckets) {
            if (shown++ < 8) text.append(format("%dx%d ", b.ids, b.items));
            else restIds += b.ids;
        }
        if (restIds > 0) text.append(format("and %d larger", restIds));
        return text.toString().strip() + " (so many IDs x items each, before)";
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
