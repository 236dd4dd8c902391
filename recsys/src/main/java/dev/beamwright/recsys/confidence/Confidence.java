package dev.beamwright.recsys.confidence;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Checkpoint;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Linear;
import java.io.IOException;
import java.lang.foreign.SegmentAllocator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a model says how sure it is of an item (UGR, arXiv 2602.11719): behind the item's semantic ID it reads one more
 * token, and two output rows answer "no" and "yes",
 *
 * <pre>c = softmax(z_no, z_yes)[yes] = σ(z_yes - z_no)</pre>
 *
 * <p>Both are new where the model has learnt before, and need a higher rate than it. Since AdamW moves every number by
 * about as much, whatever its gradient, that is had by keeping them divided by a gain. Their gradients are kept as those of
 * the true values, so that clipping by the global norm is the same with every gain.
 *
 * @param token (1, width): the embedding of the token, divided by the gain
 * @param answers (2, width): the output rows, "no" first, divided by the gain
 * @param gain how many times faster they learn than the model
 */
public record Confidence(Variable token, Linear answers, float gain) implements Layer {
    /**
     * An untrained one, which answers 1/2 to everything. The paper copies the rows of the words "correct" and "wrong"
     * from a language model, which this model has not; here the answers are zeros, and the token is as long as the
     * embeddings of codes are.
     */
    public static Confidence of(GenerativeModel model, double gain, Key key, SegmentAllocator memory) {
        Variable tokens = model.tokens();
        int width = tokens.dim(-1);
        double squares = 0;
        for (float v : tokens.value().toArray()) squares += (double) v * v;
        var init = new Initializer(memory, key.fold("confidence"));
        return new Confidence(
                init.normal(Math.sqrt(squares / tokens.size()) / gain, 1, width),
                new Linear(init.constant(0, 2, width), null),
                (float) gain);
    }

    /** The embedding of the token: (1, width). */
    public Variable ask(Tape tape) {
        return whole(tape, token);
    }

    /** (N, width), the states behind the token, to (N, 2): z_no and z_yes. */
    public Variable logits(Tape tape, Variable states) {
        return new Linear(whole(tape, answers.weight()), null).apply(tape, states);
    }

    /** What is stored divided by the gain. Its gradient is handed on as it is, not multiplied by the gain. */
    private Variable whole(Tape tape, Variable part) {
        Tensor y = tape.allocate(part.shape());
        tape.backend().fill(y, 0);
        tape.backend().accumulate(y, gain, part.value());
        return tape.record(y, dy -> {
            if (part.grad() != null) tape.backend().accumulate(part.grad(), 1, dy);
        });
    }

    /** The confidence of each row of logits. */
    public static double[] values(float[] logits) {
        double[] c = new double[logits.length / 2];
        for (int i = 0; i < c.length; i++) c[i] = value(logits[2 * i], logits[2 * i + 1]);
        return c;
    }

    /** σ(yes - no). */
    public static double value(double no, double yes) {
        return 1 / (1 + StrictMath.exp(no - yes));
    }

    /** Its parameters by the names that they have in a checkpoint, beside those of the model. */
    public Map<String, Tensor> named() {
        Map<String, Tensor> named = new LinkedHashMap<>();
        Checkpoint.parameters(this).forEach((path, value) -> named.put("confidence." + path, value));
        return named;
    }

    /** Fills it from a checkpoint of the run. */
    public void load(RunFolder run, String file) {
        try {
            Checkpoint.load(run.need(file, "train"), named());
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; train again with 'beamwright train " + run.root() + "'", e);
        }
    }
}
