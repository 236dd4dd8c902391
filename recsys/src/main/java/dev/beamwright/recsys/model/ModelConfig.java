package dev.beamwright.recsys.model;

import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.transformer.StackConfig;
import java.util.Arrays;

/**
 * The sizes of a generative model.
 *
 * @param backbone {@code item} ({@link ItemDecoder}), {@code decoder} (decoder-only, Llama's form) or
 *     {@code encoder-decoder} (TIGER, T5's form)
 * @param dModel d_model: dimensions of a token
 * @param layers blocks; of the encoder, where there is one
 * @param decoderLayers blocks of the decoder behind an encoder; 0 for a decoder-only model
 * @param heads of each attention
 * @param headDim dimensions of a head
 * @param ffnDim hidden dimensions of the feed-forward layers
 * @param gated whether the feed-forward parts are SwiGLU, otherwise ReLU; a decoder-only model is always gated, an item
 *     decoder never, which has GELU
 * @param tied whether one embedding table serves all inputs and the heads; otherwise encoder, decoder and heads have
 *     their own. A table has a part of its own for each level in either case
 * @param theta the base of the rotary embedding of a decoder-only model
 * @param userTokens over how many tokens an encoder-decoder model spreads its users; 0 for no user token
 * @param maxItems how many items of a history are read at the most
 * @param item what an item decoder has besides, or null
 */
