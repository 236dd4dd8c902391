package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Nullable;

/**
 * The settings of {@code tokenize}. Where something is null the stage decides, and stores what it decided.
 *
 * @param seed of all that is random
 * @param sids a file of semantic IDs to be imported in place of a quantizer's, or null
 * @param sidKeyOffset what is added to a key of that file to give the item id
 */
public record TokenizeConfig(Vectors vectors, Codes codes, long seed, @Nullable String sids, int sidKeyOffset) {
    /**
     * How items become vectors.
     *
     * @param source {@code text+collaborative}, {@code text}, {@code hashed-text}, {@code hashed-text+collaborative},
     *     {@code collaborative}, or a file (.npy, .safetensors)
     * @param textDims the dimensions of the text part
     * @param collaborativeDims the dimensions of the co-occurrence part
     * @param collaborativeWeight how much longer the co-occurrence part of a vector is than its text part
     * @param window the largest distance of two items in a sequence that counts as co-occurrence
     */
    public record Vectors(String source, int textDims, int collaborativeDims, double collaborativeWeight, int window) {
        /** Text and co-occurrence, 64 dimensions each. */
        public static final Vectors DEFAULT = new Vectors("text+collaborative", 64, 64, 1.5, 5);
    }

    /**
     * How vectors become codes.
     *
     * @param quantizer {@code residual-kmeans}, {@code rq-vae}, {@code product}, {@code opq} (product quantisation of
     *     rotated vectors) or {@code random}
     * @param balanced whether no code is given to more than its even share of items: by residual k-means at every level,
     *     by RQ-VAE at the last
     * @param rqVae how an RQ-VAE is trained; null for the usual way
     * @param levels how many levels; null for 3, or as many as there are codebook sizes
     * @param codebookSizes how many codes each level has; null for {@link #codebookSizeFor} at each level
     * @param collisions {@code extra-level}, {@code reassign} or {@code shared}; null for an extra level, or for imported
     *     IDs, which are left as they are, shared
     */
    public record Codes(
            @Nullable String quantizer,
            boolean balanced,
            @Nullable RqVae.Settings rqVae,
            @Nullable Integer levels,
            @Nullable int[] codebookSizes,
            @Nullable String collisions) {
        /** Residual k-means, 3 levels and one against collisions. */
        public static final Codes DEFAULT = new Codes("residual-kmeans", false, null, null, null, null);
    }

    /** {@link Vectors#DEFAULT} and {@link Codes#DEFAULT}. */
    public static TokenizeConfig defaults(long seed) {
        return new TokenizeConfig(Vectors.DEFAULT, Codes.DEFAULT, seed, null, 0);
    }

    /** The same with another seed. */
    public TokenizeConfig withSeed(long seed) {
        return new TokenizeConfig(vectors, codes, seed, sids, sidKeyOffset);
    }

    /** The same with other codes. */
    TokenizeConfig withCodes(Codes codes) {
        return new TokenizeConfig(vectors, codes, seed, sids, sidKeyOffset);
    }

    /**
     * The default number of codes of a level: the smallest power of two whose square is at least twice the number of
     * items, so that two levels could name them all, but no more than 256 and no fewer than 4. That is 64 for 1,000
     * items, 128 for 5,000 and 256 from 8,193 on.
     */
    public static int codebookSizeFor(int items) {
        int size = 4;
        while (size < 256 && (long) size * size < 2L * items) size *= 2;
        return size;
    }
}
