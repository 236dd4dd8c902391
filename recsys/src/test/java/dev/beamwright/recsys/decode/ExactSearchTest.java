package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Searches that say they are exact are, bit by bit. */
class ExactSearchTest {
    private static final Backend BACKEND = Backends.best();
    private static final int TRIALS = 100, USERS = 100;

    /** Random tries, models and questions, with many ties and with several items of one semantic ID. */
    private static final class Trial implements AutoCloseable {
        final Arena memory = Arena.ofShared();
        final int items, wanted;
        final TableModel model;
        final ItemTrie trie;
        final SearchConfig config;
        final Query query;
        final float[][] scores = new float[USERS][];

        Trial(int number) {
            Key key = Key.of(31).fold(number);
            int levels = 1 + key.below(0, 4);
            int[] widths = IntStream.range(0, levels).map(l -> 1 + key.below(1 + l, 7)).toArray();
            items = 1 + key.below(9, 90);
            int[][] codes = IntStream.range(0, items)
                    .mapToObj(i -> IntStream.range(0, levels).map(l -> key.fold(i).below(l, widths[l])).toArray())
                    .toArray(int[][]::new);
            CodeSpace space = new CodeSpace(widths, codes, memory);
            trie = space.trie();
            model = TableModel.random(space, USERS, 1 + key.below(10, 4), key.fold("logits"));
            boolean ties = key.below(11, 3) > 0;
            if (ties) {
                for (float[][] user : model.logits()) {
                    for (float[] row : user) for (int c = 0; c < row.length; c++) row[c] = Math.round(row[c]);
                }
            }
            wanted = 1 + key.below(12, 12);
            var likelihood = new Likelihood(
                    key.below(13, 2) == 0 ? Softmax.LEVEL : Softmax.CHILDREN, key.below(14, 2) == 0 ? 1 : .7f);
            config = SearchConfig.beam(1, likelihood)
                    .withItems(wanted)
                    .withTerm(key.below(15, 2) == 0 ? NodeTerm.NONE : term(key, ties))
                    .withLimits(new SearchConfig.Limits(100_000, 1 + key.below(16, 9)));
            boolean[] eligible = new boolean[items];
            for (int i = 0; i < items; i++) eligible[i] = key.fold("eligible").below(i, 3) > 0;
            List<int[]> histories = IntStream.range(0, USERS)
                    .mapToObj(u -> IntStream.range(0, key.fold("seen").below(u, 8))
                            .map(i -> key.fold("seen").fold(u).below(i, items))
                            .toArray())
                    .toList();
            query = Query.of(histories, IntStream.range(0, USERS).toArray())
                    .among(key.below(17, 2) == 0 ? null : eligible)
                    .hideSeen(key.below(18, 2) == 0);
            try (var exact = new ExactScoring(BACKEND, model, config, 1 + key.below(19, 40))) {
                exact.score(histories, query.users(), (u, s) -> scores[u] = s);
            }
        }

        /** Falls along each path by a random number that is often 0. */
        private NodeTerm term(Key key, boolean ties) {
            int[] parents = new int[trie.nodes()];
            for (int node = 0; node < trie.firstNode(trie.levels()); node++) {
                for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                    parents[trie.child(e)] = node;
                }
            }
            return NodeTerm.of(true, history -> {
                double[] terms = new double[trie.nodes()];
                for (int node = 1; node < terms.length; node++) {
                    double fall = key.fold("term").fold(history.length).uniform(node);
                    terms[node] = terms[parents[node]] - (ties ? Math.round(fall) : fall < .5 ? 0 : fall);
                }
                return node -> terms[node];
            });
        }

