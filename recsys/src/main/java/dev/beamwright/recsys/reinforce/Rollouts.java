package dev.beamwright.recsys.reinforce;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.ConfidenceOrder;
import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.objective.Group;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Reward;
import dev.beamwright.recsys.objective.Rollout;
import dev.beamwright.recsys.objective.RolloutLoss;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Noise;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The loss of prompts under a {@link RolloutObjective}. A prompt is a history with one target. For each prompt the
 * constrained beam search of the model returns a {@link Rollout}; the objective makes a {@link Group} of it, and its
 * losses are taken of the log-probabilities of the group's items ({@link GroupScores}). The loss of a batch is the mean
 * over its prompts.
 *
 * <p>A prompt that has no gradient is not sent through the network.
 */
public final class Rollouts implements Trainer.Loss<Policy>, AutoCloseable {
    /** Counts prompts. */
    public static final String PROMPTS = "prompts";
    /** Counts prompts that had a gradient. */
    public static final String ACTIVE = "active";
    /** Counts prompts with the target in the rollout. */
    public static final String HITS = "hits";
    /** Sums the target's place, from 0, over hits. */
    public static final String RANK = "rank";
    /** Sums the weight by difficulty, over hits. */
    public static final String ALPHA = "alpha";
    /** Sums the mean reward of a rollout. */
    public static final String REWARD = "reward";
    /** Sums the standard deviation of a rollout's rewards. */
    public static final String DEVIATION = "rewardDeviation";
    /** Sums the largest share that a wrong item has of the softmax over the wrong items' scores, over hits. */
    public static final String TOP_WRONG = "topWrong";

    /** The group of a prompt, what was counted when it was made, and its log-probabilities then: (levels, items). */
    private static final class Made {
        final Group group;
        final Counters counters;
        float[][] before;

        Made(Group group, Counters counters) {
            this.group = group;
            this.counters = counters;
        }
    }

    private final Backend backend;
    private final RolloutObjective objective;
    private final List<RolloutLoss> losses;
    private final int size;
    private final Likelihood likelihood;
    private final GenerativeModel reference;
    private final GroupScores scores;
    private final boolean skipping;
    private final ConcurrentHashMap<Sample, Made> groups = new ConcurrentHashMap<>(); // of the present batch
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    /**
     * @param size G: beam size of a rollout
     * @param reference the frozen model of the beginning; null if {@link RolloutObjective#needsReference} is false
     */
    public Rollouts(
            Backend backend, RolloutObjective objective, int size, Likelihood likelihood, GenerativeModel reference) {
        this(backend, objective, size, likelihood, reference, true, true);
    }

    /**
     * For comparisons.
     *
     * @param sharedPrompt whether the items of a group share their prompt; otherwise each has a copy of its own
     * @param skipping whether prompts without a gradient are left out
     */
    public Rollouts(
            Backend backend,
            RolloutObjective objective,
            int size,
            Likelihood likelihood,
            GenerativeModel reference,
            boolean sharedPrompt,
            boolean skipping) {
        this.backend = backend;
        this.objective = objective;
        this.losses = objective.losses();
        this.size = size;
        this.likelihood = likelihood;
        this.reference = reference;
        this.scores = new GroupScores(likelihood, sharedPrompt);
        this.skipping = skipping;
    }

    /** Forgets the groups of the batch: the next step makes new ones. */
    public void nextBatch() {
        groups.clear();
    }

    @Override
    public int extraRows() {
        return size * 5; // five codes are usual; only the balance between micro-batches depends on it
    }

    @Override
    public Objective.Result of(
            Tape tape, Policy policy, List<Sample> prompts, Noise noise, float weight, Key key) {
        if (!groups.containsKey(prompts.getFirst())) rollOut(policy.model(), prompts, key);
        var counters = new Counters();
        for (Sample p : prompts) counters.add(groups.get(p).counters);
        List<Sample> active = prompts.stream().filter(p -> groups.get(p).group.active() || !skipping).toList();
        Variable loss = active.isEmpty()
                ? tape.record(tape.floats(0), _ -> {})
                : loss(tape, policy, active, noise, weight, counters);
        return new Objective.Result(loss, counters);
    }

    // ---- groups

    private void rollOut(GenerativeModel model, List<Sample> prompts, Key key) {
        List<int[]> histories = prompts.stream().map(p -> Arrays.copyOf(p.items(), p.from())).toList();
        int[] users = prompts.stream().mapToInt(Sample::user).toArray();
        var search = new BeamSearch(model, SearchConfig.beam(size, likelihood));
        Workspace memory = workspace();
        try (Tape tape = Tape.inference(backend, memory)) {
            List<Search.Result> found = search.search(tape, Query.of(histories, users), null);
            for (int p = 0; p < prompts.size(); p++) {
                Sample prompt = prompts.get(p);
                Rollout rollout = rollout(model.space(), prompt.items()[prompt.from()], found.get(p));
                Group group = objective.group(rollout, key.fold(p));
                groups.put(prompt, new Made(group, count(rollout, group)));
            }
        }
        idle.add(memory);
    }

