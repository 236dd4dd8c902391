package dev.beamwright.recsys.run;

import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Guards memory that is freed by {@code close()} while other threads may be at work with it: closing waits for those
 * inside, and nobody comes in afterwards.
 */
public final class Gate {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final String what;
    private boolean closed;

    /**
     * @param what is guarded, for the message of the exception
     */
    public Gate(String what) {
        this.what = what;
    }

    /** Makes a call, beside any others. Throws {@link IllegalStateException} if the gate is closed. */
    public <T> T inside(Supplier<T> call) {
        lock.readLock().lock();
        try {
            if (closed) throw new IllegalStateException(what + " is closed");
            return call.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /**
     * Waits for the calls inside, closes, and frees what was guarded; does nothing if it is closed already. Throws
     * {@link IllegalStateException} inside a call, which would wait for itself.
     */
    public void close(Runnable free) {
        if (lock.getReadHoldCount() > 0) throw new IllegalStateException(what + " cannot be closed by a call to it");
        lock.writeLock().lock();
        try {
            if (closed) return;
            closed = true;
            free.run();
        } finally {
            lock.writeLock().unlock();
        }
    }
}
