package dev.beamwright.recsys.model;

import java.util.Arrays;

/**
 * One training sample: a piece of a user's sequence.
 *
 * @param user the user's number, or {@link #NOBODY}
 * @param items oldest first
 * @param from the first item that is a target; the items before it are only seen
 */
public record Sample(int user, int[] items, int from) {
    /** A user who is not known. */
    public static final int NOBODY = -1;

    /** A piece of nobody's sequence. */
    public Sample(int[] items, int from) {
        this(NOBODY, items, from);
    }

    /** So many users who are not known. */
    public static int[] nobodies(int n) {
        int[] users = new int[n];
        Arrays.fill(users, NOBODY);
        return users;
    }

    /** How many targets there are. */
    public int targets() {
        return items.length - from;
    }
}
