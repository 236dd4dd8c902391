package dev.beamwright.recsys.prm;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Checkpoint;
import dev.beamwright.transformer.Layer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What is trained: a backbone, a backbone and a process reward model together, or a process reward model on a backbone
 * that stays as it is.
 *
 * @param model the backbone, or null if it is not trained
 * @param prm null if there is none
 * @param frozen the backbone that is not trained; not a layer, so that its parameters are nobody's to change
 */
public record Guided(
        GenerativeModel model,
        ProcessRewardModel prm,
        Supplier<GenerativeModel> frozen)
        implements
            Layer {
    /** A backbone alone, or with a process reward model, or null. */
    public static Guided trained(GenerativeModel model, ProcessRewardModel prm) {
        return new Guided(model, prm, null);
    }

    /** A process reward model on a trained backbone. */
    public static Guided onFrozen(GenerativeModel model, ProcessRewardModel prm) {
        return new Guided(null, prm, () -> model);
    }

    /** The backbone, trained or not. */
    public GenerativeModel backbone() {
        return model == null ? frozen.get() : model;
    }

    /**
     * All that is trained, under the names that it has in a checkpoint: those of the backbone as if it were alone, those
     * of the process reward model behind {@code prm.}
     */
    public Map<String, Tensor> tensors() {
        Map<String, Tensor> named = new LinkedHashMap<>();
        Checkpoint.parameters(this).forEach((name, tensor) -> named.put(
                name.startsWith("model.") ? name.substring("model.".length()) : name, tensor));
        return named;
    }
}
