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
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.reinforce.ConfidenceOrder.Kind;
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
 * The loss of prompts by what the model itself makes of them. A prompt is a history with one target. For each prompt the
 * constrained beam search returns a group of G items; then
 *
 * <pre>
 * L(x) = α(x) · mean_i mean_t -min(ρ_it A_i, clip(ρ_it, 1 - ε, 1 + ε) A_i)       GRPO, weighted by difficulty
 *      + kl · mean_i mean_t (e^{d_it} - d_it - 1),   d = log π_ref - log π          k3 (Schulman, 2020)
 *      + the losses of {@link ConfidenceOrder}
 * </pre>
 *
 * <p>with the advantages A of {@link Reward} and ρ the ratio of the probability of code t of item i to what it was when
 * the group was made; or the loss of a {@link Preference} for the target over the wrong items of the group; or, as a
 * control, the mean of {@code -log π} over the target's codes. A loss of a batch is the mean over its prompts.
 *
 * <p>All items of a group, with the question for their confidence behind them, go through the network as branches of one
 * prompt, whose keys and values are computed once. A prompt that has no gradient is not sent through it at all.
 */
public final class GroupLoss implements Trainer.Loss<Policy>, AutoCloseable {
    /** What is counted; sums over the prompts of a micro-batch, or over those that are named. */
    enum Stat {
        PROMPTS,
        /** Prompts that had a gradient. */
        ACTIVE,
        /** Prompts with the target in the group. */
        HITS,
        /** Of the target's place, from 0, over hits. */
        RANK,
        /** Of the group's mean reward. */
        REWARD,
        /** Of the deviation of a group's rewards. */
        SPREAD,
        /** Of α, over hits. */
        ALPHA,
        /** Of the largest share that a wrong item has of the softmax over the wrong items' scores, over hits. */
        TOP_WRONG,
        /** Of the weighted policy loss, or the preference's. */
        POLICY,
        /** Of the divergence, over active prompts. */
        KL,
        /** Of the confidence's loss. */
        CONFIDENCE,
        /** Codes whose ratio was clipped. */
        CLIPPED,
        SURE_CORRECT,
        CORRECT_ITEMS,
        SURE_PARTIAL,
        PARTIAL_ITEMS,
        SURE_WRONG,
        WRONG_ITEMS
    }

    /** What one prompt's items are, best first; for a preference the target first. */
    private static final class Group {
        final int[] items;
        final Kind[] kinds;
        final double[] advantages;
        final double alpha;
        final boolean active;
        final double[] stats = new double[Stat.values().length];
        float[][] before; // by level and item: log-probabilities when the group was made

        Group(int[] items, Kind[] kinds, double[] advantages, double alpha, boolean active) {
            this.items = items;
            this.kinds = kinds;
            this.advantages = advantages;
            this.alpha = alpha;
            this.active = active;
        }

        void count(Stat stat, double amount) {
            stats[stat.ordinal()] += amount;
        }
    }

    private final Backend backend;
    private final ReinforceConfig config;
    private final Likelihood likelihood;
    private final GenerativeModel reference;
    private final boolean sharedPrompt, skipping;
    private final ConcurrentHashMap<Sample, Group> groups = new ConcurrentHashMap<>(); // of the present batch
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    /** @param reference the frozen model of the beginning, or null if {@link ReinforceConfig#needsReference()} is false */
    public GroupLoss(Backend backend, ReinforceConfig config, Likelihood likelihood, GenerativeModel reference) {
        this(backend, config, likelihood, reference, true, true);
    }

    /**
     * For comparisons.
     *
     * @param sharedPrompt whether the items of a group share their prompt; otherwise each has a copy of its own
     * @param skipping whether prompts without a gradient are left out
     */
    public GroupLoss(
            Backend backend,
            ReinforceConfig config,
            Likelihood likelihood,
            GenerativeModel reference,
            boolean sharedPrompt,
            boolean skipping) {
        this.backend = backend;
        this.config = config;
        this.likelihood = likelihood;
        this.reference = reference;
        this.sharedPrompt = sharedPrompt;
        this.skipping = skipping;
    }

    /** Forgets the groups of the batch: the next step makes new ones. */
    public void nextBatch() {
        groups.clear();
    }

