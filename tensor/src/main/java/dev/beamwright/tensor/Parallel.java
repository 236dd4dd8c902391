package dev.beamwright.tensor;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * Runs the blocks of a piece of work on a fixed pool of threads. How the work is cut into blocks must not depend on how
 * many threads there are: then neither do the results.
 *
 * <p>The caller takes part. A call from inside a block runs its own blocks one after the other on the spot, so that
 * whoever splits the work at the top gets all the threads, and kernels below cost no hand-over.
 */
public final class Parallel {
    private static final int THREADS = Math.max(
            1,
            Integer.getInteger("beamwright.threads", Runtime.getRuntime().availableProcessors()));
    private static final int SPINS = 20_000;
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);
    private static final Thread[] WORKERS = new Thread[THREADS - 1];
    private static final Object ONE_AT_A_TIME = new Object();
    private static volatile Job job;

    static {
        for (int i = 0; i < WORKERS.length; i++) {
            WORKERS[i] = Thread.ofPlatform().daemon().name("beamwright-" + (i + 1)).start(Parallel::serve);
        }
    }

    private Parallel() {}

    /** How many threads work, the caller counted. */
    public static int threads() {
        return THREADS;
    }

    /** Runs {@code body} for each block 0 … blocks-1, in no particular order, and returns when all are done. */
    public static void run(int blocks, IntConsumer body) {
        if (blocks <= 1 || THREADS == 1 || INSIDE.get()) {
            for (int i = 0; i < blocks; i++) body.accept(i);
            return;
        }
        synchronized (ONE_AT_A_TIME) {
            Job mine = new Job(blocks, body);
            job = mine;
            for (int i = 0; i < Math.min(WORKERS.length, blocks - 1); i++) LockSupport.unpark(WORKERS[i]);
            mine.work();
            while (mine.done.get() < blocks) Thread.onSpinWait();
            job = null;
            if (mine.failure != null) throw mine.rethrown();
        }
    }

    private static void serve() {
        Job last = null;
        while (true) {
            Job next = job;
            for (int spins = 0; (next == null || next == last) && spins < SPINS; spins++) {
                Thread.onSpinWait();
                next = job;
            }
            if (next == null || next == last) {
                LockSupport.park(Parallel.class);
                continue;
            }
            next.work();
            last = next;
        }
    }

    private static final class Job {
        final int blocks;
        final IntConsumer body;
        final AtomicInteger next = new AtomicInteger(), done = new AtomicInteger();
        volatile Throwable failure;

        Job(int blocks, IntConsumer body) {
            this.blocks = blocks;
            this.body = body;
        }

        void work() {
            INSIDE.set(true);
            try {
                for (int i = next.getAndIncrement(); i < blocks; i = next.getAndIncrement()) {
                    try {
                        if (failure == null) body.accept(i);
                    } catch (Throwable t) {
                        failure = t;
                    } finally {
                        done.incrementAndGet();
                    }
                }
            } finally {
                INSIDE.set(false);
            }
        }

        RuntimeException rethrown() {
            if (failure instanceof Error e) throw e;
            return failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
        }
    }
}
