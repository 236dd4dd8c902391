package dev.beamwright.recsys.model;

import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.prm.ProcessRewardModel;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Builds models, and reads trained ones back. */
public final class TrainedModel {
    /** The file of a process reward model that was trained by itself. */
    public static final String PRM = "model/prm.safetensors";

    private static final String BEST = "model/best.safetensors";

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
        Path path = run.need(file, "train");
        try {
            return Checkpoint.load(path, Checkpoint.parameters(model));
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; train again with 'beamwright train " + run.root() + "'", e);
        }
    }
}