    private static Rollout rollout(CodeSpace space, int target, Search.Result found) {
        ItemTrie trie = space.trie();
        int levels = space.levels();
        int[] places = new int[found.items().length]; // one for each semantic ID
        int n = 0;
        for (int i = 0; i < places.length; i++) {
            boolean same = i > 0 && trie.node(found.items()[i], levels) == trie.node(found.items()[i - 1], levels);
            if (!same) places[n++] = i;
        }
        int[] items = new int[n];
        int[][] codes = new int[n][];
        double[] logProbs = new double[n];
        for (int i = 0; i < n; i++) {
            items[i] = found.items()[places[i]];
            codes[i] = codes(space, items[i]);
            logProbs[i] = found.scores()[places[i]];
        }
        return new Rollout(target, items, ConfidenceOrder.kinds(codes, codes(space, target)), logProbs, levels);
    }

    private static int[] codes(CodeSpace space, int item) {
        int[] codes = new int[space.levels()];
        for (int l = 0; l < codes.length; l++) codes[l] = space.code(item, l);
        return codes;
    }

    private Counters count(Rollout rollout, Group group) {
        var counters = new Counters();
        double[] scores = rollout.scores(objective.meanScore());
        boolean[] correct = rollout.correct();
        double[] rewards = objective.reward().of(scores, correct);
        counters.add(PROMPTS, 1);
        if (group.active()) counters.add(ACTIVE, 1);
        counters.add(REWARD, Arrays.stream(rewards).average().orElse(0));
        counters.add(DEVIATION, Reward.deviation(rewards));
        if (rollout.rank() >= 0) {
            counters.add(HITS, 1);
            counters.add(RANK, rollout.rank());
            counters.add(ALPHA, group.weight());
            double[] shares = Reward.UNCERTAINTY.of(scores, correct);
            counters.add(TOP_WRONG, -Arrays.stream(shares).min().orElse(0));
        }
        return counters;
    }

    // ---- the training pass

    private Variable loss(
            Tape tape, Policy policy, List<Sample> prompts, Noise noise, float weight, Counters counters) {
        List<Made> made = prompts.stream().map(groups::get).toList();
        int[][] items = made.stream().map(m -> m.group.items()).toArray(int[][]::new);
        var scored = scores.of(tape, policy.model(), policy.confidence(), prompts, items, noise);
        float[][] now = scored.values(), first = objective.needsReference() ? reference(prompts, items) : null;
        double[] confidence = scored.answers() == null ? null : Confidence.values(scored.answers().value().toArray());
        int levels = now.length, count = now[0].length, from = 0;
        float[][] codeGradients = new float[levels][count];
        float[] answerGradients = new float[2 * count];
        double value = 0;
        for (Made m : made) {
            int n = m.group.items().length, to = from + n;
            float[][] own = part(now, from, to);
            if (m.before == null) m.before = own;
            var given = new RolloutLoss.Scores(
                    own, m.before, first == null ? null : part(first, from, to),
                    confidence == null ? null : Arrays.copyOfRange(confidence, from, to));
            var gradients = new RolloutLoss.Gradients(new float[levels][n], new float[2 * n]);
            for (RolloutLoss loss : losses) {
                if (loss.asksConfidence() && confidence == null) continue; // a model that does not say
                value += loss.of(m.group, given, weight, gradients, counters);
            }
            for (int t = 0; t < levels; t++) System.arraycopy(gradients.codes()[t], 0, codeGradients[t], from, n);
            System.arraycopy(gradients.answers(), 0, answerGradients, 2 * from, 2 * n);
            from = to;
        }
        List<Variable> inputs = new ArrayList<>(scored.codes());
        List<float[]> gradients = new ArrayList<>(Arrays.asList(codeGradients));
        if (confidence != null) {
            inputs.add(scored.answers());
            gradients.add(answerGradients);
        }
        return Ops.computed(tape, value, inputs, gradients);
    }

    private static float[][] part(float[][] values, int from, int to) {
        return Arrays.stream(values).map(v -> Arrays.copyOfRange(v, from, to)).toArray(float[][]::new);
    }

    private float[][] reference(List<Sample> prompts, int[][] items) {
        Workspace memory = workspace();
        try (Tape tape = Tape.inference(backend, memory)) {
            return scores.of(tape, reference, null, prompts, items, Noise.none()).values();
        } finally {
            idle.add(memory);
        }
    }

    private Workspace workspace() {
        Workspace memory = idle.poll();
        return memory == null ? new Workspace() : memory;
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
    }
}
