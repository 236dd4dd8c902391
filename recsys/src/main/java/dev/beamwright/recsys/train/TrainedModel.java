package dev.beamwright.recsys.train;

import dev.beamwright.recsys.embedding.Projection;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.DecoderOnly;
import dev.beamwright.recsys.model.EncoderDecoderModel;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.ItemDecoder;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.prm.ProcessRewardModel;
import dev.beamwright.recsys.run.Memory;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.AccessDeniedException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Builds models, and reads trained ones back. */
public final class TrainedModel {
    /** In a checkpoint's metadata: the checksum of the model that a process reward model was trained on. */
    static final String ON_MODEL = "model";

    private TrainedModel() {}

    /** An untrained model of these sizes; the same key gives the same parameters. */
    public static GenerativeModel create(ModelConfig config, SemanticIds ids, Key key, Arena memory) {
        double bytes = Float.BYTES * config.parameters(ids.widths());
        if (bytes > Memory.physical()) {
            throw new UserError(String.format(Locale.ROOT,
                    "a model of about %,.0f million parameters does not fit into the memory of %,d MB; make --width, --layers or"
                            + " --hidden smaller, or the codes of 'beamwright tokenize' fewer",
                    config.parameters(ids.widths()) / 1e6, Memory.physical() >> 20));
        }
        var space = new CodeSpace(ids.widths(), ids.codes(), memory);
        Key parameters = key.fold("parameters");
        return switch (config.backbone()) {
            case ModelConfig.ITEM -> ItemDecoder.of(config, space, parameters, memory);
            case ModelConfig.DECODER -> DecoderOnly.of(config, space, parameters, memory);
            default -> EncoderDecoderModel.of(config, space, parameters, memory);
        };
    }

    /**
     * Moves the untrained vectors of an {@link ItemDecoder} to the vectors that the run's semantic IDs were made of, if
     * there are any; other models stay as they are.
     */
    static void start(GenerativeModel model, RunFolder run, Backend backend, Key key) {
        if (!(model instanceof ItemDecoder decoder) || !run.has(RunFolder.VECTORS)) return;
        try (Arena memory = Arena.ofShared()) {
            Tensor vectors = Npy.read(run.file(RunFolder.VECTORS), memory);
            if (vectors.shape().rank() != 2 || vectors.shape().dim(0) != model.space().items()) {
                throw new UserError(
                        run.file(RunFolder.VECTORS) + ": is " + vectors.shape() + ", not a row for each of the "
                                + model.space().items() + " items; tokenize again");
            }
            decoder.startAt(Projection.of(vectors, decoder.tokens().dim(-1), backend, key.fold("vectors")));
        } catch (IOException e) {
            throw new UserError(
                    run.file(RunFolder.VECTORS) + ": cannot be read: " + e.getMessage() + "; tokenize again", e);
        }
    }

    /** An untrained process reward model of a model; the same key gives the same parameters. */
    public static ProcessRewardModel createPrm(
            PrmConfig config, ModelConfig backbone, GenerativeModel model, Key key, Arena memory) {
        return ProcessRewardModel.of(config, backbone, model.space(), key.fold("prm"), memory);
    }

    /**
     * The process reward model of a run that has one: the one that was trained by itself on this model, or else the one
     * that was trained with it. Throws {@link UserError} if it does not fit the model.
     *
     * @param train the settings of the model's training
     * @param model the model, loaded
     * @param checkpoint the file that it was loaded from
     */
    public static ProcessRewardModel loadPrm(
            RunFolder run, TrainConfig train, GenerativeModel model, String checkpoint, Arena memory) {
        boolean alone = run.has(RunFolder.PRM);
        TrainConfig settings = alone ? run.config("train-prm", TrainConfig.class) : train;
        String file = alone ? RunFolder.PRM : checkpoint;
        var prm = createPrm(settings.prm(), settings.model(), model, Key.of(settings.seed()), memory);
        try {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Checkpoint.parameters(prm).forEach((name, tensor) -> tensors.put("prm." + name, tensor));
            Map<String, String> metadata = Checkpoint.load(run.file(file), tensors);
            String checksum = Checkpoint.checksum(Checkpoint.parameters(model).values());
            if (alone && !checksum.equals(metadata.get(ON_MODEL))) {
                if (!checkpoint.equals(RunFolder.BEST)) {
                    throw new UserError(
                            run.file(file) + ": goes with " + RunFolder.BEST + " alone, not with " + checkpoint);
                }
                throw new IOException(
                        run.file(file) + ": was trained on another model than the one that is there now");
            }
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; train again with 'beamwright train" + (alone ? "-prm " : " ")
                    + run.root() + " --restart'", e);
        }
        return prm;
    }

    /**
     * Fills a model from a checkpoint of the run.
     *
     * @return the checkpoint's metadata
     */
    public static Map<String, String> load(GenerativeModel model, RunFolder run, String file) {
        if (!run.hasModel()) run.need(file, "train");
        try {
            return load(run, file, model.space(), Checkpoint.parameters(model));
        } catch (IOException e) {
            if (e.getCause() instanceof AccessDeniedException) throw new UserError(e.getMessage(), e);
            boolean other = file.equals(RunFolder.BEST) && run.has(RunFolder.LAST);
            throw new UserError(e.getMessage() + "; train again with 'beamwright train " + run.root()
                    + (run.hasModel() ? " --restart'" : "'")
                    + (other ? ", or take the last model with --checkpoint last" : ""), e);
        }
    }

    private static Map<String, String> load(RunFolder run, String file, CodeSpace space, Map<String, Tensor> tensors)
            throws IOException {
        checkIds(run, file, space, SafeTensors.metadata(run.file(file)));
        return Checkpoint.load(run.file(file), tensors);
    }

    /**
     * What the metadata of a model's checkpoint say of where it belongs: the semantic IDs that it was trained on, and the
     * model under a process reward model.
     *
     * @param onModel that model's checksum, or null
     */
    public static Map<String, String> facts(CodeSpace space, String onModel) {
        Map<String, String> facts = new LinkedHashMap<>(Map.of(SemanticIds.FINGERPRINT, space.fingerprint()));
        if (onModel != null) facts.put(ON_MODEL, onModel);
        return facts;
    }

    /** Throws {@link UserError} if a checkpoint is of a model that was trained on other semantic IDs than the run has. */
    public static void checkIds(RunFolder run, String file, CodeSpace space, Map<String, String> metadata) {
        String trained = metadata.get(SemanticIds.FINGERPRINT);
        if (trained == null || trained.equals(space.fingerprint())) return;
        throw new UserError(run.file(file)
                + ": was trained on other semantic IDs than tokens/semantic-ids.json has;"
                + " bring those back ('beamwright tokenize' writes the same with the same settings), or train again: '"
                + (file.equals(RunFolder.START)
                        ? "beamwright train " + run.root() + "' with --from and --restart"
                        : "beamwright train " + run.root() + " --restart'"));
    }
}
