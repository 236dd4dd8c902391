package dev.beamwright.benchmarks;

import dev.beamwright.tensor.Parallel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The machine's single-precision peak, as far as Java reaches it: multiply-adds on registers alone, twelve of them
 * independent of each other, on all threads. Twelve are enough for a latency of four cycles on two or three units, and
 * few enough for sixteen registers.
 */
final class Peak {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int CHAINS = 12, STEPS = 4_000_000, TRIES = 5;
    private static volatile float sink;

    private Peak() {}

    /**
     * Operations a second, a multiply-add counting two; takes some hundredths of a second. The best of several tries: a
     * thread that was woken may share a processor with the one that woke it for longer than one try lasts, which halves
     * the number.
     */
    static double flops() {
        int threads = Parallel.available();
        double seconds = Double.POSITIVE_INFINITY;
        for (int i = 0; i < TRIES; i++) {
            seconds = Math.min(seconds, Timing.seconds(() -> Parallel.run(threads, _ -> sink = loop()), 1));
        }
        return 2.0 * CHAINS * SPECIES.length() * STEPS * threads / seconds;
    }

    private static float loop() {
        var x = FloatVector.broadcast(SPECIES, 0.999f);
        var y = FloatVector.broadcast(SPECIES, 1e-6f);
        var a = FloatVector.broadcast(SPECIES, 1);
        FloatVector b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
        for (int step = 0; step < STEPS; step++) {
            a = a.fma(x, y);
            b = b.fma(x, y);
            c = c.fma(x, y);
            d = d.fma(x, y);
            e = e.fma(x, y);
            f = f.fma(x, y);
            g = g.fma(x, y);
            h = h.fma(x, y);
            i = i.fma(x, y);
            j = j.fma(x, y);
            k = k.fma(x, y);
            l = l.fma(x, y);
        }
        return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).add(k).add(l).lane(0);
    }
}
