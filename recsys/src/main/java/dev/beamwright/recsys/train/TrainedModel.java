package dev.beamwright.recsys.train;

import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.DecoderOnly;
import dev.beamwright.recsys.model.EncoderDecoderModel;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.prm.ProcessRewardModel;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.AccessDeniedException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Builds models, and reads trained ones back. */
public final class TrainedModel {
    /** The file of a process reward model that was trained by itself. */
    public static final String PRM = "model/prm.safetensors";

    private static final String BEST = "model/best.safetensors", LAST = "model/last.safetensors",
            START = "model/start.safetensors", BACKEND = "backend";

    private TrainedModel() {}

    /** An untrained model of these sizes; the same key gives the same parameters. */
    public static GenerativeModel create(ModelConfig config, SemanticIds ids, Key key, Arena memory) {
        var space = new CodeSpace(ids.widths(), ids.codes(), memory);
        Key parameters = key.fold("parameters");
        return config.backbone().equals(ModelConfig.DECODER)
                ? DecoderOnly.of(config, space, parameters, memory)
                : EncoderDecoderModel.of(config, space, parameters, memory);
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
        boolean alone = run.has(PRM);
        TrainConfig settings = alone ? run.config("train-prm", TrainConfig.class) : train;
        String file = alone ? PRM : checkpoint;
        var prm = createPrm(settings.prm(), settings.model(), model, Key.of(settings.seed()), memory);
        try {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Checkpoint.parameters(prm).forEach((name, tensor) -> tensors.put("prm." + name, tensor));
            Map<String, String> metadata = Checkpoint.load(run.file(file), tensors);
            String checksum = Checkpoint.checksum(Checkpoint.parameters(model).values());
            if (alone && !checksum.equals(metadata.get("model"))) {
                if (!checkpoint.equals(BEST)) {
                    throw new UserError(run.file(file) + ": goes with " + BEST + " alone, not with " + checkpoint);
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
            boolean other = file.equals(BEST) && run.has(LAST);
            throw new UserError(e.getMessage() + "; train again with 'beamwright train " + run.root()
                    + (run.hasModel() ? " --restart'" : "'")
                    + (other ? ", or take the last model with --checkpoint last" : ""), e);
        }
    }

    /**
     * Fills tensors from a checkpoint of a model.
     *
     * @param space of the semantic IDs that the run has; the model must have been trained on these
     * @return the checkpoint's metadata
     */
    public static Map<String, String> load(RunFolder run, String file, CodeSpace space, Map<String, Tensor> tensors)
            throws IOException {
        String trained = SafeTensors.metadata(run.file(file)).get(SemanticIds.FINGERPRINT);
        if (trained != null && !trained.equals(space.fingerprint())) {
            throw new UserError(run.file(file)
                    + ": was trained on other semantic IDs than tokens/semantic-ids.json has;"
                    + " bring those back ('beamwright tokenize' writes the same with the same settings), or train again: '"
                    + (file.equals(START)
                            ? "beamwright train " + run.root() + "' with --from and --restart"
                            : "beamwright train " + run.root() + " --restart'"));
        }
        return Checkpoint.load(run.file(file), tensors);
    }

    /** Says so if a checkpoint that training goes on from was written on another backend than this. */
    public static void warnOfBackend(Map<String, String> metadata, Backend backend, Progress progress) {
        String stored = metadata.get(BACKEND);
        if (stored == null || stored.equals(backend.name())) return;
        progress.say("was trained on the backend '" + stored + "' so far and goes on on '" + backend.name()
                + "': a run on one of them alone has other bits");
    }

    /** Writes a checkpoint of a model, which then knows the semantic IDs and the backend that it was trained on. */
    public static void save(
            RunFolder run,
            String file,
            CodeSpace space,
            Backend backend,
            Map<String, Tensor> tensors,
            Map<String, String> metadata) {
        Map<String, String> all = new LinkedHashMap<>(metadata);
        all.put(BACKEND, backend.name());
        all.put(SemanticIds.FINGERPRINT, space.fingerprint());
        try {
            Checkpoint.save(run.file(file), tensors, all);
        } catch (IOException e) {
            throw new UserError(run.file(file) + ": cannot be written: " + e, e);
        }
    }
}
