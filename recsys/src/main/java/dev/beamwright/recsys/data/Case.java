package dev.beamwright.recsys.data;

/**
 * One question of an evaluation: what comes next?
 *
 * @param user the user's number
 * @param history all the user's items before the target, oldest first
 * @param target the item that came next
 */
public record Case(int user, int[] history, int target) {}
