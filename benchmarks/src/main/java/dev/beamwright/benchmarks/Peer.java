package dev.beamwright.benchmarks;

/** Another program that can do the same work. */
interface Peer extends AutoCloseable {
    /** What it is, with its version. */
    String version();

    /**
     * Does a piece of work.
     *
     * @param command what is done, see {@code benchmarks/peers}
     * @param times how often; if more than once, it is done once more before the clock starts
     * @return seconds of one time
     */
    double seconds(String command, int times) throws Missing;

    /** The largest memory of its process so far, in bytes. */
    default long memory() throws Missing {
        throw new Missing("cannot tell its memory");
    }

    /** Drops operands and models. */
    default void forget() {}

    @Override
    void close();

    /** A program, or a piece of work of it, is not to be had here; the message says why. */
    final class Missing extends Exception {
        private static final long serialVersionUID = 1;

        Missing(String why) {
            super(why);
        }
    }
}
