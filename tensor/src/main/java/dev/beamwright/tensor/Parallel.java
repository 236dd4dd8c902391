package dev.beamwright.tensor;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
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
    /** How many threads a call from this thread may use: 1 inside a block. */
    private static final ThreadLocal<Integer> LIMIT = ThreadLocal.withInitial(() -> THREADS);

    private static final Thread[] WORKERS = new Thread[THREADS - 1];
    private static final Object ONE_AT_A_TIME = new Object();
    private static volatile Job job;

    static {
        for (int i = 0; i < WORKERS.length; i++) {
            int number = i + 1;
            WORKERS[i] = Thread.ofPlatform().daemon().name("beamwright-" + number).start(() -> serve(number));
        }
    }

    private Parallel() {}

    /** How many threads work, the caller counted. */
    public static int threads() {
        return THREADS;
    }

    /** How many of them a call to {@link #run} would use right here: 1 inside a block. */
    public static int available() {
        return LIMIT.get();
    }

    /** Runs {@code body} with at most so many threads for every call to {@link #run} within it. */
    public static void limited(int threads, Runnable body) {
        int before = LIMIT.get();
        LIMIT.set(Math.clamp(threads, 1, before));
        try {
            body.run();
        } finally {
            LIMIT.set(before);
        }
    }

    /** Runs {@code body} for each block 0 … blocks-1, in no particular order, and returns when all are done. */
    public static void run(int blocks, IntConsumer body) {
        int threads = Math.min(blocks, LIMIT.get());
        if (threads <= 1) {
            for (int i = 0; i < blocks; i++) body.accept(i);
            return;
        }
        synchronized (ONE_AT_A_TIME) {
            Job mine = new Job(blocks, threads, body);
            job = mine;
            for (int i = 0; i < threads - 1; i++) LockSupport.unpark(WORKERS[i]);
            limited(1, () -> mine.work(0));
            for (int spins = 0; mine.done.get() < blocks; spins++) {
                if (spins < SPINS) Thread.onSpinWait();
                else Thread.yield();
            }
            job = null;
            if (mine.failure != null) throw mine.rethrown();
        }
    }

    private static void serve(int number) {
        LIMIT.set(1);
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
            if (number < next.threads) next.work(number);
            last = next;
        }
    }

    private static final class Job {
        private static final int LINE = 16;
        final int blocks, threads;
        final IntConsumer body;
        /** The next block of each thread's own range, a cache line apart. */
        final AtomicIntegerArray next;
        final AtomicInteger done = new AtomicInteger();
        volatile Throwable failure;

        Job(int blocks, int threads, IntConsumer body) {
            this.blocks = blocks;
            this.threads = threads;
            this.body = body;
            next = new AtomicIntegerArray(threads * LINE);
        }

        /** Each thread has a range of neighbouring blocks, the same at every call, and then helps the others. */
        void work(int number) {
            for (int t = 0; t < threads; t++) {
                int whose = (number + t) % threads;
                int from = (int) ((long) blocks * whose / threads), to = (int) ((long) blocks * (whose + 1) / threads);
                for (int i = from + next.getAndIncrement(whose * LINE); i < to; i =
                        from + next.getAndIncrement(whose * LINE)) {
                    try {
                        if (failure == null) body.accept(i);
                    } catch (Throwable e) {
                        failure = e;
                    } finally {
                        done.incrementAndGet();
                    }
                }
            }
        }

        RuntimeException rethrown() {
            if (failure instanceof Error e) throw e;
            return failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
        }
    }
}
