package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Noise;
import java.util.ArrayList;
import java.util.List;

/**
 * A part of a batch that goes through the network at once, as an objective sees it.
 *
 * @param forward what the model made of the samples
 * @param logits for each level, (N, width of the level)
 * @param likelihood how logits become probabilities
 * @param targets the N targets of the samples
 * @param weight of one target: 1 / targets of the whole batch, so that the losses of all micro-batches add up to the
 *     batch's mean
 * @param prefixWeights the weight of the loss of each prefix length, for objectives that have such; else empty
 * @param key for what is drawn at random
 */
public record MicroBatch(
        Tape tape,
        GenerativeModel model,
        List<Sample> samples,
        GenerativeModel.Forward forward,
        List<Variable> logits,
        Likelihood likelihood,
        Targets targets,
        float weight,
        double[] prefixWeights,
        Key key) {
    /** Sends samples through a model. */
    public static MicroBatch of(
            Tape tape,
            GenerativeModel model,
            Likelihood likelihood,
            List<Sample> samples,
            Noise noise,
            float weight,
            double[] prefixWeights,
            Key key) {
        GenerativeModel.Forward forward = model.forward(tape, samples, noise);
        Targets targets = Targets.of(tape, model.space(), samples);
        List<Variable> logits = new ArrayList<>();
        for (Variable state : forward.states()) {
            int level = logits.size();
            logits.add(model.logits(tape, level, state, targets.nodes(level)));
        }
        return new MicroBatch(tape, model, samples, forward, logits, likelihood, targets, weight, prefixWeights, key);
    }

    /** How many levels there are. */
    public int levels() {
        return logits.size();
    }
}
