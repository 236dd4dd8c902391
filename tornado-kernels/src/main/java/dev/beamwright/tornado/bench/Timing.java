package dev.beamwright.tornado.bench;

import dev.beamwright.tensor.Parallel;
import java.util.ArrayList;
import java.util.List;

/** How long a piece of work takes. */
final class Timing {
    private Timing() {}

    /** Milliseconds. */
    static double onCpu(Runnable work, int threads) {
        double[] seconds = new double[1];
        Parallel.limited(threads, () -> {
            warm(work);
            seconds[0] = median(work);
        });
        return 1e3 * seconds[0];
    }

    /**
     * Runs it until the JVM's compiler has had its time: at least ten times and one second, and until a tenth of all runs
     * is no faster than those before; never more than five seconds. Cold code is a hundred times slower.
     */
    private static void warm(Runnable work) {
        double sum = 0, fastest = Double.POSITIVE_INFINITY;
        int runs = 0, since = 0;
        while (sum < 5 && (runs < 10 || sum < 1 || since < runs / 10)) {
            double s = seconds(work);
            sum += s;
            runs++;
            since = s < 0.95 * fastest ? 0 : since + 1;
            fastest = Math.min(fastest, s);
        }
    }

    /** The median of at least three runs, and of as many as fit into half a second. */
    static double median(Runnable work) {
        List<Double> all = new ArrayList<>();
        double sum = 0;
        while (all.size() < 3 || (sum < 0.5 && all.size() < 200)) {
            double s = seconds(work);
            all.add(s);
            sum += s;
        }
        all.sort(null);
        return all.get(all.size() / 2);
    }

    static double seconds(Runnable work) {
        long began = System.nanoTime();
        work.run();
        return (System.nanoTime() - began) / 1e9;
    }
}
