package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Serves a model: recommends items for many histories by beam search, a batch of users at a time, batches side by side
 * on all threads; on a device one after the other, each as one captured step. The model must not change while this is
 * in use: what is made of its weights for one request serves the next.
 */
public final class Generator implements AutoCloseable {
    private static final int USERS = 32;
    private static final int SCORED = 1 << 14; // paths of a widened beam that are scored at once

    private final Backend backend;
    private final BeamSearch search;
    private final DeviceSearch onDevice;
    private final Backend.Constants weights;
    private final int batch;
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    public Generator(Backend backend, GenerativeModel model, BeamSearch.Config config) {
        this.backend = backend;
        this.search = new BeamSearch(model, config);
        this.onDevice = config.widening() == null && backend.records() ? new DeviceSearch(model, config) : null;
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
        IntConsumer one = b -> {
            int from = b * batch, to = Math.min(histories.size(), from + batch);
            Workspace memory = idle.poll();
            if (memory == null) memory = new Workspace();
            List<BeamSearch.Result> found = search(
                    memory, histories.subList(from, to), Arrays.copyOfRange(users, from, to), eligible, hideSeen);
            for (int i = from; i < to; i++) results[i] = found.get(i - from);
            idle.add(memory);
            if (progress != null) progress.accept(done.addAndGet(to - from));
        };
        weights.during(() -> {
            if (backend.records()) for (int b = 0; b < batches; b++) one.accept(b); // there is one device
            else Parallel.run(batches, one);
        });
        return results;
    }

    private List<BeamSearch.Result> search(
            Workspace memory, List<int[]> histories, int[] users, boolean[] eligible, boolean hideSeen) {
        if (onDevice == null) {
            try (Tape tape = Tape.inference(backend, memory)) {
                return search.search(tape, histories, users, eligible, hideSeen, null);
            }
        }
        List<Supplier<List<BeamSearch.Result>>> found = new ArrayList<>();
        backend.capture(() -> {
            try (Tape tape = Tape.inference(backend, memory)) {
                found.add(onDevice.search(tape, histories, users, eligible, hideSeen));
            }
        }).run();
        return found.getFirst().get();
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
