package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.objective.ConfidenceOrder.Kind;
import dev.beamwright.tensor.Key;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The items that an objective learns from for one prompt. They go through the network behind the prompt.
 *
 * @param items best first; for a preference the target first
 * @param kinds what each of them is
 * @param advantages of each of them, see {@link Reward#advantages}; empty for objectives without rewards
 * @param weight α: how much the prompt counts
 * @param active whether the group has a gradient
 */
public record Group(int[] items, Kind[] kinds, double[] advantages, double weight, boolean active) {
    /**
     * A rollout whose items have rewards.
     *
     * @param alphaMin weight of a prompt whose target came first, see {@link Reward#difficulty}
     * @param always whether it has a gradient even where all advantages are 0
     */
    static Group rewarded(Rollout r, Reward reward, boolean meanScore, double alphaMin, boolean always) {
        double[] advantages = Reward.advantages(reward.of(r.scores(meanScore), r.correct()));
        double alpha = Reward.difficulty(alphaMin, r.rank(), r.items().length);
        boolean moves = alpha > 0 && Arrays.stream(advantages).anyMatch(a -> a != 0);
        return new Group(r.items(), r.kinds(), advantages, alpha, moves || always);
    }

    /**
     * The target, and wrong items of the rollout: drawn where there are more than wanted, in the order of the beam.
     *
     * @param rejected how many wrong items at the most
     */
    static Group preferred(Rollout r, int rejected, Key key) {
        int[] wrong = IntStream.range(0, r.items().length).filter(i -> r.kinds()[i] != Kind.CORRECT).toArray();
        int[] drawn = Arrays.stream(
                key.fold("rejected").permutation(wrong.length), 0, Math.min(rejected, wrong.length))
                .sorted()
                .map(i -> wrong[i])
                .toArray();
        int[] items = new int[drawn.length + 1];
        Kind[] kinds = new Kind[items.length];
        items[0] = r.target();
        kinds[0] = Kind.CORRECT;
        for (int i = 0; i < drawn.length; i++) {
            items[i + 1] = r.items()[drawn[i]];
            kinds[i + 1] = r.kinds()[drawn[i]];
        }
        return new Group(items, kinds, new double[0], 1, drawn.length > 0);
    }

    /** The target alone, whatever the rollout. */
    static Group target(Rollout r) {
        return new Group(new int[] {r.target()}, new Kind[] {Kind.CORRECT}, new double[0], 1, true);
    }
}
