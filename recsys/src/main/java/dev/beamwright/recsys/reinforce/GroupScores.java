package dev.beamwright.recsys.reinforce;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.transformer.Noise;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Log-probabilities of items in the place of their prompts' targets, and the model's confidence in them. All items of a
 * prompt, with the question for their confidence behind them, go through the network as branches of one prompt, whose
 * keys and values are computed once.
 *
 * @param likelihood how logits become probabilities
 * @param sharedPrompt whether that is so; otherwise each item has a copy of the prompt, with the same result
 */
record GroupScores(Likelihood likelihood, boolean sharedPrompt) {
    /**
     * Scores of the items of all prompts, one prompt after the other.
     *
     * @param codes by level, the log-probability of each item's code: (items)
     * @param answers logits "no" and "yes" of the confidence: (items, 2); null if it was not asked for
     */
    record Scored(List<Variable> codes, Variable answers) {
        /** The values of {@link #codes}: (levels, items). */
        float[][] values() {
            return codes.stream().map(v -> v.value().toArray()).toArray(float[][]::new);
        }
    }

    /**
     * Sends items through a model.
     *
     * @param confidence null for a model that does not say how sure it is
     * @param prompts each with one target, which the items replace
     * @param items of each prompt
     */
    Scored of(
            Tape tape, GenerativeModel model, Confidence confidence, List<Sample> prompts, int[][] items,
            Noise noise) {
        int levels = model.space().levels();
        Variable ask = confidence == null ? null : confidence.ask(tape);
        List<Variable> states = sharedPrompt
                ? model.forward(tape, prompts, noise).candidates(each(prompts.size()), items, ask)
                : copied(tape, model, prompts, items, noise, ask);
        Targets targets = Targets.of(tape, model.space(), Arrays.stream(items).flatMapToInt(Arrays::stream).toArray());
        List<Variable> codes = new ArrayList<>();
        for (int t = 0; t < levels; t++) {
            Variable logits = model.logits(tape, t, states.get(t), targets.nodes(t));
            codes.add(likelihood.logProbability(tape, logits, targets, t));
        }
        return new Scored(codes, ask == null ? null : confidence.logits(tape, states.get(levels)));
    }

    private static List<Variable> copied(
            Tape tape, GenerativeModel model, List<Sample> prompts, int[][] items, Noise noise, Variable ask) {
        List<Sample> copies = new ArrayList<>();
        List<int[]> single = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            for (int item : items[p]) {
                int[] sequence = Arrays.copyOf(prompts.get(p).items(), prompts.get(p).from() + 1);
                sequence[sequence.length - 1] = item;
                copies.add(new Sample(prompts.get(p).user(), sequence, sequence.length - 1));
                single.add(new int[] {item});
            }
        }
        var forward = model.forward(tape, copies, noise);
        return ask == null
                ? forward.states()
                : forward.candidates(each(copies.size()), single.toArray(int[][]::new), ask);
    }

    private static int[] each(int n) {
        return IntStream.range(0, n).toArray();
    }
}
