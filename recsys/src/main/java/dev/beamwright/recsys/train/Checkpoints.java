package dev.beamwright.recsys.train;

import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The checkpoints of one training in the folder of its run: the best model, and the last one with AdamW's moments, from
 * which training resumes, with the {@link TrainingState} in its metadata. The best model's file tells its step only, no
 * times: the same training writes the same bytes. Each file is replaced as a whole.
 */
public final class Checkpoints {
    /** In the metadata of the last checkpoint: the {@link TrainingState}. */
    public static final String STATE = "state";

    private static final String BACKEND = "backend";

    private final RunFolder run;
    private final TrainingFiles files;
    private final Backend backend;
    private final Map<String, Tensor> parameters, all;
    private final Map<String, String> facts;

    /**
     * @param parameters of the model, by the names that they have in a file
     * @param optimizer of these parameters, in this order
     * @param facts what else a file's metadata say, such as what the model was trained on
     */
    public Checkpoints(
            RunFolder run,
            TrainingFiles files,
            Backend backend,
            Map<String, Tensor> parameters,
            AdamW optimizer,
            Map<String, String> facts) {
        this.run = run;
        this.files = files;
        this.backend = backend;
        this.parameters = parameters;
        this.facts = facts;
        all = new LinkedHashMap<>(parameters);
        List<String> names = List.copyOf(parameters.keySet());
        for (int i = 0; i < names.size(); i++) {
            all.put("adamw.m." + names.get(i), optimizer.firstMoments().get(i));
            all.put("adamw.v." + names.get(i), optimizer.secondMoments().get(i));
        }
    }

    RunFolder run() {
        return run;
    }

    TrainingFiles files() {
        return files;
    }

    void saveBest(TrainingState state) {
        save(files.best(), parameters, "step", Long.toString(state.step()));
    }

    void saveLast(TrainingState state) {
        save(files.last(), all, STATE, Json.line(state));
    }

    private void save(String file, Map<String, Tensor> tensors, String name, String value) {
        Map<String, String> metadata = new LinkedHashMap<>(Map.of(name, value, BACKEND, backend.name()));
        metadata.putAll(facts);
        try {
            Checkpoint.save(run.file(file), fetched(tensors), metadata);
        } catch (IOException e) {
            throw new UserError(run.file(file) + ": cannot be written: " + e, e);
        }
    }

    /**
     * Fills parameters and moments from the last checkpoint.
     *
     * @param check refuses metadata of another model, before any tensor is read
     * @param progress to say so if it was written on another backend than this, and training is not finished
     * @return the state, or null if there is no such checkpoint
     */
    TrainingState resume(Consumer<Map<String, String>> check, Progress progress) {
        if (!run.has(files.last())) return null;
        try {
            Map<String, String> metadata = SafeTensors.metadata(run.file(files.last()));
            check.accept(metadata);
            Checkpoint.load(run.file(files.last()), all);
            all.values().forEach(backend::written);
            String state = metadata.get(STATE);
            if (state == null) {
                throw new IOException(run.file(files.last()) + ": says nothing of the state of the training");
            }
            TrainingState last = Json.parse(state, TrainingState.class, run.file(files.last()));
            String trainedOn = metadata.get(BACKEND);
            if (!last.finished() && trainedOn != null && !trainedOn.equals(backend.name())) {
                progress.say("was trained on the backend '" + trainedOn + "' so far and goes on on '" + backend.name()
                        + "': a run on one of them alone has other bits");
            }
            return last;
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; " + files.anew(run), e);
        }
    }

    /** Refuses the metadata of the last checkpoint, if there is one and they are of another model. */
    public void check(Consumer<Map<String, String>> check) {
        if (!run.has(files.last())) return;
        try {
            check.accept(SafeTensors.metadata(run.file(files.last())));
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; " + files.anew(run), e);
        }
    }

    /** Whether the best model's file is there and whole, or at least not ours to judge. */
    boolean hasReadableBest() {
        try {
            SafeTensors.metadata(run.file(files.best()));
            return true;
        } catch (IOException e) {
            return e.getCause() instanceof AccessDeniedException;
        }
    }

    /** Fills the parameters from the best model's file. */
    public void loadBest() {
        try {
            Checkpoint.load(run.file(files.best()), parameters);
            parameters.values().forEach(backend::written);
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; " + files.anew(run), e);
        }
    }

    /** The checksum of the parameters, see {@link Checkpoint#checksum}. */
    public String checksum() {
        return Checkpoint.checksum(fetched(parameters).values());
    }

    /** The same tensors; a device keeps their values to itself until they are asked for. */
    private Map<String, Tensor> fetched(Map<String, Tensor> tensors) {
        tensors.values().forEach(t -> backend.read(t, () -> {}));
        return tensors;
    }
}
