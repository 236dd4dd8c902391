package dev.beamwright.recsys.decode;

/**
 * The order in which all searches rank: the higher score first, and of equal scores what comes first in the trie. A path
 * that is not at its end stands at the first leaf below it, so whatever it becomes ranks behind it or in its place. As
 * one number, smaller is better.
 */
final class PathOrder {
    /** Behind every path. */
    static final long NOTHING = Long.MAX_VALUE;

    private PathOrder() {}

    /** The place of a path; of equal paths none is first, as there are none. */
    static long of(float score, int firstLeaf) {
        int bits = Float.floatToIntBits(score + 0f); // both zeros are one
        int rising = bits ^ (bits >> 31 & Integer.MAX_VALUE);
        return (long) ~rising << 32 | firstLeaf;
    }

    /** The score of a path by its place. */
    static float score(long place) {
        int rising = ~(int) (place >> 32);
        return Float.intBitsToFloat(rising ^ (rising >> 31 & Integer.MAX_VALUE));
    }
}