    @Override
    public int extraRows() {
        // Five codes are usual; only the balance between micro-batches hangs on it.
        return config.group() * 5;
    }

    @Override
    public Objective.Result of(
            Tape tape, Policy policy, List<Sample> prompts, Noise noise, float weight, Key key) {
        if (!groups.containsKey(prompts.getFirst())) rollOut(policy.model(), prompts, key);
        List<Sample> active = prompts.stream().filter(p -> groups.get(p).active || !skipping).toList();
        List<Group> made = active.stream().map(groups::get).toList();
        Variable loss = active.isEmpty()
                ? tape.record(tape.floats(0), _ -> {})
                : loss(tape, policy, active, made, noise, weight);
        double[] stats = new double[Stat.values().length];
        for (Sample p : prompts) {
            double[] own = groups.get(p).stats;
            for (int s = 0; s < stats.length; s++) stats[s] += own[s];
        }
        return new Objective.Result(loss, stats);
    }

    // ---- rollouts

    private void rollOut(GenerativeModel model, List<Sample> prompts, Key key) {
        List<int[]> histories = prompts.stream().map(p -> Arrays.copyOf(p.items(), p.from())).toList();
        int[] users = prompts.stream().mapToInt(Sample::user).toArray();
        var search = new BeamSearch(model, SearchConfig.beam(config.group(), likelihood));
        Workspace memory = workspace();
        try (Tape tape = Tape.inference(backend, memory)) {
            List<Search.Result> found = search.search(tape, Query.of(histories, users), null);
            for (int p = 0; p < prompts.size(); p++) {
                groups.put(prompts.get(p), group(model.space(), prompts.get(p), found.get(p), key.fold(p)));
            }
        }
        idle.add(memory);
    }

    private Group group(CodeSpace space, Sample prompt, Search.Result found, Key key) {
        ItemTrie trie = space.trie();
        int levels = space.levels(), target = prompt.items()[prompt.from()];
        int[] places = new int[found.items().length]; // one for each semantic ID
        int n = 0;
        for (int i = 0; i < places.length; i++) {
            boolean same = i > 0 && trie.node(found.items()[i], levels) == trie.node(found.items()[i - 1], levels);
            if (!same) places[n++] = i;
        }
        int[] items = new int[n];
        int[][] codes = new int[n][];
        double[] scores = new double[n];
        for (int i = 0; i < n; i++) {
            items[i] = found.items()[places[i]];
            codes[i] = codes(space, items[i]);
            scores[i] = found.scores()[places[i]] / (config.meanScore() ? levels : 1.0);
        }
        Kind[] kinds = ConfidenceOrder.kinds(codes, codes(space, target));
        boolean[] correct = new boolean[n];
        int rank = -1;
        for (int i = n - 1; i >= 0; i--) {
            correct[i] = kinds[i] == Kind.CORRECT;
            if (correct[i]) rank = i;
        }
        double[] rewards = config.reward().of(scores, correct), advantages = Reward.advantages(rewards);
        double alpha = Reward.difficulty(config.alphaMin(), rank, n);
        boolean unsure = config.confidence().active() && rank >= 0 && n > 1;
        boolean moves = alpha > 0 && Arrays.stream(advantages).anyMatch(a -> a != 0);
        Group group;
        if (config.supervised()) {
            group = new Group(new int[] {target}, new Kind[] {Kind.CORRECT}, null, 1, true);
        } else if (config.preference()) {
            int[] others = others(items, correct, key);
            int[] chosen = new int[others.length + 1];
            chosen[0] = target;
            System.arraycopy(others, 0, chosen, 1, others.length);
            int[][] c = Arrays.stream(chosen).mapToObj(i -> codes(space, i)).toArray(int[][]::new);
            group = new Group(chosen, ConfidenceOrder.kinds(c, c[0]), null, 1, others.length > 0);
        } else {
            group = new Group(items, kinds, advantages, alpha, unsure || moves || config.kl() > 0);
        }
        group.count(Stat.PROMPTS, 1);
        if (group.active) group.count(Stat.ACTIVE, 1);
        group.count(Stat.REWARD, Arrays.stream(rewards).average().orElse(0));
        group.count(Stat.SPREAD, Reward.deviation(rewards));
        if (rank >= 0) {
            group.count(Stat.HITS, 1);
            group.count(Stat.RANK, rank);
            group.count(Stat.ALPHA, alpha);
            double[] shares = Reward.UNCERTAINTY.of(scores, correct);
            group.count(Stat.TOP_WRONG, -Arrays.stream(shares).min().orElse(0));
        }
        return group;
    }

