package dev.beamwright.tornado;

import dev.beamwright.tornado.kernel.Attention;
import dev.beamwright.tornado.kernel.Filter;
import dev.beamwright.tornado.kernel.FlashAttention;
import dev.beamwright.tornado.kernel.Flat;
import dev.beamwright.tornado.kernel.Heads;
import dev.beamwright.tornado.kernel.Hold;
import dev.beamwright.tornado.kernel.Losses;
import dev.beamwright.tornado.kernel.Matrix;
import dev.beamwright.tornado.kernel.Norms;
import dev.beamwright.tornado.kernel.Optimizer;
import dev.beamwright.tornado.kernel.RowBlocks;
import dev.beamwright.tornado.kernel.Rows;
import dev.beamwright.tornado.kernel.Search;
import dev.beamwright.tornado.kernel.Sums;
import dev.beamwright.tornado.kernel.TensorCores;
import dev.beamwright.tornado.kernel.TiledMatrix;

/** All kernels by name; how many arrays each writes, and which argument says whether it adds. */
final class Kernels {
    private Kernels() {}

    static final Kernel FILL = Kernel.of("fill", 1, Flat::fill);
    static final Kernel SCALED = Kernel.of("scaled", 1, Flat::scaled).adding(3);
    static final Kernel SCALED_BY = Kernel.of("scaledBy", 1, Flat::scaledBy).adding(3);
    static final Kernel GROW = Kernel.of("grow", 1, Flat::grow);
    static final Kernel GROW_BY = Kernel.of("growBy", 1, Flat::growBy);
    static final Kernel SUM = Kernel.of("sum", 1, Flat::sum);
    static final Kernel PRODUCT = Kernel.of("product", 1, Flat::product).adding(3);
    static final Kernel BIAS = Kernel.of("bias", 1, Flat::bias);
    static final Kernel RELU = Kernel.of("relu", 1, Flat::relu);
    static final Kernel RELU_BACKWARD = Kernel.of("reluBackward", 1, Flat::reluBackward).adding(4);
    static final Kernel RELU_IN_PLACE = Kernel.of("reluInPlace", 1, Flat::reluInPlace);
    static final Kernel RELU_DROPOUT = Kernel.of("reluDropout", 1, Flat::reluDropout);
    static final Kernel ADD_DROPOUT = Kernel.of("addDropout", 1, Flat::addDropout);
    static final Kernel GELU = Kernel.of("gelu", 1, Flat::gelu);
    static final Kernel GELU_BACKWARD = Kernel.of("geluBackward", 1, Flat::geluBackward).adding(3);
    static final Kernel SWI_GLU = Kernel.of("swiGlu", 1, Flat::swiGlu);
    static final Kernel SWI_GLU_BACKWARD = Kernel.of("swiGluBackward", 1, Flat::swiGluBackward).adding(4);
    static final Kernel DROPOUT = Kernel.of("dropout", 1, Flat::dropout).adding(6);

    static final Kernel COLUMNS = Kernel.of("columns", 1, Sums::columns);
    static final Kernel CHUNKS = Kernel.of("chunks", 1, Sums::chunks).adding(3);
    static final Kernel PRODUCTS = Kernel.of("products", 1, Sums::products);
    static final Kernel TOTAL = Kernel.of("total", 1, Sums::total);

    static final Kernel MATMUL = Kernel.of("matmul", 1, Matrix::product).adding(8);

    /** The forms for devices alone: tiles in local memory. */
    static final Kernel TILED_MATMUL = Kernel.of("tiledMatmul", 1, TiledMatrix::product).adding(9)
            .inBlocks(TiledMatrix.THREADS * TiledMatrix.THREADS, TiledMatrix.LOCAL);

    /** On CUDA alone: tensor cores. */
    static final Kernel BRAIN_MATMUL = Kernel.of("brainMatmul", 1, TensorCores::brainProduct)
            .inBlocks(TensorCores.THREADS, TensorCores.LOCAL);

    static final Kernel HALF_MATMUL = Kernel.of("halfMatmul", 1, TensorCores::halfProduct)
            .inBlocks(TensorCores.THREADS, TensorCores.LOCAL);

    static final Kernel FLASH = Kernel.of("flash", 2, FlashAttention::forward)
            .inBlocks(FlashAttention.THREADS, FlashAttention.FORWARD_LOCAL);
    static final Kernel FLASH_QUERY =
            Kernel.of("flashQuery", 1, FlashAttention::queryBackward).addingByFlag(14)
                    .inBlocks(FlashAttention.THREADS, FlashAttention.QUERY_LOCAL);
    static final Kernel FLASH_KEY_VALUE =
            Kernel.of("flashKeyValue", 1, FlashAttention::keyValueBackward).addingByFlag(14)
                    .inBlocks(FlashAttention.THREADS, FlashAttention.KEY_VALUE_LOCAL);

