package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.run.Nullable;

/**
 * One line of {@code model/metrics.jsonl}. All but the validation are means since the line before; null where there
 * was nothing to take a mean of.
 *
 * @param validationHr10 share of validation users whose target was among ten
 * @param validationHr1 and of those who had it first
 * @param entropy of the next code, in nats: mean over validation prompts and levels along the model's own best path
 * @param hit share of prompts with their target in the group
 * @param active share of prompts that had a gradient
 * @param rank place of the target, from 0, over hits
 * @param reward mean reward of a group
 * @param rewardDeviation deviation within a group
 * @param alpha mean weight by difficulty, over hits
 * @param topWrong the wrong items' share that the surest of them has, over hits
 * @param policyLoss mean over prompts
 * @param kl mean over active prompts
 * @param confidenceLoss mean over hits; over preferences where it learns from these
 * @param clipped codes whose ratio was clipped, a step
 * @param sureCorrect mean confidence of correct items
 * @param norm of the gradient before clipping
 */
public record StepMetrics(
        int step,
        double rate,
        double validationHr10,
        double validationNdcg10,
        double validationHr1,
        int validationCases,
        double entropy,
        @Nullable Double hit,
        @Nullable Double active,
        @Nullable Double rank,
        @Nullable Double reward,
        @Nullable Double rewardDeviation,
        @Nullable Double alpha,
        @Nullable Double topWrong,
        @Nullable Double policyLoss,
        @Nullable Double kl,
        @Nullable Double confidenceLoss,
        @Nullable Double clipped,
        @Nullable Double sureCorrect,
        @Nullable Double surePartial,
        @Nullable Double sureWrong,
        @Nullable Double norm,
        double seconds) {}