public record ModelConfig(
        String backbone,
        int dModel,
        int layers,
        int decoderLayers,
        int heads,
        int headDim,
        int ffnDim,
        boolean gated,
        boolean tied,
        float theta,
        int userTokens,
        int maxItems,
        @Nullable Item item) {
    /**
     * What an {@link ItemDecoder} has besides.
     *
     * @param taps of the filter beside attention; 0 for no filter
     * @param share of the filter
     * @param levelMlp columns inside the network of each level but the first that takes in the prefix; 0 for none
     * @param nodeRows rows for the own vectors of trie nodes at the most; where there are more nodes, the deep ones share
     *     rows
     */
    public record Item(int taps, double share, int levelMlp, int nodeRows) {
        /** As many rows of 128 columns and their moments and gradients fit 700 MB. */
        public static final int NODE_ROWS = 1 << 18;

        /** A filter of six taps that has half, and no networks of levels. */
        public static final Item DEFAULT = new Item(6, 0.5, 0);

        /** With as many rows for nodes as are usual. */
        public Item(int taps, double share, int levelMlp) {
            this(taps, share, levelMlp, NODE_ROWS);
        }

        public Item {
            if (taps < 0 || !(share >= 0 && share <= 1) || levelMlp < 0 || nodeRows < 2) {
                throw new UserError("model: filter taps and the dimensions of a level's network must be 0 or more, the filter's"
                        + " share in [0, 1], rows for nodes 2 or more, got " + taps + ", " + levelMlp + ", " + share + ", "
                        + nodeRows);
            }
        }
    }

    /** The usual base of the rotary embedding. */
    public static final float THETA = 10_000;

    public static final String ITEM = "item", DECODER = "decoder", ENCODER_DECODER = "encoder-decoder";

    private static final int MOST_BLOCKS = 1000, LARGEST = 1 << 18, MOST_USERS = 1 << 24; // more is damage or a slip

    public ModelConfig {
        boolean two = backbone.equals(ENCODER_DECODER);
        boolean ofItems = backbone.equals(ITEM);
        if (!two && !ofItems && !backbone.equals(DECODER)) {
            throw new UserError("unknown backbone '" + backbone + "'; there are: " + ITEM + ", " + DECODER + ", "
                    + ENCODER_DECODER);
        }
        if (ofItems == (item == null)) {
            throw new UserError("model: the backbone '" + backbone + "' " + (ofItems ? "needs" : "has no")
                    + " settings of an item decoder");
        }
        if (dModel < 1 || layers < 1 || heads < 1 || headDim < 2 || headDim % 2 != 0 || ffnDim < 1 || maxItems < 1) {
            throw new UserError(
                    "model: d-model, layers, heads, ffn-dim and max-items must be at least 1 and head-dim an "
                            + "even number, got d-model " + dModel + ", layers " + layers + ", heads " + heads
                            + ", head-dim "
                            + headDim + ", ffn-dim " + ffnDim + ", max-items " + maxItems);
        }
        if (two ? decoderLayers < 1 || userTokens < 0 : decoderLayers != 0 || userTokens != 0 || gated == ofItems) {
            throw new UserError("model: an encoder-decoder needs at least one decoder layer and 0 or more user tokens, "
                    + "a decoder-only model is gated and has neither, an item decoder is not gated and has neither; got "
                    + "decoder-layers " + decoderLayers
                    + ", user-tokens " + userTokens + ", gated " + gated);
        }
        int blocks = Math.max(layers, decoderLayers), size = Math.max(Math.max(dModel, ffnDim), Math.max(heads, headDim));
        if (blocks > MOST_BLOCKS || size > LARGEST || maxItems > LARGEST || userTokens > MOST_USERS) {
            throw new UserError("model: at most " + MOST_BLOCKS + " layers, sizes and max-items of " + LARGEST + " and "
                    + MOST_USERS + " user tokens are possible, got " + blocks + ", " + Math.max(size, maxItems) + " and "
                    + userTokens);
        }
        if (!(theta > 0)) throw new UserError("model: theta must be above 0, got " + theta);
    }

    /** About how many parameters such a model has over levels with these numbers of codes. */
    public double parameters(int[] widths) {
        double codes = Arrays.stream(widths).asDoubleStream().sum(), tables = tied ? 1 : 3;
        double block = 4.0 * dModel * heads * headDim + 3.0 * dModel * ffnDim;
        return tables * (codes + userTokens) * dModel + (layers + 2.0 * decoderLayers) * block;
    }

    /** A model of codes. */
    public ModelConfig(
            String backbone,
            int dModel,
            int layers,
            int decoderLayers,
            int heads,
            int headDim,
            int ffnDim,
            boolean gated,
            boolean tied,
            float theta,
            int userTokens,
            int maxItems) {
        this(backbone, dModel, layers, decoderLayers, heads, headDim, ffnDim, gated, tied, theta, userTokens, maxItems,
                null);
    }

    /** A model of one stack, with the usual base of the rotary embedding. */
    public ModelConfig(
            String backbone, int dModel, int layers, int heads, int headDim, int ffnDim, boolean tied, int maxItems) {
        this(backbone, dModel, layers, 0, heads, headDim, ffnDim, true, tied, THETA, 0, maxItems);
    }

    /** The same, reading another number of items at the most. */
    public ModelConfig withMaxItems(int maxItems) {
        return new ModelConfig(backbone, dModel, layers, decoderLayers, heads, headDim, ffnDim, gated, tied, theta,
                userTokens, maxItems, item);
    }

    /** The item decoder that did best in validation: one block, 128 wide. */
    public static ModelConfig itemDecoder() {
        return new ModelConfig(ITEM, 128, 1, 0, 2, 64, 256, false, true, THETA, 0, 50, Item.DEFAULT);
    }

    /**
     * TIGER's backbone (Rajput et al., NeurIPS 2023). The paper puts one of 2,000 user tokens first; those who compared
     * found none to be as good or better, so there is none here.
     */
    public static ModelConfig tiger() {
        return new ModelConfig(ENCODER_DECODER, 128, 4, 4, 6, 64, 1024, false, true, THETA, 0, 20);
    }

    /** TIGER's backbone, half as deep again, by which its results are reproduced best (Paischer et al., 2024). */
    public static ModelConfig paischer() {
        return new ModelConfig(ENCODER_DECODER, 128, 6, 6, 6, 64, 1024, false, true, THETA, 0, 20);
    }

    /** The decoder-only model of the APAO paper (arXiv 2603.02730). */
    public static ModelConfig llama() {
        return new ModelConfig(DECODER, 128, 8, 0, 8, 16, 1024, true, true, 500_000, 0, 20);
    }

    /**
     * Multiplications and additions to read one user's history and decode: two for each weight that a row meets, and the
     * products of attention.
     *
     * @param tokens of the history
     * @param rows by level: how many paths are gone on from, 1 at the first
     * @param widths by level: how many codes there are; of an item decoder, how many children are scored
     */
    public double flops(double tokens, double[] rows, int[] widths) {
        boolean two = backbone.equals(ENCODER_DECODER);
        double inner = heads * headDim, block = 8.0 * dModel * inner + (gated ? 6.0 : 4.0) * dModel * ffnDim;
        // Causal attention sees half of the rows on average.
        double all = layers * tokens * (block + (two ? 4 : 2) * tokens * inner);
        if (two) all += decoderLayers * tokens * 4 * dModel * inner;
        for (int l = 0; l < rows.length; l++) {
            if (backbone.equals(ITEM)) {
                if (l > 0 && item.levelMlp() > 0) all += rows[l] * 6.0 * dModel * item.levelMlp();
            } else if (two) {
                all += decoderLayers * rows[l]
                        * (block + 4 * (l + 1) * inner + 4 * dModel * inner + 4 * tokens * inner);
            } else if (l > 0) {
                all += layers * rows[l] * (block + 4 * (tokens + l) * inner);
            }
            all += rows[l] * 2 * dModel * widths[l];
        }
        return all;
    }

    /** Whether all targets of a sequence are predicted by reading it once, see {@link GenerativeModel#sharesHistory}. */
    public boolean sharesHistory() {
        return !backbone.equals(ENCODER_DECODER);
    }

    /** The stack of a decoder-only model, or the encoder's. */
    StackConfig stack() {
        return backbone.equals(DECODER)
                ? StackConfig.llama(dModel, layers, heads, headDim, ffnDim, theta)
                : StackConfig.t5(dModel, layers, heads, headDim, ffnDim, gated);
    }

    /** The stack of the decoder behind an encoder. */
    StackConfig decoderStack() {
        return StackConfig.t5(dModel, decoderLayers, heads, headDim, ffnDim, gated);
    }
}
