package dev.beamwright.recsys.data;

import java.util.Arrays;

/**
 * How often one item was followed by another: for each first item a row of second items, in the order in which they were
 * first met (users in their order, each from the oldest item on). The row of item a is {@code start[a]} to
 * {@code end[a]}, exclusive, of {@code item} and {@code sixths}.
 *
 * @param item the second items
 * @param sixths the counts in sixths, in which 1/d is whole for every distance d up to 3: sums are exact
 */
public record Pairs(int[] start, int[] end, int[] item, int[] sixths) {
    /** What a pair of neighbours counts. */
    public static final int WHOLE = 6;

    /** Counts the pairs at distance d = 1 … reach (at most 3) of the sequences as 1/d. */
    public static Pairs count(int[][] train, int items, int reach) {
        int[] start = new int[items + 1];
        for (int[] s : train) {
            for (int i = 0; i < s.length; i++) start[s[i] + 1] += Math.min(reach, s.length - 1 - i);
        }
        for (int i = 0; i < items; i++) start[i + 1] += start[i];
        int[] item = new int[start[items]], sixths = new int[start[items]], end = Arrays.copyOf(start, items);
        for (int[] s : train) {
            for (int i = 0; i < s.length; i++) {
                for (int d = 1; d <= reach && i + d < s.length; d++) {
                    item[end[s[i]]] = s[i + d];
                    sixths[end[s[i]]++] = WHOLE / d;
                }
            }
        }
        int[] sum = new int[items];
        for (int a = 0; a < items; a++) { // one entry for each second item, where it was met first
            int to = start[a];
            for (int p = start[a]; p < end[a]; p++) {
                if (sum[item[p]] == 0) item[to++] = item[p];
                sum[item[p]] += sixths[p];
            }
            end[a] = to;
            for (int p = start[a]; p < to; p++) {
                sixths[p] = sum[item[p]];
                sum[item[p]] = 0;
            }
        }
        return new Pairs(start, end, item, sixths);
    }
}