    /** The wrong items that a preference is against, drawn where there are more than wanted; in the order of the beam. */
    private int[] others(int[] items, boolean[] correct, Key key) {
        int[] wrong = java.util.stream.IntStream.range(0, items.length)
                .filter(i -> !correct[i])
                .map(i -> items[i])
                .toArray();
        int n = Math.min(config.rejected(), wrong.length);
        return Arrays.stream(key.fold("rejected").permutation(wrong.length), 0, n)
                .sorted()
                .map(i -> wrong[i])
                .toArray();
    }

    private static int[] codes(CodeSpace space, int item) {
        int[] codes = new int[space.levels()];
        for (int l = 0; l < codes.length; l++) codes[l] = space.code(item, l);
        return codes;
    }

    // ---- the pass that is learnt from

    /**
     * Log-probabilities of items in the place of their prompts' targets.
     *
     * @param codes by level, (items)
     * @param answers (items, 2), or null
     */
    private record Scored(List<Variable> codes, Variable answers) {}

    private Scored score(
            Tape tape, GenerativeModel model, Confidence confidence, List<Sample> prompts, int[][] items,
            Noise noise) {
        int levels = model.space().levels();
        Variable ask = confidence == null ? null : confidence.ask(tape);
        List<Variable> states;
        if (sharedPrompt) {
            int[] all = java.util.stream.IntStream.range(0, prompts.size()).toArray();
            states = model.forward(tape, prompts, noise).candidates(all, items, ask);
        } else {
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
            int[] all = java.util.stream.IntStream.range(0, copies.size()).toArray();
            states = ask == null ? forward.states() : forward.candidates(all, single.toArray(int[][]::new), ask);
        }
        Targets targets = Targets.of(tape, model.space(), Arrays.stream(items).flatMapToInt(Arrays::stream).toArray());
        List<Variable> codes = new ArrayList<>();
        for (int t = 0; t < levels; t++) {
            Variable logits = model.logits(tape, t, states.get(t), targets.nodes(t));
            codes.add(likelihood.logProbability(tape, logits, targets, t));
        }
        return new Scored(codes, ask == null ? null : confidence.logits(tape, states.get(levels)));
    }

    private Variable loss(
            Tape tape, Policy policy, List<Sample> prompts, List<Group> made, Noise noise, float weight) {
        int[][] items = made.stream().map(g -> g.items).toArray(int[][]::new);
        int levels = policy.model().space().levels();
        Scored scored = score(tape, policy.model(), policy.confidence(), prompts, items, noise);
        float[][] now = values(scored.codes()), first = config.needsReference() ? reference(prompts, items) : null;
        double[] c = scored.answers() == null ? null : Confidence.values(scored.answers().value().toArray());
        int count = now[0].length;
        float[][] codeGradients = new float[levels][count];
        float[] answerGradients = new float[2 * count];
        double value = 0;
        int from = 0;
        for (Group g : made) {
            int to = from + g.items.length;
            if (config.supervised()) value += supervised(g, from, now, weight, codeGradients);
            else if (config.preference()) value += preference(g, from, now, first, weight, codeGradients);
            else value += policy(g, from, now, first, weight, codeGradients);
            if (c != null) value += confidence(g, Arrays.copyOfRange(c, from, to), from, weight, answerGradients);
            from = to;
        }
        List<Variable> inputs = new ArrayList<>(scored.codes());
        List<float[]> gradients = new ArrayList<>(Arrays.asList(codeGradients));
        if (c != null) {
            inputs.add(scored.answers());
            gradients.add(answerGradients);
        }
        return Ops.computed(tape, value, inputs, gradients);
    }

