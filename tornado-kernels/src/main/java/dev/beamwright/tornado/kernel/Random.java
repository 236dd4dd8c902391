package dev.beamwright.tornado.kernel;

/**
 * The random bits of {@link dev.beamwright.tensor.Dropout}, bit for bit, in terms that a device computes as Java does:
 * logical shifts by shift and mask, and sums and products modulo 2³² by way of long, where nothing overflows.
 */
final class Random {
    private Random() {}

    private static int hash(int x) {
        int h = x ^ ((x >> 16) & 0xffff);
        h = (int) (h * 0x7feb352dL);
        h = h ^ ((h >> 15) & 0x1ffff);
        h = (int) (h * -0x7b935975L); // 0x846ca68b as an int
        return h ^ ((h >> 16) & 0xffff);
    }

    /** The seed of a dropout under a key of two ints. */
    static int seed(int key0, int key1, int salt) {
        return hash(key0 ^ hash((int) ((long) key1 + salt)));
    }

    /** The 16 random bits of element i. */
    static int bits(int seed, int i) {
        int h = hash((int) ((long) seed + (i >> 5) * 16L + (i & 15)));
        return (i & 16) == 0 ? h & 0xffff : (h >> 16) & 0xffff;
    }
}
