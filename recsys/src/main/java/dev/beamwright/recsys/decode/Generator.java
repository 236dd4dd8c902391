package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntConsumer;

/**
 * Serves a model: recommends items for many histories by beam search, a batch of users at a time, batches side by side
 * on all threads.
 */
public final class Generator implements AutoCloseable {
    private static final int USERS = 32;
    private static final int SCORED = 1 << 14; // paths of a widened beam that are scored at once

    private final Backend backend;
    private final BeamSearch search;
    private final Backend.Constants weights;
    private final int batch;
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    public Generator(Backend backend, GenerativeModel model, BeamSearch.Config config) {
        this.backend = backend;
        this.search = new BeamSearch(model, config);
        weights = backend.constants(model.parameters().values().stream().map(Variable::value).toList());
        int widest = config.widening() == null ? 1 : Collections.max(config.widening().widen());
        this.batch = Math.clamp(SCORED / widest, 1, USERS);
    }

    /** Recommends for each history, of users who are not known. */
    public BeamSearch.Result[] recommend(
            List<int[]> histories, boolean[] eligible, boolean hideSeen, IntConsumer progress) {
        return recommend(histories, Sample.nobodies(histories.size()), eligible, hideSeen, progress);
    }

    /**
     * Recommends for each history.
     *
     * @param users the number of each user, {@link Sample#NOBODY} for one who is not known
     * @param eligible which items may be returned; null for all
     * @param hideSeen whether items of a user's own history are left out
     * @param progress told how many histories are done; may be null
     */
    public BeamSearch.Result[] recommend(
            List<int[]> histories, int[] users, boolean[] eligible, boolean hideSeen, IntConsumer progress) {
        var results = new BeamSearch.Result[histories.size()];
        int batches = (histories.size() + batch - 1) / batch;
        var done = new java.util.concurrent.atomic.AtomicInteger();
        weights.during(() -> Parallel.run(batches, b -> {
            int from = b * batch, to = Math.min(histories.size(), from + batch);
            Workspace memory = idle.poll();
            if (memory == null) memory = new Workspace();
            try (Tape tape = Tape.inference(backend, memory)) {
                List<BeamSearch.Result> found = search.search(
                        tape, histories.subList(from, to), Arrays.copyOfRange(users, from, to), eligible, hideSeen,
                        null);
                for (int i = from; i < to; i++) results[i] = found.get(i - from);
            }
            idle.add(memory);
            if (progress != null) progress.accept(done.addAndGet(to - from));
        }));
        return results;
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
