package dev.beamwright.recsys.data;

import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.List;

/**
 * One question of an evaluation: what comes next? All questions of a user share the sequence, so that thousands of them
 * about a long one cost no memory.
 *
 * @param user the user's number
 * @param sequence the user's items, oldest first
 * @param position of the target in it
 */
public record Case(int user, int[] sequence, int position) {
    /** The question what comes after a history. */
    public static Case of(int user, int[] history, int target) {
        int[] sequence = Arrays.copyOf(history, history.length + 1);
        sequence[history.length] = target;
        return new Case(user, sequence, history.length);
    }

    /** Some of the questions, drawn at random, in their order; all of them if {@code most} is 0, or as many. */
    public static List<Case> some(List<Case> all, int most, Key key) {
        if (most == 0 || most >= all.size()) return all;
        return Arrays.stream(key.permutation(all.size()), 0, most).sorted().mapToObj(all::get).toList();
    }

    /** All the user's items before the target, oldest first. */
    public int[] history() {
        return Arrays.copyOf(sequence, position);
    }

    /** The last of them, {@code most} at the most. */
    public int[] latest(int most) {
        return Arrays.copyOfRange(sequence, Math.max(0, position - most), position);
    }

    /** The item that came next. */
    public int target() {
        return sequence[position];
    }
}
