package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.OptimizationConfig;
import dev.beamwright.recsys.train.ValidationConfig;

/**
 * How a trained model is trained further on its own rollouts.
 *
 * @param objective what is learnt from a rollout
 * @param from the folder of the run that it starts from
 * @param steps updates in all
 * @param optimization its batch size counts prompts, its dropout is that of the training pass: rollouts have none
 * @param seed of order and dropout
 */
public record ReinforceConfig(
        RolloutObjective objective,
        String from,
        RolloutConfig rollouts,
        int steps,
        OptimizationConfig optimization,
        ValidationConfig validation,
        ExecutionConfig execution,
        long seed) {
    /**
     * What is rolled out, and when the model is validated.
     *
     * @param groupSize G: items of a group, the beam size of a rollout
     * @param iterations updates that one rollout serves
     * @param validationBeamSize beam size in validation, at least 10
     * @param validateEvery steps between two validations
     */
    public record RolloutConfig(int groupSize, int iterations, int validationBeamSize, int validateEvery) {
        public RolloutConfig {
            require(groupSize >= 2 && groupSize <= 1000, "the group size must be in 2 … 1000, got " + groupSize);
            require(iterations >= 1, "iterations must be at least 1, got " + iterations);
            require(validationBeamSize >= 10, "the beam size must be at least 10, got " + validationBeamSize);
            require(validateEvery >= 1, "the steps between two validations must be at least 1, got " + validateEvery);
        }
    }

    public ReinforceConfig {
        require(steps >= 1, "steps must be at least 1, got " + steps);
    }

    /** The usual settings of an objective. */
    public static ReinforceConfig of(RolloutObjective objective, String from, long seed) {
        return new ReinforceConfig(
                objective,
                from,
                new RolloutConfig(16, 1, 10, 50),
                300,
                new OptimizationConfig(16, objective.defaultLearningRate(), 0.01, 0, 0, 1, 0),
                new ValidationConfig(1000, 0),
                new ExecutionConfig(4, 1024, 60),
                seed);
    }

    /** The same, starting from another folder. */
    public ReinforceConfig withFrom(String from) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    public ReinforceConfig withRollouts(RolloutConfig rollouts) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    public ReinforceConfig withSteps(int steps) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    public ReinforceConfig withOptimization(OptimizationConfig optimization) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    public ReinforceConfig withValidation(ValidationConfig validation) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    public ReinforceConfig withExecution(ExecutionConfig execution) {
        return new ReinforceConfig(objective, from, rollouts, steps, optimization, validation, execution, seed);
    }

    /** The name of the objective. */
    public String name() {
        return objective.name();
    }

    /** How many times faster than the model the parameters learn that are new for the confidence. */
    public double confidenceGain() {
        return Math.max(1, objective.confidenceRate() / optimization.learningRate());
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
