package dev.beamwright.recsys.train;

import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.tensor.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts the samples of a training into the batches of its steps; each epoch has an order of its own. */
public final class Batches {
    private static final int FEWEST_STEPS = 8; // of an epoch, unless the batch is given
    private static final int SMALLEST_BATCH = 8;

    private final List<Sample> samples;
    private final int size, perEpoch;
    private final Key key;
    private long epoch = -1;
    private int[] order; // of that epoch

    /**
     * @param size samples of a batch
     * @param whole whether what is left at the end of an epoch, less than a batch, is dropped
     * @param key decides the order of every epoch
     */
    public Batches(List<Sample> samples, int size, boolean whole, Key key) {
        this.samples = samples;
        this.size = Math.min(size, samples.size());
        this.key = key;
        perEpoch = whole ? samples.size() / this.size : (samples.size() + this.size - 1) / this.size;
    }

    /** How many batches an epoch has. */
    public int perEpoch() {
        return perEpoch;
    }

    /** The n-th batch, counted from 0 through all epochs. */
    public List<Sample> get(long n) {
        if (n / perEpoch != epoch) {
            epoch = n / perEpoch;
            order = Samples.order(samples.size(), key.fold("epoch").fold(epoch));
        }
        List<Sample> batch = new ArrayList<>();
        int from = (int) (n % perEpoch) * size;
        for (int i = from; i < Math.min(order.length, from + size); i++) batch.add(samples.get(order[i]));
        return batch;
    }

    /**
     * The same settings with batches so small that an epoch of a run's data has {@link #FEWEST_STEPS} steps, but of
     * {@link #SMALLEST_BATCH} samples at least: a few hundred users in steps of a hundred would leave a model untrained.
     */
    public static TrainConfig fitted(TrainConfig config, RunFolder run) {
        int[][] learnt = Samples.learnt(Prepared.load(run).split().train(), config.holdOut());
        long samples = config.model().sharesHistory()
                ? Samples.windows(learnt, config.model().maxItems()).size()
                : Arrays.stream(learnt).mapToLong(s -> Math.max(0, s.length - 1)).sum();
        if (samples > (FEWEST_STEPS - 1) * (long) config.batch()) return config;
        long batch = Math.max(SMALLEST_BATCH, Long.highestOneBit(samples / FEWEST_STEPS));
        return config.withBatch((int) Math.min(batch, config.batch()));
    }
}