        /** All items that a user may be given, in their order by exact scoring. */
        int[] exactly(int user) {
            boolean[] seen = new boolean[items];
            for (int i : query.histories().get(user)) seen[i] = query.hideSeen();
            return IntStream.range(0, items)
                    .filter(i -> !seen[i] && (query.eligible() == null || query.eligible()[i]))
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> -scores[user][leaf(i)])
                            .thenComparing(this::leaf)
                            .thenComparing(i -> i))
                    .mapToInt(i -> i)
                    .toArray();
        }

        int leaf(int item) {
            return trie.node(item, trie.levels());
        }

        List<Search.Result> search(SearchConfig how) {
            try (var workspace = new Workspace()) {
                return how.search(model, BACKEND).search(BACKEND, workspace, query);
            }
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    /** 10,000 users. */
    @Test
    void bestFirstIsExactScoringAndNoCertificateIsWrong() {
        Map<String, Integer> certified = new TreeMap<>();
        for (int number = 0; number < TRIALS; number++) {
            try (var trial = new Trial(number)) {
                Map<String, SearchConfig> searches = new TreeMap<>(Map.of(
                        "best-first", trial.config.withKind(SearchConfig.Kind.BEST_FIRST),
                        "exact", trial.config.withKind(SearchConfig.Kind.EXACT),
                        "beam", trial.config,
                        "adaptive", wider(trial.config, 40).withKind(SearchConfig.Kind.ADAPTIVE),
                        "limited", trial.config.withKind(SearchConfig.Kind.BEST_FIRST)
                                .withLimits(new SearchConfig.Limits(1 + number % 9, 1 + number % 3))));
                for (var search : searches.entrySet()) {
                    List<Search.Result> found = trial.search(search.getValue());
                    for (int u = 0; u < USERS; u++) {
                        Search.Result r = found.get(u);
                        int[] exact = trial.exactly(u);
                        boolean always = List.of("best-first", "exact").contains(search.getKey());
                        if (always) assertThat(r.certified(trial.wanted)).as("%s %s", number, u).isTrue();
                        if (r.certified(trial.wanted)) {
                            certified.merge(search.getKey(), 1, Integer::sum);
                            int n = Math.min(trial.wanted, exact.length);
                            assertThat(Arrays.copyOf(r.items(), Math.min(n, r.items().length)))
                                    .as("%s %s %s", search.getKey(), number, u)
                                    .containsExactly(Arrays.copyOf(exact, n));
                        }
                        holds(r, exact, trial, u, search.getKey() + " " + number + " " + u);
                    }
                }
            }
        }
        assertThat(certified.get("best-first")).isEqualTo(TRIALS * USERS);
        assertThat(certified.get("exact")).isEqualTo(TRIALS * USERS);
        assertThat(certified.get("beam")).isBetween(1000, 9000);
        assertThat(certified.get("adaptive")).isGreaterThan(certified.get("beam"));
        assertThat(certified.get("limited")).isBetween(1000, 9000);
    }

    /** What a certificate says of a part of a list is true, and a list's scores are those of exact scoring. */
    private static void holds(Search.Result r, int[] exact, Trial trial, int user, String what) {
        int proved = r.certificate().exact();
        assertThat(Arrays.copyOf(r.items(), proved)).as(what).containsExactly(Arrays.copyOf(exact, proved));
        for (int i = 0; i < r.items().length; i++) {
            assertThat(r.scores()[i]).as(what).isEqualTo(trial.scores[user][trial.leaf(r.items()[i])]);
            assertThat(exact).as(what).contains(r.items()[i]);
        }
        Float bound = r.certificate().bound();
        if (bound == null) assertThat(r.items()).as(what).hasSameSizeAs(exact);
        else if (proved < r.items().length) assertThat(r.scores()[proved]).as(what).isLessThanOrEqualTo(bound);
    }

    private static SearchConfig wider(SearchConfig c, int beamSize) {
        return new SearchConfig(c.kind(), c.items(), beamSize, c.likelihood(), c.guide(), c.term(), c.limits(),
                c.prior());
    }

    /** Networks at each level: rows that come in rounds, levels that are come back to, give the bits of one pass. */
    @ParameterizedTest
    @MethodSource("dev.beamwright.recsys.decode.SmallModels#modelsAndLikelihoods")
    void roundsThroughANetworkGiveTheBitsOfExactScoring(ModelConfig config, Likelihood likelihood) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            GenerativeModel model = SmallModels.of(config, memory);
            List<int[]> histories = new ArrayList<>();
            for (int u = 0; u < 20; u++) {
                Key key = Key.of(3).fold(u);
                histories.add(IntStream.range(0, u % 6).map(i -> key.below(i, SmallModels.ITEMS)).toArray());
            }
            Query query = Query.of(histories).hideSeen(true);
            SearchConfig exact = SearchConfig.beam(1, likelihood).withItems(10).withKind(SearchConfig.Kind.EXACT);
            List<Search.Result> expected = exact.search(model, BACKEND).search(BACKEND, workspace, query);
            for (int together : new int[] {1, 2, 5, 100}) {
                SearchConfig best = exact.withKind(SearchConfig.Kind.BEST_FIRST)
                        .withLimits(new SearchConfig.Limits(1000, together));
                List<Search.Result> found = best.search(model, BACKEND).search(BACKEND, workspace, query);
                for (int u = 0; u < 20; u++) {
                    assertThat(found.get(u).items()).containsExactly(expected.get(u).items());
                    assertThat(found.get(u).scores()).containsExactly(expected.get(u).scores());
                    assertThat(found.get(u).certified(10)).isTrue();
                }
            }
        }
    }

    @Test
    void whereScoresMayRiseNothingIsProved() {
        try (var trial = new Trial(5)) {
            NodeTerm rising = NodeTerm.of(false, h -> node -> node);
            for (var kind : List.of(SearchConfig.Kind.BEST_FIRST, SearchConfig.Kind.ADAPTIVE)) {
                assertThatThrownBy(() -> trial.search(trial.config.withTerm(rising).withKind(kind)))
                        .isInstanceOf(UserError.class).hasMessageContaining("--search " + kind);
                Guide guide =
                        new Guide(Widening.of(20), (tape, prompts) -> (nodes, offsets) -> new float[nodes.length]);
                assertThatThrownBy(() -> trial.search(trial.config.withGuide(guide).withKind(kind)))
                        .isInstanceOf(UserError.class).hasMessageContaining("--widen");
            }
            assertThat(trial.search(trial.config.withTerm(rising)))
                    .allSatisfy(r -> assertThat(r.certificate()).isNull());
            NodeTerm untrue = NodeTerm.of(true, h -> node -> node);
            assertThatThrownBy(() -> trial.search(
                    trial.config.withTerm(untrue).withKind(SearchConfig.Kind.BEST_FIRST)))
                    .isInstanceOf(IllegalStateException.class).hasMessageContaining("monotone");
        }
    }
}
