package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.UserError;

/**
 * How training steps change the parameters: by AdamW, with a learning rate that rises linearly (warm-up) and then falls
 * along half a cosine.
 *
 * @param batchSize samples of one step: sequences, targets where each has a history of its own, prompts of rollouts
 * @param learningRate the highest learning rate
 * @param warmupRatio share of all steps in which the rate rises; without effect where {@code warmupSteps} is above 0
 * @param warmupSteps how many steps the rate rises, at most all of them; 0 for a share of all steps
 * @param weightDecay AdamW's weight decay
 * @param maxGradNorm the largest global norm of the gradient, to which it is clipped; 0 for no clipping
 * @param dropout share of activations set to zero
 */
public record OptimizationConfig(
        int batchSize,
        double learningRate,
        double warmupRatio,
        long warmupSteps,
        double weightDecay,
        double maxGradNorm,
        double dropout) {
    public OptimizationConfig {
        require(batchSize >= 1, "the batch size must be at least 1, got " + batchSize);
        require(learningRate > 0 && learningRate < 10,
                "the learning rate must be between 0 and 10, got " + learningRate);
        require(warmupRatio >= 0 && warmupRatio < 1, "the warm-up ratio must be in [0, 1), got " + warmupRatio);
        require(warmupSteps >= 0, "the warm-up steps must be 0 (a share of all steps) or more, got " + warmupSteps);
        require(weightDecay >= 0 && weightDecay < 1, "weight decay must be in [0, 1), got " + weightDecay);
        require(maxGradNorm >= 0, "the max grad norm must be 0 (no clipping) or more, got " + maxGradNorm);
        require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
    }

    /** In how many of all steps the rate rises. */
    public long warmup(long steps) {
        return warmupSteps > 0 ? Math.min(warmupSteps, steps) : Math.round(warmupRatio * steps);
    }

    public OptimizationConfig withBatchSize(int batchSize) {
        return new OptimizationConfig(
                batchSize, learningRate, warmupRatio, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    public OptimizationConfig withLearningRate(double learningRate) {
        return new OptimizationConfig(
                batchSize, learningRate, warmupRatio, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    /** With a warm-up of a share of all steps. */
    public OptimizationConfig withWarmupRatio(double warmupRatio) {
        return new OptimizationConfig(batchSize, learningRate, warmupRatio, 0, weightDecay, maxGradNorm, dropout);
    }

    /** With a warm-up of so many steps. */
    public OptimizationConfig withWarmupSteps(long warmupSteps) {
        return new OptimizationConfig(batchSize, learningRate, 0, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    public OptimizationConfig withWeightDecay(double weightDecay) {
        return new OptimizationConfig(
                batchSize, learningRate, warmupRatio, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    public OptimizationConfig withMaxGradNorm(double maxGradNorm) {
        return new OptimizationConfig(
                batchSize, learningRate, warmupRatio, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    public OptimizationConfig withDropout(double dropout) {
        return new OptimizationConfig(
                batchSize, learningRate, warmupRatio, warmupSteps, weightDecay, maxGradNorm, dropout);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
