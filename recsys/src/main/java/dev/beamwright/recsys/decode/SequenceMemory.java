package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.data.Pairs;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import it.unimi.dsi.fastutil.ints.Int2ObjectOpenHashMap;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import java.util.Arrays;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.IntStream;

/**
 * Remembers what followed what: a decayed Markov memory of sequences of items. A pair (a, then b) at distance d &lt;= 3
 * counts 1/d, and for a history an item weighs the sum over the last three items (k = 0, 1, 2, the newest first) of
 * 0.5^k times that count. It learns by reading alone: what it has {@linkplain #read read} counts at once. Whether it
 * knows an answer is up to what it is given to read.
 *
 * <p>Weights are whole numbers, so the order in which sequences were read changes no bit. May be used by several threads.
 */
public final class SequenceMemory {
    /** What a memory recalls that has read nothing. */
    static final Recalled NOTHING = new Recalled(new int[0], new int[0]);

    private static final int REACH = 3;
    /** What a pair of neighbours weighs whose first item is the last of the history. */
    public static final int UNIT = Pairs.WHOLE << (REACH - 1);

    private final Pairs pairs; // of what was read at first
    private final Int2ObjectOpenHashMap<Int2IntOpenHashMap> later = new Int2ObjectOpenHashMap<>(); // since, in sixths
    private volatile long interactions;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private SequenceMemory(int[][] sequences, int items) {
        for (int[] s : sequences) interactions += s.length;
        pairs = Pairs.count(sequences, items, REACH);
    }

    /**
     * A memory that has read these sequences.
     *
     * @param sequences of item numbers, oldest first
     * @param items how many items there are
     */
    public static SequenceMemory of(int[][] sequences, int items) {
        return new SequenceMemory(sequences, items);
    }

    /** How many interactions it has read. */
    public long interactions() {
        return interactions;
    }

    /**
     * Reads further interactions of one user.
     *
     * @param sequence all items of the user, oldest first, those that were read before included
     * @param from the place of the first that was not
     */
    public void read(int[] sequence, int from) {
        lock.writeLock().lock();
        try {
            interactions += sequence.length - from;
            for (int i = from; i < sequence.length; i++) {
                for (int d = 1; d <= REACH && d <= i; d++) {
                    later.computeIfAbsent(sequence[i - d], _ -> new Int2IntOpenHashMap())
                            .addTo(sequence[i], Pairs.WHOLE / d);
                }
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /**
     * What a history calls to mind.
     *
     * @param items ascending
     * @param weights of each, in {@link #UNIT}s; above 0
     */
    public record Recalled(int[] items, int[] weights) {
        /** The sum of the weights. */
        public long total() {
            return Arrays.stream(weights).asLongStream().sum();
        }

        /** The same without some items. */
        Recalled without(int[] others) {
            var out = new IntOpenHashSet(others);
            int[] left = IntStream.range(0, items.length).filter(i -> !out.contains(items[i])).toArray();
            return new Recalled(
                    IntStream.of(left).map(i -> items[i]).toArray(), IntStream.of(left).map(i -> weights[i]).toArray());
        }
    }

    /** All items that followed the latest of a history, oldest first, with their weights. */
    public Recalled recall(int[] history) {
        var sum = new Int2IntOpenHashMap();
        lock.readLock().lock();
        try {
            for (int k = 0; k < Math.min(REACH, history.length); k++) {
                int a = history[history.length - 1 - k], shift = REACH - 1 - k;
                for (int p = pairs.start()[a]; p < pairs.end()[a]; p++) {
                    sum.addTo(pairs.item()[p], pairs.sixths()[p] << shift);
                }
                var more = later.get(a);
                if (more != null)
                    for (var e : more.int2IntEntrySet()) sum.addTo(e.getIntKey(), e.getIntValue() << shift);
            }
        } finally {
            lock.readLock().unlock();
        }
        int[] found = sum.keySet().toIntArray();
        Arrays.sort(found);
        return new Recalled(found, Arrays.stream(found).map(sum::get).toArray());
    }
}
