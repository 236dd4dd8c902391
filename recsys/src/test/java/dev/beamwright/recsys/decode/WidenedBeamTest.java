package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.decode.Widening.Order;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What must hold of a widened beam whatever scores it is pruned by (Promise, statements P1 to P7 and P12 to P14). */
class WidenedBeamTest {
    static final Backend BACKEND = Backends.best();
    static final int USERS = 300, ITEMS = 120;
    static final int[] WIDTHS = {6, 6, 6};
    static final Likelihood LIKELIHOOD = new Likelihood(Softmax.CHILDREN, 1);

    @AutoClose
    Arena memory = Arena.ofShared();

    CodeSpace space;
    ItemTrie trie;
    TableModel model;
    int[] targets;
    double[][] paths; // log-probability of each user's path to each node

    @BeforeEach
    void makeUsers() {
        space = TableModel.catalogue(Key.of(1), WIDTHS, ITEMS, memory);
        trie = space.trie();
        model = TableModel.random(space, USERS, 1.5, Key.of(2));
        paths = new double[USERS][];
        for (int u = 0; u < USERS; u++) {
            paths[u] = model.logProbabilities(u, true);
            for (int node = 0; node < trie.firstNode(3); node++) {
                for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                    paths[u][trie.child(e)] += paths[u][node];
                }
            }
        }
        // Each user's target is drawn as the model has it.
        targets = IntStream.range(0, USERS).map(this::drawn).toArray();
    }

    private int drawn(int user) {
        double left = Key.of(3).uniform(user);
        for (int item = 0; item < ITEMS; item++) {
            left -= Math.exp(paths[user][trie.node(item, 3)]);
            if (left < 0) return item;
        }
        return ITEMS - 1;
    }

    // ---- scores to prune by

    /** A score for each user and node. */
    private interface Score {
        double of(int user, int node);
    }

    private static PathScorer scorer(Score score) {
        return (tape, prompts) -> (nodes, offsets) -> {
            float[] all = new float[nodes.length];
            for (int u = 0; u + 1 < offsets.length; u++) {
                for (int i = offsets[u]; i < offsets[u + 1]; i++) all[i] = (float) score.of(u, nodes[i]);
            }
            return all;
        };
    }

    private final PathScorer oracle = scorer((u, node) -> onPath(targets[u], node) ? 1 : 0);
    private final PathScorer constant = scorer((u, node) -> 7);
    private final PathScorer random = scorer((u, node) -> Key.of(5).fold(u).uniform(node));

    private boolean onPath(int item, int node) {
        return IntStream.rangeClosed(1, 3).anyMatch(d -> trie.node(item, d) == node);
    }

    // ---- searches

    /** What all users get. */
    private record Found(int[][][] beams, float[][][] scores, List<Search.Result> results) {}

    private Found search(GenerativeModel model, int width, Widening widening, PathScorer scorer) {
        int[][][] beams = new int[USERS][3][];
        float[][][] scores = new float[USERS][3][];
        var search = new BeamSearch(model, SearchConfig.beam(width, LIKELIHOOD)
                .withGuide(widening == null ? null : new Guide(widening, scorer)));
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            var results = search.search(
                    tape,
                    Query.of(Collections.nCopies(USERS, new int[0]), IntStream.range(0, USERS).toArray()),
                    (u, depth, level) -> {
                        beams[u][depth - 1] = level.nodes();
                        scores[u][depth - 1] = level.scores();
                    });
            return new Found(beams, scores, results);
        }
    }

    private Found plain(int width) {
        return search(model, width, null, null);
    }

    private Found widened(int width, int widen, PathScorer scorer) {
        return search(model, width, Widening.of(widen), scorer);
    }

    /** HRecall@depth: the share of users whose target's prefix is in the beam. */
    private double prefixRecall(Found found, int depth) {
        int hits = 0;
        for (int u = 0; u < USERS; u++) if (holds(found, u, depth)) hits++;
        return (double) hits / USERS;
    }

    private boolean holds(Found found, int user, int depth) {
        int node = trie.node(targets[user], depth);
        return Arrays.stream(found.beams[user][depth - 1]).anyMatch(n -> n == node);
    }

    private static Set<Integer> set(int[] nodes) {
        Set<Integer> all = new HashSet<>();
        for (int n : nodes) all.add(n);
        return all;
    }

    /** All children of these nodes, likeliest first. */
    private int[] children(int user, int[] beam) {
        return Arrays.stream(beam)
                .flatMap(n -> IntStream.range(trie.firstEdge(n), trie.firstEdge(n) + trie.children(n)).map(trie::child))
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(n -> -paths[user][n]).thenComparing(n -> n))
                .mapToInt(n -> n)
                .toArray();
    }

    // ---- the statements

    @Test
    void p1AsManyCandidatesAsPathsKeptIsThePlainBeam() {
        for (int k : new int[] {1, 3, 10}) {
            Found plain = plain(k);
            for (PathScorer scorer : List.of(random, oracle, constant)) {
                Found same = widened(k, k, scorer);
                for (int u = 0; u < USERS; u++) {
                    for (int l = 0; l < 3; l++) {
                        assertThat(set(same.beams[u][l])).isEqualTo(set(plain.beams[u][l]));
                    }
                }
            }
            // Ranked by log-probability the lists are the same in every place and bit.
            Found ranked = search(model, k, new Widening(List.of(k), 0, Order.LM, 1, List.of()), random);
            for (int u = 0; u < USERS; u++) {
                assertThat(ranked.results.get(u).items()).containsExactly(plain.results.get(u).items());
                assertThat(ranked.results.get(u).scores()).containsExactly(plain.results.get(u).scores());
            }
        }
    }

    @Test
    void p2WithAllCandidatesTheScoreAloneChooses() {
        int kept = 4;
        Found found = widened(kept, trie.nodes(), random);
        for (int u = 0; u < USERS; u++) {
            int user = u;
            int[] beam = {0};
            for (int l = 0; l < 3; l++) {
                int[] best = Arrays.stream(children(u, beam))
                        .boxed()
                        .sorted(Comparator.comparingDouble(n -> -(float) Key.of(5).fold(user).uniform(n)))
                        .limit(kept)
                        .mapToInt(n -> n)
                        .toArray();
                assertThat(found.beams[u][l]).containsExactly(best);
                beam = best;
            }
        }
        Found all = widened(trie.nodesAt(3), trie.nodes(), random);
        assertThat(prefixRecall(all, 3)).isEqualTo(1);
        assertThat(all.beams[0][2]).hasSize(trie.nodesAt(3));
    }

    @Test
    void p3AnOracleThatKeepsOnePathFindsWhatIsLookedAt() {
        double[] before = new double[3];
        for (int widen : new int[] {1, 2, 4, 8}) {
            Found found = widened(1, widen, oracle);
            for (int u = 0; u < USERS; u++) {
                boolean alive = true;
                int at = 0;
                for (int depth = 1; depth <= 3; depth++) {
                    int target = trie.node(targets[u], depth);
                    int[] seen = Arrays.stream(children(u, new int[] {at})).limit(widen).toArray();
                    alive = alive && Arrays.stream(seen).anyMatch(n -> n == target);
                    assertThat(holds(found, u, depth)).isEqualTo(alive);
                    at = target;
                }
            }
            for (int depth = 1; depth <= 3; depth++) {
                double recall = prefixRecall(found, depth);
                assertThat(recall).isGreaterThanOrEqualTo(before[depth - 1]);
                before[depth - 1] = recall;
            }
        }
        assertThat(before[2]).isGreaterThan(.99);
    }

    @Test
    void p4AnOracleNeverLosesAndAConstantScoreChangesNothing() {
        for (int kept : new int[] {1, 3, 8}) {
            Found plain = plain(kept);
            for (int widen : new int[] {kept, kept + 1, 2 * kept, 6 * kept}) {
                Found helped = widened(kept, widen, oracle);
                for (int u = 0; u < USERS; u++) {
                    for (int depth = 1; depth <= 3; depth++) {
                        if (holds(plain, u, depth)) assertThat(holds(helped, u, depth)).isTrue();
                    }
                }
                Found same = widened(kept, widen, constant);
                for (int u = 0; u < USERS; u++) {
                    for (int l = 0; l < 3; l++) {
                        assertThat(same.beams[u][l]).containsExactly(plain.beams[u][l]);
                    }
                }
            }
        }
    }

    @Test
    void p5ARandomScoreHurts() {
        double plain = prefixRecall(plain(4), 3), pruned = prefixRecall(widened(4, 32, random), 3);
        assertThat(plain).isGreaterThan(.4);
        assertThat(pruned).isLessThan(.5 * plain);
    }

    @Test
    void p6PrefixRecallFallsWithDepthAndGrowsWithWidth() {
        double[] before = new double[3];
        for (int k : new int[] {1, 2, 5, 12, 40}) {
            Found plain = plain(k);
            Found widened = widened(k, 3 * k, oracle);
            for (Found found : List.of(plain, widened)) {
                for (int depth = 2; depth <= 3; depth++) {
                    assertThat(prefixRecall(found, depth)).isLessThanOrEqualTo(prefixRecall(found, depth - 1));
                }
                long hits = IntStream.range(0, USERS)
                        .filter(u -> Arrays.stream(found.results.get(u).items()).anyMatch(i -> i == targets[u]))
                        .count();
                assertThat(prefixRecall(found, 3)).isEqualTo((double) hits / USERS);
            }
            for (int depth = 1; depth <= 3; depth++) {
                assertThat(prefixRecall(plain, depth)).isGreaterThanOrEqualTo(before[depth - 1]);
                before[depth - 1] = prefixRecall(plain, depth);
            }
        }
        assertThat(before[2]).isGreaterThan(.95);
    }

    @Test
    void p7WhatIsReturnedIsInTheTrieOnceAndAsManyAsAreKept() {
        for (var widening : List.of(
                new Widening(List.of(20), 5, Order.PRM, 1, List.of()),
                new Widening(List.of(6, 9, 30), 0, Order.SUM, .5, List.of()),
                new Widening(List.of(20), 5, Order.LM, 1, List.of(2, 3)))) {
            Found found = search(model, 6, widening, random);
            for (int u = 0; u < USERS; u++) {
                int candidates = trie.nodesAt(1);
                for (int l = 0; l < 3; l++) {
                    int[] beam = found.beams[u][l];
                    assertThat(set(beam)).hasSize(beam.length);
                    int first = trie.firstNode(l + 1), last = first + trie.nodesAt(l + 1) - 1;
                    for (int n : beam) assertThat(n).isBetween(first, last);
                    int kept = widening.at(l) ? widening.kept(6) : 6;
                    assertThat(beam).hasSize(Math.min(kept, candidates));
                    if (l < 2) candidates = Arrays.stream(beam).map(trie::children).sum();
                }
                int[] items = found.results.get(u).items();
                assertThat(set(items)).hasSize(items.length);
                for (int i = 1; i < items.length; i++) {
                    assertThat(found.results.get(u).scores()[i]).isLessThanOrEqualTo(
                            found.results.get(u).scores()[i - 1]);
                }
            }
        }
    }

    @Test
    void p12TheDecoderNeverRunsMoreRowsThanAreKept() {
        for (int widen : new int[] {4, 8, 1000}) {
            var counting = new CountingModel(model);
            int[][] scored = new int[3][];
            int[] calls = {0};
            PathScorer counted = (tape, prompts) -> {
                var session = random.begin(tape, prompts);
                return (nodes, offsets) -> {
                    scored[calls[0]++] = offsets;
                    return session.score(nodes, offsets);
                };
            };
            Found found = search(counting, 4, Widening.of(widen), counted);
            assertThat(counting.steps).hasSize(2);
            for (int[] rows : counting.steps) assertThat(Arrays.stream(rows)).allMatch(n -> n <= 4);
            assertThat(calls[0]).isEqualTo(3); // one batch for each level
            for (int u = 0; u < USERS; u++) {
                int candidates = trie.nodesAt(1);
                for (int l = 0; l < 3; l++) {
                    assertThat(scored[l][u + 1] - scored[l][u]).isEqualTo(Math.min(widen, candidates));
                    if (l < 2) candidates = Arrays.stream(found.beams[u][l]).map(trie::children).sum();
                }
            }
        }
    }

    /** Counts the rows of each user that are decoded at each step. */
    private record CountingModel(GenerativeModel model, List<int[]> steps) implements GenerativeModel {
        CountingModel(GenerativeModel model) {
            this(model, new ArrayList<>());
        }

        @Override
        public CodeSpace space() {
            return model.space();
        }

        @Override
        public int maxItems() {
            return model.maxItems();
        }

        @Override
        public Variable tokens() {
            return model.tokens();
        }

        @Override
        public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
            return model.forward(tape, samples, noise);
        }

        @Override
        public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
            return model.logits(tape, level, state, nodes);
        }

        @Override
        public boolean sharesHistory() {
            return model.sharesHistory();
        }

        @Override
        public Decoding read(Tape tape, List<int[]> histories, int[] users) {
            Decoding decoding = model.read(tape, histories, users);
            return new Decoding() {
                @Override
                public Variable first() {
                    return decoding.first();
                }

                @Override
                public Encoded prompts() {
                    return decoding.prompts();
                }

                @Override
                public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                    int[] rows = new int[USERS];
                    for (int u : rowUsers) rows[u]++;
                    steps.add(rows);
                    return decoding.next(level, codes, rowUsers, ancestors);
                }
            };
        }
    }

    @Test
    void p13AWrongFirstCodeIsMended() {
        // A = 0, B = 1; a1 = (0, 0), a2 = (0, 1), b1 = (1, 0), b2 = (1, 1)
        var toy = new CodeSpace(new int[] {2, 2}, new int[][] {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, memory);
        var table = TableModel.of(toy, new double[] {.6, .4}, new double[] {.5, .5}, new double[] {.9, .1});
        ItemTrie t = toy.trie();
        Map<Integer, Double> y = Map.of(t.node(0, 1), 1., t.node(2, 1), 2., t.node(2, 2), 3., t.node(3, 2), 0.);
        PathScorer prm = scorer((u, node) -> y.getOrDefault(node, -9.));
        assertThat(only(table, null, null)).isEqualTo(0);
        assertThat(only(table, Widening.of(2), prm)).isEqualTo(2);
        assertThat(only(table, Widening.of(1), prm)).isEqualTo(0);
        // Added up, log .36 + 3 / β outweighs log .30 at the end, but only if B has survived the first level.
        assertThat(only(table, new Widening(List.of(2), 0, Order.SUM, 1, List.of()), prm)).isEqualTo(2);
        assertThat(only(table, new Widening(List.of(2), 0, Order.SUM, 1000, List.of()), prm)).isEqualTo(0);
        assertThat(only(table, new Widening(List.of(2), 0, Order.PRM, 1, List.of(2)), prm)).isEqualTo(0);
    }

    private int only(TableModel table, Widening widening, PathScorer scorer) {
        var search = new BeamSearch(table, SearchConfig.beam(1, LIKELIHOOD)
                .withGuide(widening == null ? null : new Guide(widening, scorer)));
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            int[] items = search.search(tape, Query.of(List.of(new int[0]), new int[] {0}), null).getFirst().items();
            assertThat(items).hasSize(1);
            return items[0];
        }
    }

    @Test
    void p14TheSameSearchGivesTheSameBits() {
        Found one = widened(5, 20, random), other = widened(5, 20, random);
        for (int u = 0; u < USERS; u++) {
            assertThat(other.results.get(u).items()).containsExactly(one.results.get(u).items());
            assertThat(other.results.get(u).scores()).containsExactly(one.results.get(u).scores());
        }
    }

    @Test
    void p14HeapSortAndRadixSelectAgree() {
        for (int trial = 0; trial < 200; trial++) {
            Key key = Key.of(21).fold(trial);
            int n = key.below(0, 300), from = key.below(1, 5), k = 1 + key.below(2, 320);
            int distinct = 1 + key.below(3, trial % 2 == 0 ? 6 : 100_000); // many ties, or few
            float[] values = new float[from + n + 3];
            for (int i = 0; i < values.length; i++) values[i] = (key.below(10 + i, distinct) - distinct / 2) * .37f;
            for (int i = 0; i < values.length; i += 7) if (values[i] == 0) values[i] = -0f;
            if (n > 4) values[from + 2] = Float.NEGATIVE_INFINITY;
            Comparator<Integer> best = Comparator.<Integer>comparingDouble(i -> -(values[from + i] + 0f))
                    .thenComparing(i -> i);
            int[] sorted = IntStream.range(0, n).boxed().sorted(best).limit(k).mapToInt(i -> i).toArray();
            var heap = new PriorityQueue<Integer>(best.reversed());
            for (int i = 0; i < n; i++) {
                heap.add(i);
                if (heap.size() > k) heap.poll();
            }
            int[] heaped = new int[heap.size()];
            for (int i = heaped.length - 1; i >= 0; i--) heaped[i] = heap.poll();
            assertThat(heaped).containsExactly(sorted);
            assertThat(TopK.largest(values, from, from + n, k)).containsExactly(sorted);
        }
    }

    @Test
    void orderDecidesByWhatTheListIsRanked() {
        Found byScore = widened(5, 20, random);
        Found byLikelihood = search(model, 5, new Widening(List.of(20), 0, Order.LM, 1, List.of()), random);
        Found bySum = search(model, 5, new Widening(List.of(20), 0, Order.SUM, .5, List.of()), random);
        for (int u = 0; u < USERS; u++) {
            assertThat(set(byLikelihood.beams[u][2])).isEqualTo(set(byScore.beams[u][2]));
            for (int i = 0; i < 5; i++) {
                int item = byScore.results.get(u).items()[i];
                assertThat((double) byScore.results.get(u).scores()[i])
                        .isEqualTo((float) Key.of(5).fold(u).uniform(trie.node(item, 3)));
                assertThat(byLikelihood.results.get(u).scores()[i]).isEqualTo(byLikelihood.scores[u][2][i]);
                int summed = bySum.results.get(u).items()[i];
                assertThat((double) bySum.results.get(u).scores()[i])
                        .isCloseTo(
                                bySum.scores[u][2][i] + Key.of(5).fold(u).uniform(trie.node(summed, 3)) / .5,
                                within(1e-4));
            }
        }
    }

    @Test
    void whatDoesNotGoTogetherIsRefusedInOneLine() {
        for (var w : List.of(
                Widening.of(4),
                new Widening(List.of(10, 20), 0, Order.PRM, 1, List.of()),
                new Widening(List.of(10), 0, Order.PRM, 1, List.of(4)))) {
            assertThatThrownBy(() -> search(model, 5, w, constant))
                    .isInstanceOf(UserError.class)
                    .message()
                    .doesNotContain("\n")
                    .startsWith("--");
        }
        assertThatThrownBy(() -> new Widening(List.of(5), -1, Order.PRM, 1, List.of())).isInstanceOf(UserError.class);
    }
}
