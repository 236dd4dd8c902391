package dev.beamwright.recsys.train;

import dev.beamwright.recsys.model.Sample;
import dev.beamwright.tensor.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Cuts users' sequences into training samples, and samples into batches and micro-batches. */
public final class Samples {
    private Samples() {}

    /**
     * The samples of a whole-sequence model: a sequence that is longer than the model reads is cut into windows that
     * overlap by half, and each item is a target once, with at least half a window of history where there is as much, and
     * at most {@code maxItems - 1} items of it. A user's first item is a target behind nothing.
     */
    public static List<Sample> windows(int[][] sequences, int maxItems) {
        List<Sample> samples = new ArrayList<>();
        int step = Math.max(1, maxItems / 2);
        for (int user = 0; user < sequences.length; user++) {
            int[] sequence = sequences[user];
            int start = 0, done = 0;
            while (done < sequence.length) {
                int end = Math.min(sequence.length, start + maxItems);
                samples.add(new Sample(user, Arrays.copyOfRange(sequence, start, end), done - start));
                done = end;
                start = Math.max(start + 1, end - step);
            }
        }
        return samples;
    }

    /**
     * The samples of a model that reads a history for each target: every item of a sequence but the first is the target
     * of one sample, behind the {@code maxItems} items before it.
     */
    public static List<Sample> prefixes(int[][] sequences, int maxItems) {
        return targets(sequences, user -> 1, maxItems);
    }

    /** The sequences without their last {@code held} items, but never less than two. */
    public static int[][] learnt(int[][] sequences, int held) {
        return Arrays.stream(sequences)
                .map(s -> Arrays.copyOf(s, learnt(s, held)))
                .toArray(int[][]::new);
    }

    /** Of {@link #prefixes}, those whose target {@link #learnt} leaves out. */
    public static List<Sample> heldOut(int[][] sequences, int held, int maxItems) {
        return targets(sequences, user -> learnt(sequences[user], held), maxItems);
    }

    private static int learnt(int[] sequence, int held) {
        return Math.min(sequence.length, Math.max(2, sequence.length - held));
    }

    /** The sample whose target is an item of a sequence, behind the {@code maxItems} items before it. */
    static Sample target(int user, int[] sequence, int item, int maxItems) {
        int[] items = Arrays.copyOfRange(sequence, Math.max(0, item - maxItems), item + 1);
        return new Sample(user, items, items.length - 1);
    }

    /** One sample for each item from the {@code first} of its user's sequence on. */
    private static List<Sample> targets(int[][] sequences, IntUnaryOperator first, int maxItems) {
        List<Sample> samples = new ArrayList<>();
        for (int user = 0; user < sequences.length; user++) {
            for (int i = first.applyAsInt(user); i < sequences[user].length; i++) {
                samples.add(target(user, sequences[user], i, maxItems));
            }
        }
        return samples;
    }

    /** The samples of an epoch in the order in which they are trained: batch b has [b·size, (b+1)·size). */
    public static int[] order(int samples, Key epoch) {
        return epoch.fold("order").permutation(samples);
    }

    /**
     * Deals the samples of one batch out to micro-batches of about the same number of tokens, the longest first, each
     * to the least loaded. The number of micro-batches is a multiple of the number of shards.
     *
     * @param extraRows rows that a sample sends through the network besides its own tokens
     */
    static List<List<Sample>> micro(List<Sample> batch, int levels, int extraRows, int microTokens, int shards) {
        long tokens = batch.stream().mapToLong(s -> (long) s.items().length * levels + extraRows).sum();
        int count = (int) Math.min(batch.size(), (tokens + microTokens - 1) / microTokens);
        count = Math.max(1, (count + shards - 1) / shards) * shards;
        List<List<Sample>> micro = new ArrayList<>();
        for (int i = 0; i < count; i++) micro.add(new ArrayList<>());
        long[] load = new long[count];
        List<Sample> longestFirst = new ArrayList<>(batch);
        longestFirst.sort(Comparator.comparingInt((Sample s) -> -s.items().length)); // stable
        for (Sample s : longestFirst) {
            int least = 0;
            for (int i = 1; i < count; i++) if (load[i] < load[least]) least = i;
            micro.get(least).add(s);
            load[least] += s.items().length * levels + extraRows;
        }
        return micro;
    }
}
