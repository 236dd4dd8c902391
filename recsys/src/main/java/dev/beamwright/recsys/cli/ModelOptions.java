package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.model.ModelConfig;
import picocli.CommandLine.Option;

/** The options of training that choose the model. What is not given keeps its default. */
final class ModelOptions {
    @Option(
            names = "--preset",
            paramLabel = "NAME",
            defaultValue = "default",
            description = "where the settings begin: default, item (one token for each item), tiger (encoder-decoder), paischer (a deeper one) or"
                    + " llama (decoder-only); default: ${DEFAULT-VALUE}")
    private String preset;

    @Option(names = "--width", paramLabel = "N", description = "columns of a token")
    private Integer width;

    @Option(names = "--layers", paramLabel = "N", description = "blocks; of the encoder, if there is one")
    private Integer layers;

    @Option(names = "--decoder-layers", paramLabel = "N", description = "blocks of the decoder behind an encoder")
    private Integer decoderLayers;

    @Option(names = "--heads", paramLabel = "N", description = "heads of each attention")
    private Integer heads;

    @Option(names = "--head-dim", paramLabel = "N", description = "columns of a head")
    private Integer headDim;

    @Option(names = "--hidden", paramLabel = "N", description = "columns inside the feed-forward parts")
    private Integer hidden;

    @Option(names = "--gated", negatable = true, description = "SwiGLU in an encoder-decoder, not ReLU")
    private Boolean gated;

    @Option(names = "--tied", negatable = true, description = "use the embeddings of the codes as heads, too")
    private Boolean tied;

    @Option(names = "--user-tokens", paramLabel = "N", description = "tokens over which an encoder spreads users")
    private Integer userTokens;

    @Option(
            names = "--max-items",
            paramLabel = "N",
            description = "items of a history that are read at the most; default: prepare's --history, or the"
                    + " preset's")
    private Integer maxItems;

    /** The preset of all training settings. */
    String preset() {
        return preset;
    }

    /**
     * The model, given the usual one.
     *
     * @param usualItems items of a history unless they are given; null for those of the usual model
     */
    ModelConfig config(ModelConfig m, Integer usualItems) {
        return new ModelConfig(
                m.backbone(),
                or(width, m.width()),
                or(layers, m.layers()),
                or(decoderLayers, m.decoderLayers()),
                or(heads, m.heads()),
                or(headDim, m.headDim()),
                or(hidden, m.hidden()),
                or(gated, m.gated()),
                or(tied, m.tied()),
                m.theta(),
                or(userTokens, m.userTokens()),
                or(maxItems, or(usualItems, m.maxItems())),
                m.item());
    }

    static <T> T or(T given, T usual) {
        return given == null ? usual : given;
    }
}
