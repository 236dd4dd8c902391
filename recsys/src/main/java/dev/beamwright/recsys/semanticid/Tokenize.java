package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.embedding.ItemVectors;
import dev.beamwright.recsys.embedding.ItemVectors.Block;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SegmentAllocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The second stage of a run: from items to semantic IDs, with a report of how good they are. */
public final class Tokenize {
    static final int MOST_CODES = 65_536;
    private static final int DEFAULT_LEVELS = 3;
    static final int MOST_LEVELS = 16;

    private Tokenize() {}

    /**
     * Reads the prepared data of a run and writes {@code config/tokenize.json}, {@code tokens/vectors.npy},
     * {@code tokens/report.json} and, last, {@code tokens/semantic-ids.json}.
     *
     * @return the report that was written
     */
    public static SidReport run(TokenizeConfig config, RunFolder run, Progress progress) {
        Prepared prepared = Prepared.load(run);
        Dataset data = prepared.data();
        int[][] train = prepared.split().train();
        TokenizeConfig effective = decided(config, data.items().size());
        Key key = Key.of(effective.seed()).fold("tokenize");
        Backend backend = Backends.best();
        SemanticIds imported = effective.sids() == null ? null : imported(effective, data.items(), progress);
        try (Arena memory = Arena.ofShared()) {
            Tensor vectors = vectors(effective.vectors(), data, train, key.fold("vectors"), memory, progress);
            boolean meaningless = vectors.data().mismatch(Tensor.zeros(memory, vectors.shape()).data()) < 0;
            Quantized quantized = imported != null
                    ? Quantized.of(imported)
                    : quantize(effective, vectors, meaningless, backend, key.fold("quantizer"), memory, progress);
            SemanticIds ids =
                    policy(effective.codes().collisions()).resolve(quantized, byPopularity(train, data.items().size()));
            int[] targets = prepared.split().validation().stream().mapToInt(Case::target).toArray();
            SidReport report = SidReport.of(
                    quantized.ids(), ids, targets, meaningless ? null : vectors, backend, key.fold("report"));

            refuseOtherThanTrained(run, ids, data.items(), progress);

            run.delete(RunFolder.SEMANTIC_IDS); // last of all it is there again: then the stage is done
            run.saveConfig("tokenize", effective);
            writeVectors(run.file(RunFolder.VECTORS), vectors);
            Json.write(run.file(RunFolder.ID_REPORT), report);
            RunInfo.write(run, "tokenize", Map.of("seed", effective.seed(), "backend", backend.name()));
            SemanticIdFile.write(run.file(RunFolder.SEMANTIC_IDS), ids, data.items());
            return report;
        }
    }

    /** The settings with everything decided that was left open. Throws {@link UserError} where they do not fit. */
    static TokenizeConfig decided(TokenizeConfig config, int items) {
        boolean imported = config.sids() != null;
        check(config.vectors());
        TokenizeConfig.Codes c = config.codes();
        int[] sizes = c.codebookSizes();
        if (sizes != null && c.levels() != null && c.levels() != sizes.length) {
            throw new UserError("--levels " + c.levels() + " does not fit --codebook-sizes with " + sizes.length
                    + " numbers; leave one of them out");
        }
        int levels = sizes != null ? sizes.length : c.levels() != null ? c.levels() : DEFAULT_LEVELS;
        if (levels < 1 || levels > MOST_LEVELS) {
            throw new UserError("semantic IDs can have 1 to " + MOST_LEVELS + " levels, not " + levels);
        }
        if (sizes == null && !imported) {
            sizes = new int[levels];
            Arrays.fill(sizes, TokenizeConfig.codebookSizeFor(items));
        }
        for (int size : sizes == null ? new int[0] : sizes) {
            if (size < 1 || size > MOST_CODES)
                throw new UserError("a level can have 1 to " + MOST_CODES + " codes, not " + size);
        }
        String collisions = c.collisions() != null ? c.collisions() : imported ? "shared" : "extra-level";
        policy(collisions);
        RqVae.Settings rqVae = null;
        if (!imported && c.quantizer().equals("rq-vae")) {
            RqVae.Settings given = c.rqVae() == null ? RqVae.Settings.DEFAULT : c.rqVae();
            rqVae = given.with(given.gradient(), c.balanced(), given.epochs());
        }
        if (!imported) quantizer(c.quantizer(), sizes, c.balanced(), rqVae);
        return config.withCodes(new TokenizeConfig.Codes(
                imported ? null : c.quantizer(),
                !imported && c.balanced(),
                rqVae,
                imported && sizes == null ? c.levels() : Integer.valueOf(levels),
                sizes,
                collisions));
    }

    private static void check(TokenizeConfig.Vectors v) {
        if (v.textDims() < 1 || v.collaborativeDims() < 1) throw new UserError("vectors need at least one dimension");
        if (!(v.collaborativeWeight() > 0 && v.collaborativeWeight() < 1000)) {
            throw new UserError("--collaborative-weight must be a number above 0, not " + v.collaborativeWeight());
        }
        if (v.window() < 1) throw new UserError("--window must be at least 1, not " + v.window());
    }

