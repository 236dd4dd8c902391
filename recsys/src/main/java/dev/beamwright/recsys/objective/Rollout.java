package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.objective.ConfidenceOrder.Kind;

/**
 * What a beam search returned for one prompt, a history with one target. Each semantic ID is in it once, best first.
 *
 * @param target the true item
 * @param items the items found
 * @param kinds what each of them is
 * @param logProbs of each of them: the sum over its codes
 * @param levels codes of an item
 */
public record Rollout(int target, int[] items, Kind[] kinds, double[] logProbs, int levels) {
    /** The place of the first correct item, from 0; -1 for none. */
    public int rank() {
        for (int i = 0; i < kinds.length; i++) if (kinds[i] == Kind.CORRECT) return i;
        return -1;
    }

    /** Whether each item is the target. */
    public boolean[] correct() {
        boolean[] correct = new boolean[kinds.length];
        for (int i = 0; i < correct.length; i++) correct[i] = kinds[i] == Kind.CORRECT;
        return correct;
    }

    /** The score of each item: the mean or the sum of its codes' log-probabilities. */
    public double[] scores(boolean mean) {
        double[] scores = new double[logProbs.length];
        for (int i = 0; i < scores.length; i++) scores[i] = logProbs[i] / (mean ? levels : 1.0);
        return scores;
    }
}
