package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.UserError;

/**
 * How the machine goes about training.
 *
 * @param shards into how many parts a step's gradient is summed, each by one thread; part of the result's bits, so it
 *     does not follow the number of processors
 * @param microTokens tokens that go through the network at once, so that activations stay in the cache
 * @param checkpointSeconds time between two checkpoints
 */
public record ExecutionConfig(int shards, int microTokens, int checkpointSeconds) {
    public ExecutionConfig {
        if (shards < 1 || shards > 64) throw new UserError("train: shards must be in 1 … 64, got " + shards);
        if (microTokens < 1) throw new UserError("train: micro tokens must be at least 1, got " + microTokens);
    }

    public ExecutionConfig withShards(int shards) {
        return new ExecutionConfig(shards, microTokens, checkpointSeconds);
    }

    public ExecutionConfig withCheckpointSeconds(int checkpointSeconds) {
        return new ExecutionConfig(shards, microTokens, checkpointSeconds);
    }
}