    private static Quantizer quantizer(String name, int[] widths, boolean balanced, RqVae.Settings rqVae) {
        if (balanced && !name.equals("residual-kmeans") && !name.equals("rq-vae")) {
            throw new UserError("--balanced goes with the quantizers residual-kmeans and rq-vae only");
        }
        return switch (name) {
            case "residual-kmeans" -> new ResidualKMeans(widths, balanced);
            case "rq-vae" -> new RqVae(widths, rqVae);
            case "product" -> new ProductQuantizer(widths);
            case "opq" -> new ProductQuantizer(widths, true);
            case "random" -> new RandomCodes(widths);
            default ->
                throw new UserError("there is no quantizer '" + name
                        + "'; use residual-kmeans, rq-vae, product, opq or random");
        };
    }

    private static CollisionPolicy policy(String name) {
        return switch (name) {
            case "extra-level" -> CollisionPolicy.EXTRA_LEVEL;
            case "reassign" -> CollisionPolicy.REASSIGN;
            case "shared" -> CollisionPolicy.SHARED;
            default ->
                throw new UserError("there is no collision policy '" + name + "'; use extra-level, reassign or shared");
        };
    }

    private static Tensor vectors(
            TokenizeConfig.Vectors c, Dataset data, int[][] train, Key key, SegmentAllocator memory,
            Progress progress) {
        String from = c.source();
        boolean text, hashed, collaborative;
        switch (from) {
            case "text", "text+collaborative", "hashed-text", "hashed-text+collaborative", "collaborative" -> {
                text = from.contains("text");
                hashed = from.startsWith("hashed");
                collaborative = from.endsWith("collaborative");
            }
            default -> {
                if (!from.contains(".")) {
                    throw new UserError("there are no vectors '" + from + "'; use text, hashed-text, collaborative,"
                            + " text+collaborative, hashed-text+collaborative, or a .npy or .safetensors file");
                }
                progress.say("item vectors from " + from);
                return ItemVectors.imported(from, data.items(), memory, progress);
            }
        }
        List<Block> blocks = new ArrayList<>();
        if (text) {
            if (data.texts().stream().allMatch(String::isBlank)) progress.say("no item has a text, only its title");
            try (Progress.Bar _ = progress.start("vectors from text", 0)) {
                blocks.add(new Block(ItemVectors.text(data, c.textDims(), hashed, key, memory), 1));
            }
        }
        if (collaborative) {
            try (Progress.Bar _ = progress.start("vectors from co-occurrence", 0)) {
                int items = data.items().size();
                Tensor near = ItemVectors.collaborative(train, items, c.collaborativeDims(), c.window(), key, memory);
                blocks.add(new Block(near, c.collaborativeWeight()));
            }
        }
        return ItemVectors.concatenated(blocks, memory);
    }

    private static Quantized quantize(
            TokenizeConfig config,
            Tensor vectors,
            boolean meaningless,
            Backend backend,
            Key key,
            SegmentAllocator memory,
            Progress progress) {
        TokenizeConfig.Codes c = config.codes();
        Quantizer quantizer = quantizer(c.quantizer(), c.codebookSizes(), c.balanced(), c.rqVae());
        if (meaningless && !(quantizer instanceof RandomCodes)) {
            throw new UserError(
                    "item vectors from " + config.vectors().source() + " tell no two items apart: no word and no"
                            + " neighbour occurs twice, or all rows of a file are alike; give text, other --vectors, or"
                            + " --quantizer random");
        }
        return quantizer.quantize(vectors, backend, key, memory, progress);
    }

    private static SemanticIds imported(TokenizeConfig c, List<String> items, Progress progress) {
        int[] sizes = c.codes().codebookSizes();
        Integer levels = c.codes().levels();
        var content = SemanticIdFile.read(Path.of(c.sids()), items, c.sidKeyOffset(), sizes);
        if (sizes == null && levels != null && levels != content.ids().levels()) {
            throw new UserError(c.sids() + ": holds IDs of " + content.ids().levels() + " levels, --levels asks for "
                    + levels);
        }
        progress.say("semantic IDs from " + c.sids());
        if (content.unknown() > 0) progress.say(content.unknown() + " IDs belong to no item of this run: left out");
        return c.codes().codebookSizes() != null ? content.ids() : content.ids().dense(note -> progress.say("warning: " + note));
    }

    /** All items, those that occur most often in training first. */
    private static int[] byPopularity(int[][] train, int items) {
        int[] count = new int[items];
        for (int[] sequence : train) for (int item : sequence) count[item]++;
        return IntStream.range(0, items)
                .boxed()
                .sorted(Comparator.comparing(i -> -count[i])) // stable: the lower number on a tie
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** A model knows its items by their IDs, so a run that has one keeps them. */
    private static void refuseOtherThanTrained(
            RunFolder run, SemanticIds ids, List<String> items, Progress progress) {
        String trained = null;
        for (String file : List.of(RunFolder.LAST, RunFolder.BEST, RunFolder.START)) {
            try {
                if (trained == null && run.has(file)) {
                    trained = SafeTensors.metadata(run.file(file)).get(SemanticIds.FINGERPRINT);
                }
            } catch (IOException e) {
                progress.say("warning: " + e.getMessage());
            }
        }
        if (trained == null && run.hasModel() && run.has(RunFolder.SEMANTIC_IDS))
            trained = SemanticIds.load(run, items).fingerprint();
        if (trained == null || trained.equals(ids.fingerprint())) return;
        throw new UserError(run.root() + ": has a model that was trained on other semantic IDs; take another run"
                + " folder, or delete " + run.file("model") + " first");
    }

    private static void writeVectors(Path file, Tensor vectors) {
        try {
            Npy.write(file, vectors);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be written: " + e, e);
        }
    }
}
