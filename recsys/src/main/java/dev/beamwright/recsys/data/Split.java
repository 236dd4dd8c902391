package dev.beamwright.recsys.data;

import java.util.Arrays;
import java.util.List;

/**
 * What is trained on and what is asked.
 *
 * @param train the training part of each user's sequence, by user number; may be empty for a user
 * @param validation the questions by which a model is chosen
 * @param test the questions that are asked once, at the end
 */
public record Split(int[][] train, List<Case> validation, List<Case> test) {
    /** Each user's sequence up to the last validation target, which it includes; nothing of the test part. */
    public int[][] trainAndValidation() {
        int[][] sequences = train.clone();
        for (Case c : validation) {
            if (c.position() < sequences[c.user()].length) continue;
            sequences[c.user()] = Arrays.copyOf(c.sequence(), c.position() + 1);
        }
        return sequences;
    }
}
