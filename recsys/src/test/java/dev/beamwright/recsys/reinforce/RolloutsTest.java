package dev.beamwright.recsys.reinforce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.confidence.ConfidenceReader;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.ClippedPolicy;
import dev.beamwright.recsys.objective.ConfidenceOrder;
import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.objective.Dpo;
import dev.beamwright.recsys.objective.Group;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.Reward;
import dev.beamwright.recsys.objective.Rollout;
import dev.beamwright.recsys.objective.RolloutLoss;
import dev.beamwright.recsys.objective.RolloutObjective;
import dev.beamwright.recsys.objective.SDpo;
import dev.beamwright.recsys.objective.Sft;
import dev.beamwright.recsys.objective.Ugr;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The loss of rollouts through real networks. */
class RolloutsTest {
    static final Backend BACKEND = Backends.best();
    static final Likelihood LIKELIHOOD = new Likelihood(Softmax.CHILDREN, 1);
    static final int ITEMS = 30, GROUP = 6;
    static final int[][] HISTORIES = {{3, 7, 20}, {29, 4}, {1, 2, 3, 4, 5}};

    @AutoClose
    Arena memory = Arena.ofShared();

    static Stream<ModelConfig> backbones() {
        return Stream.of(
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, false, 100, 0, 5),
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, true, 10_000, 0, 5),
                new ModelConfig("encoder-decoder", 12, 2, 3, 2, 4, 10, false, true, 1, 0, 5),
                new ModelConfig("encoder-decoder", 12, 1, 1, 2, 4, 10, true, false, 1, 0, 5),
                new ModelConfig("item", 12, 1, 0, 3, 4, 10, false, true, 1, 0, 5, new ModelConfig.Item(3, .4, 7)));
    }

    GenerativeModel model(ModelConfig config, int seed) {
        int[] order = Key.of(2).permutation(4 * 5 * 3);
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) codes[i] = new int[] {order[i] / 15, order[i] / 3 % 5, order[i] % 3};
        GenerativeModel model =
                TrainedModel.create(config, new SemanticIds(new int[] {4, 5, 3}, codes), Key.of(4), memory);
        randomize(model, seed);
        return model;
    }

    static void randomize(Layer layer, int seed) {
        layer.parameters().forEach((name, v) -> {
            Key key = Key.of(seed).fold(name);
            for (int i = 0; i < v.size(); i++) {
                v.value().set(i, (v.shape().rank() == 1 ? 1 : 0) + (float) (0.3 * key.gaussian(i)));
            }
        });
    }

    Policy policy(ModelConfig config) {
        GenerativeModel model = model(config, 6);
        Confidence confidence = Confidence.of(model, 1, Key.of(1), memory);
        randomize(confidence, 8);
        return new Policy(model, confidence);
    }

    /** A confidence that learns faster is stored smaller, and else the same: its gradient, and all others. */
    @Test
    void theGainChangesNoGradient() {
        ModelConfig config = backbones().findFirst().orElseThrow();
        Policy plain = policy(config);
        Confidence faster = Confidence.of(plain.model(), 4, Key.of(1), memory);
        for (var p : faster.parameters().entrySet()) {
            float[] whole = plain.confidence().parameters().get(p.getKey()).value().toArray();
            for (int i = 0; i < whole.length; i++) p.getValue().value().set(i, whole[i] / 4);
        }
        List<Sample> prompts = prompts(plain.model(), 2);
        var loss = rollouts(ugr(.5, .3, new ConfidenceOrder(.3, .5, .2), .2), model(config, 7));
        double expected = run(loss, plain, prompts);
        List<float[]> gradients = gradients(plain);
        Policy other = new Policy(plain.model(), faster);
        assertThat(run(loss, other, prompts)).isEqualTo(expected);
        List<float[]> others = gradients(other);
        for (int p = 0; p < others.size(); p++) assertThat(others.get(p)).isEqualTo(gradients.get(p));
        assertThat(zero(faster)).isFalse();
    }

    static Ugr ugr(double kl, double alphaMin, ConfidenceOrder order, double ratioClip) {
        return new Ugr(
                Reward.UNCERTAINTY, alphaMin, order.partial(), order.wrong(), order.order(), 1e-2, ratioClip, kl, true);
    }

    static Rollouts rollouts(RolloutObjective objective, GenerativeModel reference) {
        return new Rollouts(BACKEND, objective, GROUP, LIKELIHOOD, reference);
    }

    static Rollouts rollouts(
            RolloutObjective objective, GenerativeModel reference, boolean sharedPrompt, boolean skipping) {
        return new Rollouts(BACKEND, objective, GROUP, LIKELIHOOD, reference, sharedPrompt, skipping);
    }

    /** An objective that orders confidences, too. */
    record Sure(RolloutObjective of, ConfidenceOrder order) implements RolloutObjective {
        @Override
        public String name() {
            return "sure-" + of.name();
        }

        @Override
        public String summary() {
            return of.summary();
        }

        @Override
        public String equation() {
            return of.equation();
        }

        @Override
        public Group group(Rollout rollout, Key key) {
            return of.group(rollout, key);
        }

        @Override
        public List<RolloutLoss> losses() {
            return List.of(of.losses().getFirst(), order);
        }
    }

    static RolloutObjective preferring(String name) {
        var order = new ConfidenceOrder(0, .5, 0);
        return switch (name) {
            case "dpo" -> new Sure(new Dpo(.5), order);
            case "s-dpo" -> new Sure(new SDpo(.5, 3), order);
            default -> new Sft();
        };
    }

    static List<Search.Result> search(GenerativeModel model) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            return new BeamSearch(model, SearchConfig.beam(GROUP, LIKELIHOOD))
                    .search(tape, Query.of(List.of(HISTORIES)), null);
        }
    }

    /** Prompts whose targets come at this place of their groups; -1 for targets outside. */
    static List<Sample> prompts(GenerativeModel model, int place) {
        List<Search.Result> found = search(model);
        List<Sample> prompts = new ArrayList<>();
        for (int u = 0; u < HISTORIES.length; u++) {
            int[] items = Arrays.copyOf(HISTORIES[u], HISTORIES[u].length + 1), group = found.get(u).items();
            int outside = 0;
            while (Arrays.stream(group).boxed().toList().contains(outside)) outside++;
            items[items.length - 1] = place < 0 ? outside : group[place];
            prompts.add(new Sample(items, items.length - 1));
        }
        return prompts;
    }

    private static Objective.Result result(Tape tape, Rollouts loss, Policy policy, List<Sample> prompts) {
        return loss.of(tape, policy, prompts, Noise.none(), 1f / prompts.size(), Key.of(3));
    }

    /** The loss, after the gradients were laid down in the parameters. */
    static double run(Rollouts loss, Policy policy, List<Sample> prompts) {
        for (Variable v : policy.parameters().values()) v.grad().data().fill((byte) 0);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            Variable y = result(tape, loss, policy, prompts).loss();
            tape.backward(y);
            return y.value().get(0);
        }
    }

    static Counters stats(Rollouts loss, Policy policy, List<Sample> prompts) {
        try (
                var workspace = new Workspace();
                var tape = Tape.training(BACKEND, workspace)) {
            return result(tape, loss, policy, prompts).counters();
        }
    }

    static List<float[]> gradients(Layer layer) {
        return layer.parameters().values().stream().map(v -> v.grad().toArray()).toList();
    }

    static boolean zero(Layer layer) {
        return gradients(layer).stream().allMatch(g -> {
            for (float v : g) if (v != 0) return false;
            return true;
        });
    }

    /** One of each kind, without ReLU: its kinks lie too dense for differences. */
    static Stream<ModelConfig> smooth() {
        return backbones().filter(c -> c.gated() && !c.tied() || c.item() != null);
    }

    @ParameterizedTest
    @MethodSource("smooth")
    void theGradientOfPolicyDivergenceAndConfidenceEqualsCentralDifferences(ModelConfig model) {
        Policy policy = policy(model);
        var loss = rollouts(ugr(.5, .3, new ConfidenceOrder(.3, .5, .2), .2), model(model, 7));
        check(loss, policy, prompts(policy.model(), 2));
    }

    @Test
    void soDoesThatOfPreferencesAndOfTheControl() {
        ModelConfig model = backbones().findFirst().orElseThrow();
        for (String name : List.of("dpo", "s-dpo", "sft")) {
            Policy policy = name.equals("sft") ? new Policy(policy(model).model(), null) : policy(model);
            check(rollouts(preferring(name), model(model, 7)), policy,
                    prompts(policy.model(), 2));
        }
    }

    private static void check(Rollouts loss, Policy policy, List<Sample> prompts) {
        try (loss) {
            double error = GradCheck.relativeError(
                    BACKEND,
                    tape -> result(tape, loss, policy, prompts).loss(), // the groups stay those of the first call
                    List.copyOf(policy.parameters().values()),
                    2e-3,
                    Key.of(9));
            assertThat(error).isLessThan(2e-2);
        }
    }

    /** One prompt for all items of a group, or a copy for each. */
    @ParameterizedTest
    @MethodSource("backbones")
    void aSharedPromptHasTheGradientOfACopyForEachRollout(ModelConfig model) {
        Policy policy = policy(model);
        List<Sample> prompts = prompts(policy.model(), 1);
        for (boolean asked : new boolean[] {true, false}) {
            Ugr config = ugr(.5, .3, new ConfidenceOrder(.3, .5, .2), .2);
            Policy trained = asked ? policy : new Policy(policy.model(), null);
            var shared = rollouts(config, model(model, 7), true, true);
            double expected = run(shared, trained, prompts);
            List<float[]> gradients = gradients(trained);
            var copied = rollouts(config, model(model, 7), false, true);
            assertThat(run(copied, trained, prompts)).isCloseTo(expected, within(1e-5));
            List<float[]> others = gradients(trained);
            for (int p = 0; p < others.size(); p++) {
                float most = 0;
                for (float v : gradients.get(p)) most = Math.max(most, Math.abs(v));
                for (int i = 0; i < others.get(p).length; i++) {
                    assertThat(others.get(p)[i]).isCloseTo(gradients.get(p)[i], within(2e-6f + 1e-4f * most));
                }
            }
        }
    }

    @Test
    void u2WithoutTheTargetInTheGroupThereIsNoGradientAndNoConfidenceLoss() {
        Policy policy = policy(backbones().findFirst().orElseThrow());
        Ugr config = ugr(0, 0, new ConfidenceOrder(.3, .5, .2), .2);
        List<Sample> prompts = prompts(policy.model(), -1);
        for (boolean skipping : new boolean[] {true, false}) {
            var loss = rollouts(config, null, true, skipping);
            assertThat(run(loss, policy, prompts)).isZero();
            assertThat(zero(policy)).isTrue();
            assertThat(stats(loss, policy, prompts).get(ConfidenceOrder.CONFIDENCE_LOSS)).isZero();
        }
    }

    @Test
    void u8WithoutWeightForTheFirstPlaceOnlyConfidenceIsLearntThere() {
        Policy policy = policy(backbones().findFirst().orElseThrow());
        List<Sample> first = prompts(policy.model(), 0);
        var silent = new ConfidenceOrder(0, 0, 0);
        run(rollouts(ugr(0, 0, silent, .2), null, true, false), policy, first);
        assertThat(zero(policy)).isTrue();
        run(rollouts(ugr(0, 1, silent, .2), null), policy, first);
        assertThat(zero(policy)).isFalse();
        run(rollouts(ugr(0, 0, new ConfidenceOrder(0, .5, 0), .2), null), policy, first);
        assertThat(zero(policy.model())).isFalse();
        assertThat(zero(policy.confidence())).isFalse();
    }

    @Test
    void u9OnPolicyTheValueIsNothingTheGradientIsNotAndNoClipBinds() {
        Policy policy = new Policy(model(backbones().findFirst().orElseThrow(), 6), null);
        List<Sample> prompts = prompts(policy.model(), 3);
        var silent = new ConfidenceOrder(0, 0, 0);
        assertThat(run(rollouts(ugr(0, 1, silent, .2), null), policy, prompts))
                .isCloseTo(0, within(1e-6));
        List<float[]> gradients = gradients(policy);
        assertThat(zero(policy)).isFalse();
        var narrow = rollouts(ugr(0, 1, silent, 1e-6), null);
        run(narrow, policy, prompts);
        assertThat(gradients(policy)).usingRecursiveComparison().isEqualTo(gradients);
        assertThat(stats(narrow, policy, prompts).get(ClippedPolicy.CLIPPED)).isZero();
        // Once the model has moved, the same groups are clipped.
        randomize(policy.model(), 7);
        assertThat(stats(narrow, policy, prompts).get(ClippedPolicy.CLIPPED)).isPositive();
    }

    @Test
    void u12WithoutLambdasTheQuestionHasNoGradientAndThePolicyIsThatWithoutConfidence() {
        Policy policy = policy(backbones().findFirst().orElseThrow());
        Policy plain = new Policy(policy.model(), null);
        List<Sample> prompts = prompts(policy.model(), 2);
        Ugr config = ugr(0, .3, new ConfidenceOrder(0, 0, 0), .2);
        run(rollouts(config, null), policy, prompts);
        assertThat(zero(policy.confidence())).isTrue();
        List<float[]> asked = gradients(policy.model());
        run(rollouts(config, null), plain, prompts);
        List<float[]> unasked = gradients(plain.model());
        for (int p = 0; p < asked.size(); p++) {
            for (int i = 0; i < asked.get(p).length; i++) {
                assertThat(asked.get(p)[i]).isCloseTo(unasked.get(p)[i], within(1e-6f));
            }
        }
    }

    @Test
    void u13ItemsOfABeamAreOfTheCatalogueAndNoTwoAreTheSame() {
        GenerativeModel model = model(backbones().findFirst().orElseThrow(), 6);
        for (Search.Result r : search(model)) {
            var distinct = new HashSet<Integer>();
            for (int item : r.items()) {
                assertThat(item).isBetween(0, ITEMS - 1);
                distinct.add(model.space().trie().node(item, 3));
            }
            assertThat(distinct).hasSize(GROUP);
        }
        for (int place = 0; place < GROUP; place++) {
            Policy policy = new Policy(model, null);
            var loss = rollouts(ugr(0, 0, new ConfidenceOrder(0, 0, 0), .2), null);
            Counters stats = stats(loss, policy, prompts(model, place));
            assertThat(stats.get(Rollouts.HITS)).isEqualTo(HISTORIES.length); // one in each group, at its place
            assertThat(stats.get(Rollouts.RANK)).isEqualTo(place * HISTORIES.length);
            assertThat(stats.get(Rollouts.REWARD)).isCloseTo(0, within(1e-12));
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void askedInServingAModelAnswersAsInTraining(ModelConfig config) {
        Policy policy = policy(config);
        int[][] items = {{4, 9, 1}, {}, {0, 29}};
        try (
                var reader = new ConfidenceReader(BACKEND, policy.model(), policy.confidence());
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            double[][] c = reader.read(List.of(HISTORIES), Sample.nobodies(3), items);
            assertThat(c[1]).isEmpty();
            for (int u : new int[] {0, 2}) {
                for (int i = 0; i < items[u].length; i++) {
                    int[] sequence = Arrays.copyOf(HISTORIES[u], HISTORIES[u].length + 1);
                    sequence[sequence.length - 1] = 11;
                    List<Variable> states = policy.model()
                            .forward(tape, List.of(new Sample(sequence, sequence.length - 1)), Noise.none())
                            .candidates(new int[] {0}, new int[][] {{items[u][i]}}, policy.confidence().ask(tape));
                    float[] z = policy.confidence().logits(tape, states.getLast()).value().toArray();
                    assertThat(c[u][i]).isCloseTo(Confidence.value(z[0], z[1]), within(1e-5));
                    assertThat(states).hasSize(4);
                }
            }
            assertThat(c[0][0]).isNotEqualTo(c[0][1]);
        }
    }
}
