package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Checkpoint;
import dev.beamwright.transformer.Layer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is trained: a model, and how it says how sure it is.
 *
 * @param confidence null for a model that does not say
 */
public record Policy(GenerativeModel model, Confidence confidence) implements Layer {
    /** The parameters as a checkpoint names them: those of the model as ever, so that it can be read without the rest. */
    Map<String, Tensor> named() {
        Map<String, Tensor> named = new LinkedHashMap<>(Checkpoint.parameters(model));
        if (confidence != null) named.putAll(confidence.named());
        return named;
    }
}
