package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.run.UserError;
import picocli.CommandLine.Option;

/** The options of training that choose the model. What is not given keeps its default. */
@Section.In(Section.MODEL)
final class ModelOptions {
    @Option(
            names = "--preset",
            paramLabel = "NAME",
            defaultValue = "default",
            description = "Begin with the settings of a preset: default, item (one token for each item), tiger"
                    + " (encoder-decoder), paischer (a deeper one) or llama (decoder-only). Default: ${DEFAULT-VALUE}.")
    private String preset;

    @Option(names = "--d-model", paramLabel = "N", description = "Give tokens N dimensions (d_model).")
    private Integer dModel;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description = "Stack N layers; in the encoder, if there is one.")
    private Integer layers;

    @Option(
            names = "--decoder-layers",
            paramLabel = "N",
            description = "Stack N layers in the decoder behind an encoder.")
    private Integer decoderLayers;

    @Option(names = "--heads", paramLabel = "N", description = "Use N attention heads.")
    private Integer heads;

    @Option(names = "--head-dim", paramLabel = "N", description = "Give each head N dimensions.")
    private Integer headDim;

    @Option(names = "--ffn-dim", paramLabel = "N", description = "Give the feed-forward layers N hidden dimensions.")
    private Integer ffnDim;

    @Option(
            names = "--gated-ffn",
            negatable = true,
            description = "Use SwiGLU in an encoder-decoder, not ReLU.")
    private Boolean gated;

    @Option(
            names = "--tied-embeddings",
            negatable = true,
            description = "Use the embeddings of the codes as output heads, too.")
    private Boolean tied;

    @Option(
            names = "--user-tokens",
            paramLabel = "N",
            description = "Spread users over N tokens of an encoder; 0 for none.")
    private Integer userTokens;

    @Option(
            names = "--max-items",
            paramLabel = "N",
            description = "Read the latest N items of a history. Default: prepare's --history, or the preset's.")
    private Integer maxItems;

    @Option(
            names = "--filter-taps",
            paramLabel = "N",
            description = "item decoder: rows that the filter beside attention sees; 0 for no filter")
    private Integer filterTaps;

    @Option(
            names = "--filter-share",
            paramLabel = "X",
            description = "item decoder: the filter's share, the rest is"
                    + " attention's")
    private Double filterShare;

    @Option(
            names = "--level-mlp",
            paramLabel = "N",
            description = "item decoder: columns inside a network of each level that takes in the prefix; 0 for none")
    private Integer levelMlp;

    @Option(
            names = "--node-rows",
            paramLabel = "N",
            description = "item decoder: rows for vectors of trie nodes at the most; beyond, deep nodes share rows")
    private Integer nodeRows;

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
                or(dModel, m.dModel()),
                or(layers, m.layers()),
                or(decoderLayers, m.decoderLayers()),
                or(heads, m.heads()),
                or(headDim, m.headDim()),
                or(ffnDim, m.ffnDim()),
                or(gated, m.gated()),
                or(tied, m.tied()),
                m.theta(),
                or(userTokens, m.userTokens()),
                or(maxItems, or(usualItems, m.maxItems())),
                item(m.item()));
    }

    private ModelConfig.Item item(ModelConfig.Item usual) {
        boolean given = filterTaps != null || filterShare != null || levelMlp != null || nodeRows != null;
        if (usual == null) {
            if (!given) return null;
            throw new UserError("--filter-taps, --filter-share, --level-mlp and --node-rows are of an item decoder; add"
                    + " --preset item");
        }
        return new ModelConfig.Item(
                or(filterTaps, usual.taps()), or(filterShare, usual.share()), or(levelMlp, usual.levelMlp()),
                or(nodeRows, usual.nodeRows()));
    }
}
