package dev.beamwright.transformer;

/**
 * The form and the sizes of a stack of blocks.
 *
 * @param width columns of a token
 * @param layers blocks
 * @param heads of each attention
 * @param headDim columns of a head
 * @param hidden columns inside the feed-forward part
 * @param gated whether the feed-forward part is SwiGLU, otherwise ReLU
 * @param scaled whether products of query and key are divided by √headDim; T5 does not
 * @param theta the base of the rotary embedding, or 0 for none
 * @param eps of the norms
 */
public record StackConfig(
        int width,
        int layers,
        int heads,
        int headDim,
        int hidden,
        boolean gated,
        boolean scaled,
        float theta,
        float eps) {
    /** Llama's form (Touvron et al., 2023): rotary positions, SwiGLU. */
    public static StackConfig llama(int width, int layers, int heads, int headDim, int hidden, float theta) {
        return new StackConfig(width, layers, heads, headDim, hidden, true, true, theta, 1e-5f);
    }

    /** T5's form (Raffel et al., 2020): products not scaled, positions by a {@link RelativeBias}. */
    public static StackConfig t5(int width, int layers, int heads, int headDim, int hidden, boolean gated) {
        return new StackConfig(width, layers, heads, headDim, hidden, gated, false, 0, 1e-6f);
    }

    /** What a product of query and key is multiplied by. */
    float scale() {
        return scaled ? (float) (1 / Math.sqrt(headDim)) : 1;
    }
}
