package dev.beamwright.recsys.decode;

import java.util.Arrays;

/** Chooses the largest of many numbers by radix select, which looks at each number four times, however many are kept. */
final class TopK {
    private TopK() {}

    /**
     * The places of the k largest of {@code values[from … to-1]}, counted from {@code from}, largest first; of equal
     * ones the earlier place first. Not a number counts as larger than all.
     */
    static int[] largest(float[] values, int from, int to, int k) {
        int n = to - from;
        int[] order = new int[n]; // smaller, as an unsigned number, the larger the value
        for (int i = 0; i < n; i++) order[i] = order(values[from + i]);
        int most = Math.min(k, n), atBound = most, bound = 0;
        if (most < n) {
            // The bound is the k-th smallest; it is found from its highest byte down.
            for (int shift = 24; shift >= 0; shift -= 8) {
                int[] count = new int[256];
                for (int o : order) {
                    if (shift == 24 || o >>> shift + 8 == bound >>> shift + 8) count[o >>> shift & 255]++;
                }
                int digit = 0;
                while (count[digit] < atBound) atBound -= count[digit++];
                bound |= digit << shift;
            }
        } else {
            bound = -1;
        }
        long[] chosen = new long[most];
        for (int i = 0, c = 0; i < n && c < most; i++) {
            int side = Integer.compareUnsigned(order[i], bound);
            if (side < 0 || side == 0 && atBound-- > 0) chosen[c++] = Integer.toUnsignedLong(order[i]) << 31 | i;
        }
        Arrays.sort(chosen);
        int[] places = new int[most];
        for (int c = 0; c < most; c++) places[c] = (int) (chosen[c] & Integer.MAX_VALUE);
        return places;
    }

    /** As an unsigned number smaller the larger the value is; the same for both zeros, and the last for no number. */
    private static int order(float value) {
        if (Float.isNaN(value)) return -1;
        int bits = Float.floatToIntBits(value + 0f);
        return ~(bits ^ (bits >> 31 | Integer.MIN_VALUE));
    }
}
