package dev.beamwright.tensor;

/**
 * Which elements a dropout keeps, decided by a counter, so that no mask is stored and every backend drops the same.
 *
 * <p>Element {@code i} looks at 16 random bits: with {@code c = (i >> 5 << 4) + (i & 15)}, {@code h = hash(seed + c)}
 * and {@code seed = hash(key[0] ^ hash(key[1] + salt))}, the bits are the low half of {@code h} where {@code i & 16} is
 * 0 and the high half otherwise. It is kept when the bits, as an unsigned number, are at least {@code rate · 65536},
 * and then divided by {@code 1 - rate}.
 *
 * @param rate the share that is set to zero, in [0, 1)
 * @param key two integers, see {@link Key#writeTo}; new for every step
 * @param salt tells the dropouts of one step apart
 */
public record Dropout(float rate, Tensor key, int salt) {
    /** A 32-bit finaliser with low bias (Wellons, "Prospecting for hash functions", 2018). */
    public static int hash(int h) {
        h = (h ^ (h >>> 16)) * 0x7feb352d;
        h = (h ^ (h >>> 15)) * 0x846ca68b;
        return h ^ (h >>> 16);
    }

    /** The seed of this dropout under its present key. */
    public int seed() {
        return hash(key.getInt(0) ^ hash(key.getInt(1) + salt));
    }

    /** The bits below which an element is dropped. */
    public int threshold() {
        return (int) (rate * 65536);
    }

    /** What a kept element is multiplied by. */
    public float scale() {
        return 1 / (1 - rate);
    }

    /** Whether element {@code i} is kept under a seed and threshold of the methods above. */
    public static boolean keeps(int seed, int threshold, int i) {
        int h = hash(seed + (i >> 5 << 4) + (i & 15));
        return ((i & 16) == 0 ? h & 0xffff : h >>> 16) >= threshold;
    }
}
