package dev.beamwright.recsys.model;

/**
 * One training sample: a piece of a user's sequence.
 *
 * @param items oldest first
 * @param from the first item that is a target; the items before it are only seen
 */
public record Sample(int[] items, int from) {
    /** How many targets there are. */
    public int targets() {
        return items.length - from;
    }
}
