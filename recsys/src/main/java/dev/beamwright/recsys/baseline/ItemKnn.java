package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.run.Progress;
import it.unimi.dsi.fastutil.ints.IntArrays;
import it.unimi.dsi.fastutil.ints.IntLinkedOpenHashSet;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Items taken by the same users. The likeness of items a and b is the cosine of their user sets in the training part,
 * |users(a) ∩ users(b)| / sqrt(|users(a)| |users(b)|); each item keeps its {@value #NEIGHBOURS} likest others (of equally
 * like ones the lower numbers). An item's score is the sum of its likenesses to the items of the history, each counted
 * once, whatever their order. The form of Deshpande and Karypis, "Item-based top-N recommendation algorithms", 2004.
 *
 * <p>Of a user only the latest {@value #MOST} distinct items count. So fitting takes at most that many steps for each
 * interaction, and memory for the interactions, the neighbours and a few numbers for each item and thread.
 */
record ItemKnn() implements Baseline {
    private static final int NEIGHBOURS = 100;
    /** The most distinct items of a user. */
    static final int MOST = 1000;

    /** Of one thread: how many users two items have in common, which items have any, and their likeness; by item. */
    private record Room(int[] both, int[] met, double[] cosine) {
        Room(int items) {
            this(new int[items], new int[items], new double[items]);
        }
    }

    @Override
    public String name() {
        return "item-knn";
    }

    @Override
    public Scorer fit(int[][] train, int items, Progress progress) {
        int[][] itemsOf = new int[train.length][];
        int[] count = new int[items];
        for (int u = 0; u < train.length; u++) {
            itemsOf[u] = latest(train[u]);
            for (int i : itemsOf[u]) count[i]++;
        }
        int[][] usersOf = new int[items][];
        for (int i = 0; i < items; i++) usersOf[i] = new int[count[i]];
        int[] fill = new int[items];
        for (int u = 0; u < train.length; u++) for (int i : itemsOf[u]) usersOf[i][fill[i]++] = u;

        int[][] neighbours = new int[items][];
        double[][] likeness = new double[items][];
        var rooms = ThreadLocal.withInitial(() -> new Room(items));
        var done = new AtomicInteger();
        try (Progress.Bar bar = progress.start(name() + ": neighbours", items)) {
            IntStream.range(0, items).parallel().forEach(a -> {
                Room room = rooms.get();
                int[] both = room.both, met = room.met;
                double[] cosine = room.cosine;
                int n = 0;
                for (int u : usersOf[a]) {
                    for (int b : itemsOf[u]) if (both[b]++ == 0) met[n++] = b;
                }
                both[a] = 0;
                int kept = 0;
                for (int i = 0; i < n; i++) {
                    int b = met[i];
                    if (b == a) continue;
                    cosine[b] = both[b] / Math.sqrt((double) count[a] * count[b]);
                    both[b] = 0;
                    met[kept++] = b;
                }
                IntArrays.quickSort(
                        met, 0, kept, (x, y) -> cosine[x] != cosine[y] ? Double.compare(cosine[y], cosine[x]) : x - y);
                neighbours[a] = Arrays.copyOf(met, Math.min(NEIGHBOURS, kept));
                likeness[a] = Arrays.stream(neighbours[a]).mapToDouble(b -> cosine[b]).toArray();
                if (done.incrementAndGet() % 1024 == 0) bar.step(done.get(), "");
            });
        }
        return (history, scores) -> {
            Arrays.fill(scores, 0);
            for (int item : Arrays.stream(history).distinct().toArray()) {
                for (int i = 0; i < neighbours[item].length; i++) scores[neighbours[item][i]] += likeness[item][i];
            }
        };
    }

    /** The latest distinct items, at most {@link #MOST}. */
    private static int[] latest(int[] sequence) {
        var found = new IntLinkedOpenHashSet();
        for (int i = sequence.length - 1; i >= 0 && found.size() < MOST; i--) found.add(sequence[i]);
        return found.toIntArray();
    }
}
