package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.run.UserError;

/**
 * How a trained model is made better by its own rollouts.
 *
 * @param objective what is learnt from a rollout
 * @param from the folder of the run that it starts from
 * @param group G: beam size of a rollout
 * @param batch prompts of one rollout
 * @param iterations updates that one rollout serves
 * @param steps updates in all
 * @param rate the highest learning rate
 * @param warmup share of all steps in which it rises; then it falls along half a cosine to 0
 * @param decay weight decay
 * @param clip the largest global norm of the gradient; 0 for none
 * @param dropout in the training pass; rollouts have none
 * @param every steps between two validations
 * @param patience validations without a better NDCG@10 after which training stops; 0 for never
 * @param beam beam size in validation, at least 10
 * @param validationCases users asked in a validation; 0 for all
 * @param seed of order and dropout
 * @param shards into how many parts a step's gradient is summed; part of the result's bits
 * @param microTokens tokens that go through the network at once
 * @param checkpointSeconds time between two checkpoints
 */
public record ReinforceConfig(
        RolloutObjective objective,
        String from,
        int group,
        int batch,
        int iterations,
        int steps,
        double rate,
        double warmup,
        double decay,
        double clip,
        double dropout,
        int every,
        int patience,
        int beam,
        int validationCases,
        long seed,
        int shards,
        int microTokens,
        int checkpointSeconds) {

    public ReinforceConfig {
        require(group >= 2 && group <= 1000, "the group must have 2 … 1000 items, got " + group);
        require(batch >= 1, "batch must be at least 1, got " + batch);
        require(iterations >= 1, "iterations must be at least 1, got " + iterations);
        require(steps >= 1, "steps must be at least 1, got " + steps);
        require(rate > 0 && rate < 10, "the learning rate must be between 0 and 10, got " + rate);
        require(warmup >= 0 && warmup < 1, "the share of warm-up must be in [0, 1), got " + warmup);
        require(decay >= 0 && decay < 1, "weight decay must be in [0, 1), got " + decay);
        require(clip >= 0, "clip must be 0 or more, got " + clip);
        require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
        require(every >= 1, "every must be at least 1, got " + every);
        require(patience >= 0, "patience must be 0 or more, got " + patience);
        require(beam >= 10, "the beam must be at least 10 wide, got " + beam);
        require(validationCases >= 0, "validation cases must be 0 (all) or more, got " + validationCases);
        require(shards >= 1 && shards <= 64, "shards must be in 1 … 64, got " + shards);
        require(microTokens >= 1, "micro tokens must be at least 1, got " + microTokens);
    }

    /** The usual settings of an objective. */
    public static ReinforceConfig of(RolloutObjective objective, String from, long seed) {
        return new ReinforceConfig(
                objective, from, 16, 16, 1, 300, objective.defaultLearningRate(), 0.01, 0, 1, 0, 50, 0, 10, 1000, seed,
                4, 1024, 60);
    }

    /** The same, starting from another folder. */
    public ReinforceConfig startingFrom(String folder) {
        return new ReinforceConfig(
                objective, folder, group, batch, iterations, steps, rate, warmup, decay, clip, dropout, every, patience,
                beam, validationCases, seed, shards, microTokens, checkpointSeconds);
    }

    /** The name of the objective. */
    public String name() {
        return objective.name();
    }

    /** How many times faster than the model the parameters learn that are new for the confidence. */
    public double confidenceGain() {
        return Math.max(1, objective.confidenceRate() / rate);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
