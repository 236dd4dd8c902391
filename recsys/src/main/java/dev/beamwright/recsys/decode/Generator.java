package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.run.Gate;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.List;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Serves a model: recommends items for many histories by a {@link Search}, a batch of users at a time, batches side by
 * side on all threads; on a device one after the other. The model must not change while this is in use: what is made of
 * its weights for one request serves the next.
 *
 * <p>May be used by several threads. It keeps the memory of a few batches for the next request, whatever was searched
 * for: as many as there are threads, and none that is larger than {@link #KEPT}.
 */
public final class Generator implements AutoCloseable {
    /** Bytes of a batch's memory up to which it is kept. */
    static final long KEPT = 256L << 20;

    private final Backend backend;
    private final GenerativeModel model;
    private final Backend.Constants weights;
    private final Gate gate = new Gate("this generator");
    private final LinkedBlockingDeque<Workspace> idle = new LinkedBlockingDeque<>(Parallel.threads());

    public Generator(Backend backend, GenerativeModel model) {
        this.backend = backend;
        this.model = model;
        weights = backend.constants(model.parameters().values().stream().map(Variable::value).toList());
    }

    /**
     * Recommends for each user of a query, of any size.
     *
     * @param config how to search
     * @param progress told how many users are done; may be null
     */
    public Search.Result[] recommend(SearchConfig config, Query query, IntConsumer progress) {
        return gate.inside(() -> {
            Search search = config.search(model, backend);
            int users = query.size(), batch = search.users(), batches = (users + batch - 1) / batch;
            var results = new Search.Result[users];
            var done = new AtomicInteger();
            IntConsumer one = b -> {
                int from = b * batch, to = Math.min(users, from + batch);
                List<Search.Result> found = search(search, query.part(from, to));
                for (int i = from; i < to; i++) results[i] = found.get(i - from);
                if (progress != null) progress.accept(done.addAndGet(to - from));
            };
            weights.during(() -> {
                if (backend.records()) for (int b = 0; b < batches; b++) one.accept(b); // there is one device
                else Parallel.run(batches, one);
            });
            return results;
        });
    }

    private List<Search.Result> search(Search search, Query query) {
        Workspace kept = idle.pollFirst(), memory = kept == null ? new Workspace() : kept;
        try {
            return search.search(backend, memory, query);
        } finally {
            if (memory.bytes() > KEPT || !idle.offerFirst(memory)) memory.close();
        }
    }

    /** Bytes of native memory that are kept for the next request. */
    long bytes() {
        return idle.stream().mapToLong(Workspace::bytes).sum();
    }

    /** Waits for running calls; later ones get an {@link IllegalStateException}. A second time it does nothing. */
    @Override
    public void close() {
        gate.close(() -> {
            for (Workspace w = idle.pollFirst(); w != null; w = idle.pollFirst()) w.close();
        });
    }
}
