package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Serves a model: recommends items for many histories by a {@link Search}, a batch of users at a time, batches side by side
 * on all threads; on a device one after the other, each as one captured step. The model must not change while this is
 * in use: what is made of its weights for one request serves the next.
 */
public final class Generator implements AutoCloseable {
    private static final int USERS = 32;
    private static final int SCORED = 1 << 14; // paths of a widened beam that are scored at once

    private final Backend backend;
    private final Search search;
    private final Backend.Constants weights;
    private final int batch;
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    public Generator(Backend backend, GenerativeModel model, SearchConfig config) {
        this.backend = backend;
        this.search = config.search(model, backend);
        weights = backend.constants(model.parameters().values().stream().map(Variable::value).toList());
        int widest = config.guide() == null ? 1 : Collections.max(config.guide().widening().widen());
        this.batch = Math.clamp(SCORED / widest, 1, USERS);
    }

    /**
     * Recommends for each user of a query, of any size.
     *
     * @param progress told how many users are done; may be null
     */
    public Search.Result[] recommend(Query query, IntConsumer progress) {
        int users = query.size(), batches = (users + batch - 1) / batch;
        var results = new Search.Result[users];
        var done = new AtomicInteger();
        IntConsumer one = b -> {
            int from = b * batch, to = Math.min(users, from + batch);
            Workspace memory = idle.poll();
            if (memory == null) memory = new Workspace();
            List<Search.Result> found = search.search(backend, memory, query.part(from, to));
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

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
