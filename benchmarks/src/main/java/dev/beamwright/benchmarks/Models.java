package dev.beamwright.benchmarks;

import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.ObjectiveLoss;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What is trained and asked in the comparison, by the product's own {@link Trainer} and {@link Generator}: a random
 * catalogue of the size and the shape of Amazon Beauty's, and histories drawn from it, all equally long.
 */
record Models(TrainConfig config, int codes, int batch, int items, boolean wholeSequences) {
    private static final int CATALOGUE = 12_101, LEVELS = 4;

    /**
     * Among how many branches an item chooses at each level; a branch's code depends on the codes before it. The trie is
     * so like that of Beauty's published semantic IDs: 6,685 paths of two codes and 10,773 of three (6,983 and 10,743
     * there), with .28 and .79 of the items alone on theirs (.37 and .81 there).
     */
    private static final int[] BRANCHES = {10_000, 40, 6, 256};

    /** The encoder reads 21 items of 4 codes and the end token: 85 tokens, one more than the peers'. */
    static Models tiger(int batch, double dropout) {
        TrainConfig c = TrainConfig.preset("tiger", 1);
        return new Models(with(c, c.model().withMaxItems(21), dropout), 256, batch, 21, false);
    }

    /** The default preset, on histories as long as it reads. */
    static Models defaults(int batch) {
        TrainConfig c = TrainConfig.defaults(1);
        return new Models(c, 256, batch, c.model().maxItems(), true);
    }

    /** A decoder of 256 columns and 6 layers on 128 tokens: 32 items of 4 codes, each of 1,024. */
    static Models decoder(int batch) {
        var model = new ModelConfig("decoder", 256, 6, 4, 64, 1024, false, 32);
        return new Models(with(TrainConfig.preset("llama", 1), model, 0), 1024, batch, 32, true);
    }

    private static TrainConfig with(TrainConfig c, ModelConfig model, double dropout) {
        return c.withModel(model).withOptimization(c.optimization().withDropout(dropout));
    }

    private GenerativeModel model(Arena memory) {
        Key key = Key.of(3);
        int[][] ids = new int[CATALOGUE][LEVELS];
        for (int i = 0; i < CATALOGUE; i++) {
            Key prefix = key;
            for (int l = 0; l < LEVELS; l++) {
                int branch = key.fold(i).below(l, BRANCHES[l]);
                ids[i][l] = prefix.below(branch, codes);
                prefix = prefix.fold(ids[i][l]);
            }
        }
        int[] widths = new int[LEVELS];
        Arrays.fill(widths, codes);
        return TrainedModel.create(config.model(), new SemanticIds(widths, ids), key, memory);
    }

    private int[] history(int user, int length) {
        Key key = Key.of(5).fold(user);
        return IntStream.range(0, length).map(i -> key.below(i, CATALOGUE)).toArray();
    }

    /** A training step over a batch: of whole sequences, or of one target behind each history. */
    Runnable step(Backend backend, Closer closer) {
        Arena memory = closer.closing(Arena.ofShared());
        GenerativeModel model = model(memory);
        var loss = new ObjectiveLoss(config.objective().forBeam(config.decoding().beamSize()), config.likelihood(),
                LEVELS);
        var trainer = closer.closing(Trainer.of(backend, Guided.trained(model, null), loss, config, 100_000, memory));
        List<Sample> samples = IntStream.range(0, batch)
                .mapToObj(u -> wholeSequences
                        ? new Sample(history(u, items), 0)
                        : new Sample(history(u, items + 1), items))
                .toList();
        return () -> loss.stepped(
                trainer.step(samples, Key.of(7).fold(trainer.optimizer().steps())));
    }

    /** A recommendation by beam search for each of a batch of users; only codes that can follow share a softmax. */
    Runnable search(Backend backend, int beam, Closer closer) {
        return search(backend, SearchConfig.beam(beam, Softmax.CHILDREN), closer);
    }

    /** A recommendation for each of a batch of users. */
    Runnable search(Backend backend, SearchConfig search, Closer closer) {
        Arena memory = closer.closing(Arena.ofShared());
        var generator = closer.closing(new Generator(backend, model(memory)));
        List<int[]> histories = IntStream.range(0, batch).mapToObj(u -> history(u, items)).toList();
        return () -> generator.recommend(search, Query.of(histories), null);
    }

    /**
     * Operations of a step's matrix products, forward once and backward twice; a causal attention counts
     * half. The peers' arithmetic is the same, but for one token of TIGER's source.
     */
    double flop() {
        ModelConfig m = config.model();
        double inner = m.heads() * m.headDim(), width = m.dModel();
        double attention = 4 * width * inner, feedForward = (m.gated() ? 3 : 2) * width * m.ffnDim(), flop;
        if (wholeSequences) {
            double length = items * LEVELS, tokens = batch * length;
            flop = m.layers() * tokens * (2 * (attention + feedForward) + 4 * length / 2 * inner)
                    + tokens * 2 * width * codes;
        } else {
            double source = items * LEVELS + 1, read = batch * source, written = batch * LEVELS;
            flop = m.layers() * read * (2 * (attention + feedForward) + 4 * source * inner)
                    + m.decoderLayers() * written * (2 * (attention + 2 * width * inner + feedForward)
                            + 4 * (LEVELS / 2.0 + source) * inner)
                    + m.decoderLayers() * read * 2 * 2 * width * inner
                    + written * 2 * width * codes;
        }
        return 3 * flop;
    }
}
