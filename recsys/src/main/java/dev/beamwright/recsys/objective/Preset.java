package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.model.Softmax;

/**
 * The values of a paper, or of its program.
 *
 * @param name by which they are asked for
 * @param objective the objective with these values
 * @param softmax over which codes the paper takes the softmax; null if that is left open
 * @param maxGradNorm the paper's bound of the gradient's norm; null if that is left open
 */
public record Preset(String name, Objective objective, Softmax softmax, Double maxGradNorm) {
    /** Of an objective that learns from targets: over all codes of a level, unless its program has it otherwise. */
    static Preset of(String name, TargetObjective objective) {
        return new Preset(
                name, objective, objective.usualSoftmax() == null ? Softmax.LEVEL : objective.usualSoftmax(), null);
    }

    /** Of an objective that learns from rollouts. */
    static Preset of(String name, RolloutObjective objective, double maxGradNorm) {
        return new Preset(name, objective, null, maxGradNorm);
    }
}
