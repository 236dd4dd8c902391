package dev.beamwright.recsys.data;

import java.util.List;

/**
 * Users, items and who met what in which order. Users and items are numbered from 0; the numbers index the lists.
 *
 * @param users the user ids as they stood in the file
 * @param items the item ids as they stood in the file
 * @param titles a title for each item, its id where the file gave none
 * @param texts all text of each item (title, brand, categories, …), "" where the file gave none
 * @param sequences the items of each user, oldest first
 * @param times the time of each of these in seconds since 1970, {@link #UNKNOWN_TIME} where the file left it out; null
 *     where the file told only the order
 */
public record Dataset(
        List<String> users,
        List<String> items,
        List<String> titles,
        List<String> texts,
        int[][] sequences,
        long[][] times) {
    /** The time of an interaction whose time is not known. */
    public static final long UNKNOWN_TIME = Long.MIN_VALUE;

    /** How many interactions there are. */
    public int interactions() {
        int n = 0;
        for (int[] s : sequences) n += s.length;
        return n;
    }
}