    static final Kernel RMS = Kernel.of("rms", 2, Norms::rms);
    static final Kernel RMS_BACKWARD = Kernel.of("rmsBackward", 1, Norms::rmsBackward).adding(6);
    static final Kernel RMS_WEIGHT = Kernel.of("rmsWeight", 1, Norms::rmsWeight);
    static final Kernel LAYER = Kernel.of("layer", 3, Norms::layer);
    static final Kernel LAYER_BACKWARD = Kernel.of("layerBackward", 1, Norms::layerBackward).adding(7);
    static final Kernel LAYER_WEIGHT = Kernel.of("layerWeight", 1, Norms::layerWeight);

    static final Kernel BLOCK_RMS = Kernel.of("blockRms", 2, RowBlocks::rms)
            .inBlocks(RowBlocks.THREADS, RowBlocks.THREADS);
    static final Kernel BLOCK_RMS_BACKWARD = Kernel.of("blockRmsBackward", 1, RowBlocks::rmsBackward).adding(7)
            .inBlocks(RowBlocks.THREADS, RowBlocks.THREADS);
    static final Kernel BLOCK_LAYER = Kernel.of("blockLayer", 3, RowBlocks::layer)
            .inBlocks(RowBlocks.THREADS, 2 * RowBlocks.THREADS);
    static final Kernel BLOCK_LAYER_BACKWARD = Kernel.of("blockLayerBackward", 1, RowBlocks::layerBackward).adding(8)
            .inBlocks(RowBlocks.THREADS, 2 * RowBlocks.THREADS);
    static final Kernel BLOCK_CROSS_ENTROPY = Kernel.of("blockCrossEntropy", 2, RowBlocks::crossEntropy)
            .inBlocks(RowBlocks.THREADS, 2 * RowBlocks.THREADS);

    static final Kernel GATHER = Kernel.of("gather", 1, Rows::gather);
    static final Kernel EXPAND = Kernel.of("expand", 1, Rows::expand);
    static final Kernel LIST = Kernel.of("list", 2, Rows::list);
    static final Kernel COLLECT = Kernel.of("collect", 1, Rows::collect).adding(8);
    static final Kernel ROTARY = Kernel.of("rotary", 1, Rows::rotary);

    static final Kernel AGES = Kernel.of("ages", 1, Filter::ages);
    static final Kernel FILTER = Kernel.of("filter", 1, Filter::forward);
    static final Kernel FILTER_BACKWARD = Kernel.of("filterBackward", 1, Filter::backward).adding(6);
    static final Kernel FILTER_TAPS = Kernel.of("filterTaps", 1, Filter::taps);

    static final Kernel CHILD_LOGITS = Kernel.of("childLogits", 1, Heads::logits);
    static final Kernel VECTOR_SUMS = Kernel.of("vectorSums", 1, Heads::vectorSums);
    static final Kernel EDGE_VECTORS = Kernel.of("edgeVectors", 1, Heads::edgeVectors);
    static final Kernel EDGE_BIAS = Kernel.of("edgeBias", 1, Heads::edgeBias).adding(8);

    static final Kernel ATTENTION = Kernel.of("attention", 2, Attention::forward);
    static final Kernel DELTA = Kernel.of("delta", 1, Attention::delta);
    static final Kernel QUERY_BACKWARD = Kernel.of("queryBackward", 1, Attention::queryBackward).addingByFlag(13);
    static final Kernel KEY_VALUE_BACKWARD =
            Kernel.of("keyValueBackward", 1, Attention::keyValueBackward).addingByFlag(13);
    static final Kernel BIAS_BACKWARD = Kernel.of("biasBackward", 1, Attention::biasBackward);
    static final Kernel JOIN = Kernel.of("join", 2, Attention::join);
    static final Kernel PATH = Kernel.of("path", 1, Attention::path);
    static final Kernel BEAM = Kernel.of("beam", 1, Attention::beam);

    static final Kernel CROSS_ENTROPY = Kernel.of("crossEntropy", 2, Losses::crossEntropy);
    static final Kernel LOG_PROBABILITY = Kernel.of("logProbability", 2, Losses::logProbability);
    static final Kernel LOG_PROBABILITY_BACKWARD =
            Kernel.of("logProbabilityBackward", 1, Losses::logProbabilityBackward).adding(10);
    static final Kernel TOP_MARGIN = Kernel.of("topMargin", 2, Losses::topMargin);
    static final Kernel TOP_MARGIN_BACKWARD = Kernel.of("topMarginBackward", 1, Losses::topMarginBackward);

    static final Kernel CLIP = Kernel.of("clip", 1, Optimizer::clip);
    static final Kernel ADAM_W = Kernel.of("adamW", 4, Optimizer::adamW);
    static final Kernel HOLD_FLOATS = Kernel.of("holdFloats", 1, Hold::floats);
    static final Kernel HOLD_INTS = Kernel.of("holdInts", 1, Hold::ints);
    static final Kernel DENOMINATORS = Kernel.of("denominators", 1, Search::denominators);
    static final Kernel EXTEND = Kernel.of("extend", 3, Search::extend);
    static final Kernel CHILDREN = Kernel.of("children", 3, Search::children);
    static final Kernel PATHS = Kernel.of("paths", 1, Search::paths);
    static final Kernel NEAREST = Kernel.of("nearest", 2, Search::nearest);
}
