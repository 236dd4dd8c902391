package dev.beamwright.recsys.train;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;

/**
 * How the trained model will be decoded, which training prepares it for.
 *
 * @param softmax over which codes the probabilities of a level add up
 * @param beamSize of the beam search that will serve: BEAR's B unless that is given, what {@code diagnose} looks at, and
 *     the beam size in validation, which is never below 10
 */
public record DecodingConfig(Softmax softmax, int beamSize) {
    public DecodingConfig {
        if (beamSize < 1) throw new UserError("train: the beam size must be at least 1, got " + beamSize);
    }

    public DecodingConfig withSoftmax(Softmax softmax) {
        return new DecodingConfig(softmax, beamSize);
    }

    public DecodingConfig withBeamSize(int beamSize) {
        return new DecodingConfig(softmax, beamSize);
    }
}
