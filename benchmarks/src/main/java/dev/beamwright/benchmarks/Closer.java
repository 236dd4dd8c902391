package dev.beamwright.benchmarks;

/** Closes things when they are not needed any more. */
interface Closer {
    /** Closes something later on. */
    <T extends AutoCloseable> T closing(T what);
}
