package dev.beamwright.recsys.objective;

import java.util.Arrays;

/**
 * What each item of a rollout is worth. A group is what one beam search returned, best first; its correct items are those
 * with the target's semantic ID. A group without a correct item is worth nothing.
 */
public enum Reward {
    /** GRPO with a rule: 1 if correct, else 0. */
    BINARY,
    /**
     * ReRe's and MiniOneRec's: 1 if correct; a wrong item on place i, from 0, costs {@code a_i / Σ_j a_j} with
     * {@code a_i = 1 / log2(i + 2)}, so that an error costs more the further up it stands.
     */
    RANKING,
    /**
     * UGR's (Fan et al., KDD 2026, arXiv 2602.11719): 1 if correct; a wrong item costs its share of the softmax over the
     * scores of the wrong items, so that an error costs more the surer the model was of it. All errors together cost 1.
     */
    UNCERTAINTY,
    /** UGR's without the model's opinion: every wrong item costs the same, all together 1. */
    UNIFORM;

    /** Keeps the deviation of a group of equals from dividing by nothing; the value of TRL's trainer. */
    private static final double EPSILON = 1e-4;

    /**
     * The rewards of a group.
     *
     * @param scores of the items, best first
     * @param correct whether each item is the target
     */
    public double[] of(double[] scores, boolean[] correct) {
        int n = scores.length, right = 0;
        for (boolean c : correct) if (c) right++;
        double[] r = new double[n];
        if (right == 0) return r;
        double[] shares = shares(scores, correct);
        for (int i = 0; i < n; i++) r[i] = correct[i] ? 1 : -shares[i];
        return r;
    }

    /** What each wrong item costs; 0 for correct ones. */
    private double[] shares(double[] scores, boolean[] correct) {
        int n = scores.length;
        double[] shares = new double[n];
        switch (this) {
            case BINARY -> {}
            case RANKING -> {
                double all = 0;
                for (int i = 0; i < n; i++) all += shares[i] = 1 / log2(i + 2);
                for (int i = 0; i < n; i++) shares[i] = correct[i] ? 0 : shares[i] / all;
            }
            case UNCERTAINTY -> {
                double max = Double.NEGATIVE_INFINITY, sum = 0;
                for (int i = 0; i < n; i++) if (!correct[i]) max = Math.max(max, scores[i]);
                for (int i = 0; i < n; i++) if (!correct[i]) sum += shares[i] = StrictMath.exp(scores[i] - max);
                for (int i = 0; i < n; i++) shares[i] = correct[i] ? 0 : shares[i] / sum;
            }
            case UNIFORM -> {
                int wrong = 0;
                for (boolean c : correct) if (!c) wrong++;
                for (int i = 0; i < n; i++) shares[i] = correct[i] ? 0 : 1.0 / wrong;
            }
        }
        return shares;
    }

    /** The advantage of each item: {@code (r - mean) / (deviation + 1e-4)}, the deviation with n - 1 below. */
    public static double[] advantages(double[] rewards) {
        int n = rewards.length;
        double mean = Arrays.stream(rewards).sum() / n, scale = deviation(rewards) + EPSILON;
        return Arrays.stream(rewards).map(r -> (r - mean) / scale).toArray();
    }

    /** The deviation of a group, with n - 1 below; 0 for a group of one. */
    public static double deviation(double[] rewards) {
        int n = rewards.length;
        if (n < 2) return 0;
        double mean = Arrays.stream(rewards).sum() / n;
        return Math.sqrt(Arrays.stream(rewards).map(r -> (r - mean) * (r - mean)).sum() / (n - 1));
    }

    /**
     * How much a prompt counts by how hard it is for the model: {@code α + (1 - α) · k / (n - 1)}; 1 where no item is
     * correct.
     *
     * @param least α: the weight of a prompt whose target came first
     * @param rank k: the place of the first correct item, from 0; -1 for none
     * @param size n: items of the group
     */
    public static double difficulty(double least, int rank, int size) {
        if (rank < 0) return 1;
        return size < 2 ? least : least + (1 - least) * rank / (size - 1);
    }

    private static double log2(double x) {
        return StrictMath.log(x) / StrictMath.log(2);
    }
}
