package dev.beamwright.tensor;

/**
 * A source of random numbers without state: a seed folded with a path of names and counters (epoch, step, element).
 * The same path gives the same number on every backend, for any number of threads, and after a resume.
 *
 * <p>Folding mixes with the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
 */
public record Key(long bits) {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** The root of a run's random numbers. */
    public static Key of(long seed) {
        return new Key(mix(seed + GOLDEN));
    }

    /** The key one step further down, by number. */
    public Key fold(long n) {
        return new Key(mix(bits ^ mix(n + GOLDEN)));
    }

    /** The key one step further down, by name. */
    public Key fold(String name) {
        long h = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) h = (h ^ name.charAt(i)) * 0x100000001b3L;
        return fold(h);
    }

    /** The {@code i}-th number of this key, uniform over all longs. */
    public long nextLong(long i) {
        return mix(bits + GOLDEN * (i + 1));
    }

    /** The {@code i}-th number of this key, uniform in [0, 1). */
    public double uniform(long i) {
        return (nextLong(i) >>> 11) * 0x1.0p-53;
    }

    /** The {@code i}-th number of this key, uniform in [0, bound). */
    public int below(long i, int bound) {
        return (int) ((nextLong(i) >>> 33) * bound >>> 31);
    }

    /** The {@code i}-th number of this key, normal with mean 0 and deviation 1 (Box and Muller, 1958). */
    public double gaussian(long i) {
        double u = 1 - uniform(2 * i), v = uniform(2 * i + 1);
        return StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(2 * Math.PI * v);
    }

    /** A permutation of 0 … n-1 (Fisher and Yates). */
    public int[] permutation(int n) {
        int[] p = new int[n];
        for (int i = 0; i < n; i++) p[i] = i;
        for (int i = n - 1; i > 0; i--) {
            int j = below(i, i + 1), t = p[i];
            p[i] = p[j];
            p[j] = t;
        }
        return p;
    }

    /** Writes the key into a tensor of two integers, the form in which kernels take it. */
    public void writeTo(Tensor twoInts) {
        twoInts.setInt(0, (int) bits);
        twoInts.setInt(1, (int) (bits >>> 32));
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
