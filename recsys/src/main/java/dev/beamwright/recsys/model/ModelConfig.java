package dev.beamwright.recsys.model;

import dev.beamwright.recsys.run.UserError;

/**
 * The sizes of a generative model.
 *
 * @param backbone {@code decoder} (decoder-only, Llama's form)
 * @param width columns of a token
 * @param layers blocks
 * @param heads of each attention
 * @param headDim columns of a head
 * @param hidden columns inside the feed-forward parts
 * @param tied whether the heads are the embedding table of their level
 * @param maxItems how many items of a history are read at the most
 */
public record ModelConfig(
        String backbone,
        int width,
        int layers,
        int heads,
        int headDim,
        int hidden,
        boolean tied,
        int maxItems) {
    /** The base of the rotary embedding. */
    public static final float THETA = 10_000;

    public ModelConfig {
        if (width < 1 || layers < 1 || heads < 1 || headDim < 2 || headDim % 2 != 0 || hidden < 1 || maxItems < 1) {
            throw new UserError("model: width, layers, heads, hidden and max-items must be at least 1 and head-dim an "
                    + "even number, got width " + width + ", layers " + layers + ", heads " + heads + ", head-dim "
                    + headDim + ", hidden " + hidden + ", max-items " + maxItems);
        }
    }
}
