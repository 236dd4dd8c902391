package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.evaluate.GenerativeRanker;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The exact ranking, and what the diagnostics make of it. */
class ExactScoringTest {
    static final Backend BACKEND = Backends.best();
    static final int ITEMS = SmallModels.ITEMS;
    static final List<int[]> HISTORIES = List.of(new int[] {3, 7, 7, 20}, new int[] {}, new int[] {1, 2, 3, 4, 5});

    @AutoClose
    Arena memory = Arena.ofShared();

    @ParameterizedTest
    @MethodSource("dev.beamwright.recsys.decode.SmallModels#modelsAndLikelihoods")
    void t13ABeamWithRoomForAllLeavesIsTheExactRanking(ModelConfig config, Likelihood likelihood) {
        GenerativeModel model = SmallModels.of(config, memory);
        ItemTrie trie = model.space().trie();
        int leaves = trie.nodesAt(4);
        assertThat(leaves).isLessThan(ITEMS);
        float[][] scores = new float[HISTORIES.size()][];
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace);
                var scoring = new ExactScoring(BACKEND, model, SearchConfig.beam(1, likelihood), 7)) {
            scoring.score(HISTORIES, Sample.nobodies(3), (u, s) -> scores[u] = s);
            var search = new BeamSearch(model, SearchConfig.beam(leaves, likelihood));
            int[][][] beams = new int[3][4][];
            List<Search.Result> results = search.search(
                    tape, Query.of(HISTORIES), (u, depth, beam) -> beams[u][depth - 1] = beam.nodes());
            for (int u = 0; u < 3; u++) {
                for (int depth = 1; depth <= 4; depth++) {
                    assertThat(beams[u][depth - 1]).containsExactly(ExactScoring.best(trie, scores[u], depth, leaves));
                    for (int i = 0; i < beams[u][depth - 1].length; i++) {
                        assertThat(ExactScoring.rank(trie, scores[u], depth, beams[u][depth - 1][i])).isEqualTo(i + 1);
                    }
                }
                for (int i = 0; i < ITEMS; i++) {
                    int item = results.get(u).items()[i];
                    assertThat(results.get(u).scores()[i]).isCloseTo(scores[u][trie.node(item, 4)], within(1e-5f));
                }
            }
        }
        double total = 0;
        for (int leaf = trie.firstNode(4); leaf < trie.nodes(); leaf++) total += Math.exp(scores[0][leaf]);
        if (likelihood.softmax() == Softmax.CHILDREN) assertThat(total).isCloseTo(1, within(1e-4));
        else assertThat(total).isLessThan(1);
    }

    @Test
    void theExactRankerAnswersAsAWideBeamWithAndWithoutSeenItems() {
        GenerativeModel model = SmallModels.of(SmallModels.modelsAndLikelihoods()
                .map(a -> (ModelConfig) a[0])
                .findFirst()
                .orElseThrow(), memory);
        var likelihood = new Likelihood(Softmax.CHILDREN, 1);
        List<Case> cases = HISTORIES.stream().map(h -> Case.of(0, h, 9)).toList();
        try (var generator = new Generator(BACKEND, model)) {
            SearchConfig beam = SearchConfig.beam(ITEMS, likelihood);
            var exact = new GenerativeRanker("exact", generator, beam.withKind(SearchConfig.Kind.EXACT));
            var wide = new GenerativeRanker("beam", generator, beam);
            for (SeenItems seen : List.of(SeenItems.ALLOWED, SeenItems.HIDDEN)) {
                List<Ranking> a = exact.rank(cases, seen, 10), b = wide.rank(cases, seen, 10);
                for (int i = 0; i < cases.size(); i++) {
                    assertThat(a.get(i).top(10).items()).containsExactly(b.get(i).top(10).items());
                }
            }
        }
    }

    /** The table has no logits where one leaf is left, so asking for them fails. */
    @Test
    void whereOneLeafIsLeftNothingIsComputed() {
        CodeSpace space = TableModel.catalogue(Key.of(8), new int[] {4, 4, 4, 4}, 30, memory);
        ItemTrie trie = space.trie();
        int users = 3, inner = trie.firstNode(4);
        var table = TableModel.random(space, users, 2, Key.of(9));
        double[][] expected = new double[users][trie.nodes()];
        for (int u = 0; u < users; u++) {
            double[] codes = table.logProbabilities(u, true);
            for (int item = 0; item < 30; item++) {
                for (int d = 1; d <= 4; d++) {
                    expected[u][trie.node(item, d)] = expected[u][trie.node(item, d - 1)] + codes[trie.node(item, d)];
                }
            }
        }
        int[] left = IntStream.range(0, inner).filter(node -> !trie.settled(node)).toArray();
        for (int node = 0; node < inner; node++) {
            int below = 0;
            for (int item = 0; item < 30; item++) {
                for (int d = 0; d < 4; d++) if (trie.node(item, d) == node) below++;
            }
            assertThat(trie.settled(node)).isEqualTo(below == 1);
        }
        for (int leaf = inner; leaf < trie.nodes(); leaf++) assertThat(trie.settled(leaf)).isTrue();
        assertThat(left.length).isBetween(5, inner - 5);
        float[][][] logits = new float[users][inner][];
        for (int u = 0; u < users; u++) for (int node : left) logits[u][node] = table.logits()[u][node];
        var sparse = new TableModel(space, logits);
        var likelihood = new Likelihood(Softmax.CHILDREN, 1);
        List<int[]> histories = List.of(new int[0], new int[0], new int[0]);
        int[] numbers = {0, 1, 2};
        for (int block : new int[] {1, 9, 1000}) {
            try (var scoring = new ExactScoring(BACKEND, sparse, SearchConfig.beam(1, likelihood), block)) {
                scoring.score(histories, numbers, (u, scores) -> {
                    for (int node = 0; node < trie.nodes(); node++) {
                        assertThat(scores[node]).isCloseTo((float) expected[u][node], within(1e-5f));
                    }
                });
            }
        }
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            var search = new BeamSearch(sparse, SearchConfig.beam(6, likelihood));
            search.search(tape, Query.of(histories, numbers), (u, depth, beam) -> {
                for (int i = 0; i < beam.nodes().length; i++) {
                    assertThat(beam.scores()[i]).isCloseTo((float) expected[u][beam.nodes()[i]], within(1e-5f));
                }
            });
        }
    }

}
