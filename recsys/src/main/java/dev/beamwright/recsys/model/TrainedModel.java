package dev.beamwright.recsys.model;

import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;

/** Builds models, and reads trained ones back. */
public final class TrainedModel {
    private TrainedModel() {}

    /** An untrained model of these sizes; the same key gives the same parameters. */
    public static GenerativeModel create(ModelConfig config, SemanticIds ids, Key key, Arena memory) {
        var space = new CodeSpace(ids.widths(), ids.codes(), memory);
        Key parameters = key.fold("parameters");
        return config.backbone().equals(ModelConfig.DECODER)
                ? DecoderOnly.of(config, space, parameters, memory)
                : EncoderDecoderModel.of(config, space, parameters, memory);
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