    private float[][] reference(List<Sample> prompts, int[][] items) {
        Workspace memory = workspace();
        try (Tape tape = Tape.inference(backend, memory)) {
            return values(score(tape, reference, null, prompts, items, Noise.none()).codes());
        } finally {
            idle.add(memory);
        }
    }

    private static float[][] values(List<Variable> codes) {
        return codes.stream().map(v -> v.value().toArray()).toArray(float[][]::new);
    }

    /** The policy's loss and divergence; adds their gradients with respect to the log-probabilities. */
    private double policy(
            Group g, int from, float[][] now, float[][] first, double weight, float[][] gradients) {
        int levels = now.length, n = g.items.length;
        if (g.before == null) {
            g.before = new float[levels][];
            for (int t = 0; t < levels; t++) g.before[t] = Arrays.copyOfRange(now[t], from, from + n);
        }
        double share = 1.0 / (n * levels), loss = 0, kl = 0;
        int clipped = 0;
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) {
                double a = g.advantages[i], ratio = StrictMath.exp(now[t][from + i] - g.before[t][i]);
                double kept = Math.clamp(ratio, 1 - config.ratioClip(), 1 + config.ratioClip());
                boolean binds = kept * a < ratio * a;
                loss -= share * (binds ? kept : ratio) * a;
                double gradient = binds ? 0 : -g.alpha * share * ratio * a;
                if (binds) clipped++;
                if (config.kl() > 0) {
                    double d = first[t][from + i] - now[t][from + i], e = StrictMath.exp(d);
                    kl += share * (e - d - 1);
                    gradient += config.kl() * share * (1 - e);
                }
                gradients[t][from + i] += (float) (weight * gradient);
            }
        }
        g.stats[Stat.POLICY.ordinal()] = g.alpha * loss;
        g.stats[Stat.KL.ordinal()] = kl;
        g.stats[Stat.CLIPPED.ordinal()] = clipped;
        return weight * (g.alpha * loss + config.kl() * kl);
    }

    /** {@code -1/T Σ_t log π(code t of the target)}, by T levels; adds its gradient likewise. */
    private double supervised(Group g, int from, float[][] now, double weight, float[][] gradients) {
        double loss = 0;
        for (int t = 0; t < now.length; t++) {
            loss -= now[t][from] / now.length;
            gradients[t][from] -= (float) (weight / now.length);
        }
        g.stats[Stat.POLICY.ordinal()] = loss;
        return weight * loss;
    }

    private double preference(
            Group g, int from, float[][] now, float[][] first, double weight, float[][] gradients) {
        int levels = now.length, n = g.items.length;
        double[] d = new double[n];
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) d[i] += (double) now[t][from + i] - first[t][from + i];
        }
        if (n < 2) return 0;
        Preference.Value value = new Preference(config.beta()).of(d);
        for (int t = 0; t < levels; t++) {
            for (int i = 0; i < n; i++) gradients[t][from + i] += (float) (weight * value.gradient()[i]);
        }
        g.stats[Stat.POLICY.ordinal()] = value.loss();
        return weight * value.loss();
    }

    private double confidence(Group g, double[] c, int from, double weight, float[] gradients) {
        ConfidenceOrder.Value value = config.confidence().of(c, g.kinds);
        double[] sure = new double[Kind.values().length];
        int[] count = new int[sure.length];
        for (int i = 0; i < c.length; i++) {
            float slope = (float) (weight * value.gradient()[i] * c[i] * (1 - c[i]));
            gradients[2 * (from + i)] -= slope;
            gradients[2 * (from + i) + 1] += slope;
            sure[g.kinds[i].ordinal()] += c[i];
            count[g.kinds[i].ordinal()]++;
        }
        g.stats[Stat.CONFIDENCE.ordinal()] = value.loss();
        Stat[] sums = {Stat.SURE_CORRECT, Stat.SURE_PARTIAL, Stat.SURE_WRONG};
        Stat[] sizes = {Stat.CORRECT_ITEMS, Stat.PARTIAL_ITEMS, Stat.WRONG_ITEMS};
        for (int k = 0; k < sums.length; k++) {
            g.stats[sums[k].ordinal()] = sure[k];
            g.stats[sizes[k].ordinal()] = count[k];
        }
        return weight * value.loss();
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
