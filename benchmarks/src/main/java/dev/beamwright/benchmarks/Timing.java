package dev.beamwright.benchmarks;

/** Takes the time of work in this process. */
final class Timing {
    private Timing() {}

    /** Seconds of one run, the mean of {@code times}; if that is more than one, another goes before the clock starts. */
    static double seconds(Runnable work, int times) {
        if (times > 1) work.run();
        long begin = System.nanoTime();
        for (int i = 0; i < times; i++) work.run();
        return (System.nanoTime() - begin) / 1e9 / times;
    }
}
