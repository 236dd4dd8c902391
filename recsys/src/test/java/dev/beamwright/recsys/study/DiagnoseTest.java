package dev.beamwright.recsys.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.decode.ExactScoring;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.SmallModels;
import dev.beamwright.recsys.decode.TableModel;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.PrefixWeights;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the diagnostics make of a beam beside the exact ranking. */
class DiagnoseTest {
    static final Backend BACKEND = Backends.best();
    static final int ITEMS = SmallModels.ITEMS;

    @AutoClose
    Arena memory = Arena.ofShared();

    private static Diagnostics diagnose(TableModel model, int beam, List<Case> cases) {
        return Diagnose.of("run", "table", BACKEND, model, new Likelihood(Softmax.LEVEL, 1), beam, "test", cases,
                cases.size(),
                List.of(), Progress.silent());
    }

    /** On real models with items that share their codes; beside the search and the scores asked for directly. */
    @ParameterizedTest
    @MethodSource("dev.beamwright.recsys.decode.SmallModels#modelsAndLikelihoods")
    void everyBackboneCanBeDiagnosed(ModelConfig config, Likelihood likelihood) {
        GenerativeModel model = SmallModels.of(config, memory);
        ItemTrie trie = model.space().trie();
        int users = 70, leaves = trie.nodesAt(4); // more than two batches, the last one with padding on a device
        List<Case> cases = IntStream.range(0, users)
                .mapToObj(u -> Case.of(u,
                        IntStream.range(0, u % 6).map(i -> Key.of(11).fold(u).below(i, ITEMS)).toArray(),
                        Key.of(12).below(u, ITEMS)))
                .toList();
        List<int[]> histories = cases.stream().map(Case::history).toList();
        int[] numbers = IntStream.range(0, users).toArray();
        float[][] scores = new float[users][];
        try (var scoring = new ExactScoring(BACKEND, model, likelihood)) {
            scoring.score(histories, numbers, (u, s) -> scores[u] = s.clone());
        }
        for (int beam : new int[] {1, 5, leaves, 10 * leaves}) {
            Diagnostics d = Diagnose.of("run", "any", BACKEND, model, likelihood, beam, "test", cases, users, List.of(),
                    Progress.silent());
            Diagnostics.Losses l = d.losses();
            assertThat(l.exactRecall() - l.beamLoss() + l.beamGain()).isCloseTo(l.beamRecall(), within(1e-12));
            assertThat(l.exactRecall() + l.modelLoss()).isCloseTo(1, within(1e-12));
            assertThat(Arrays.stream(d.firstDropped()).sum() + d.never()).isEqualTo(users);
            Search.Result[] found;
            try (var generator = new Generator(BACKEND, model)) {
                found = generator.recommend(SearchConfig.beam(beam, likelihood), Query.of(histories, numbers), null);
            }
            long exact = 0, returned = 0;
            for (int u = 0; u < users; u++) {
                int leaf = trie.node(cases.get(u).target(), 4);
                float[] of = scores[u];
                long ahead = IntStream.range(trie.firstNode(4), trie.nodes()).filter(i -> of[i] > of[leaf]).count();
                if (ahead < beam) exact++;
                if (Arrays.stream(found[u].items()).anyMatch(i -> trie.node(i, 4) == leaf)) returned++;
            }
            assertThat(l.exactRecall()).isCloseTo((double) exact / users, within(1e-12));
            assertThat(l.beamRecall()).isCloseTo((double) returned / users, within(1e-12));
            certificatesSayWhatIsLost(d.certified(), trie, scores, found);
            if (beam >= leaves) {
                assertThat(d.exactTop()).isEqualTo(1);
                assertThat(d.pruning().pruned()).isZero();
                assertThat(d.never()).isEqualTo(users);
                assertThat(d.certified().share()).isEqualTo(1);
            }
        }
    }

    /** Beside the exact lists, made by sorting. */
    private static void certificatesSayWhatIsLost(
            Diagnostics.Certified found, ItemTrie trie, float[][] scores, Search.Result[] lists) {
        int same = 0, missing = 0, certified = 0;
        for (int u = 0; u < lists.length; u++) {
            float[] of = scores[u];
            int[] exact = IntStream.range(0, ITEMS)
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> -of[trie.node(i, 4)])
                            .thenComparing(i -> trie.node(i, 4))
                            .thenComparing(i -> i))
                    .limit(found.k())
                    .mapToInt(i -> i)
                    .toArray();
            int[] list = Arrays.copyOf(lists[u].items(), Math.min(found.k(), lists[u].items().length));
            if (Arrays.equals(list, exact)) same++;
            if (lists[u].certified(found.k())) certified++;
            var all = IntStream.of(lists[u].items()).boxed().toList();
            missing += (int) IntStream.of(exact).filter(i -> !all.contains(i)).count();
        }
        int users = lists.length;
        assertThat(found.share()).isCloseTo((double) certified / users, within(1e-12));
        assertThat(found.changed()).isCloseTo(1 - (double) same / users, within(1e-12));
        assertThat(Arrays.stream(found.lost()).sum()).isCloseTo((double) missing / users, within(1e-9));
    }

    @Test
    void t13ABeamWithRoomForAllLeavesLosesNothing() {
        CodeSpace space = TableModel.catalogue(Key.of(8), new int[] {4, 3, 3}, 20, memory);
        int users = 400; // enough for some whose target is among the exact best and is pruned
        var model = TableModel.random(space, users, 2, Key.of(9));
        List<Case> cases = IntStream.range(0, users)
                .mapToObj(u -> Case.of(u, new int[0], Key.of(10).below(u, 20)))
                .toList();
        Diagnostics d = diagnose(model, 20, cases);
        assertThat(d.levels()).allSatisfy(l -> {
            assertThat(l.survival()).isEqualTo(1);
            assertThat(l.exactTopSurvival()).isEqualTo(1);
        });
        assertThat(d.never()).isEqualTo(users);
        assertThat(d.pruning().pruned()).isZero();
        assertThat(d.losses().beamNdcg10()).isEqualTo(d.losses().exactNdcg10());

        Diagnostics narrow = diagnose(model, 2, cases);
        assertThat(narrow.pruning().pruned()).isPositive();
        assertThat(Arrays.stream(narrow.firstDropped()).sum() + narrow.never()).isEqualTo(users);
        assertThat(narrow.losses().beamRecall())
                .isEqualTo(narrow.losses().exactRecall() - narrow.losses().beamLoss() + narrow.losses().beamGain(),
                        within(1e-12));
        assertThat(narrow.levels().get(0).survival()).isGreaterThanOrEqualTo(narrow.levels().get(2).survival());
        for (int[] ranks : narrow.tokenRanks()) assertThat(Arrays.stream(ranks).sum()).isEqualTo(users);
    }

    /** The case in which the likeliest item is lost behind an unlikely first code, counted by hand. */
    @Test
    void aPrunedTargetIsCountedWhereItLeftTheBeam() {
        int[][] items = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 0}, {2, 1}};
        var space = new CodeSpace(new int[] {3, 2}, items, memory);
        var model = TableModel.of(
                space, new double[] {.45, .30, .25}, new double[] {.5, .5}, new double[] {.5, .5},
                new double[] {.92, .08});
        // The exact top 2 are items 4 (.23) and 0 (.225); the beam of 2 returns 0 and 1.
        Diagnostics d = diagnose(
                model, 2, List.of(Case.of(0, new int[0], 4), Case.of(0, new int[0], 0), Case.of(0, new int[0], 1)));
        assertThat(d.firstDropped()).containsExactly(1, 0);
        assertThat(d.exactTop()).isEqualTo(.5);
        assertThat(d.pruning()).isEqualTo(new Diagnostics.Pruning(2, 1, .5, 1.0, 1.0));
        assertThat(d.losses().beamGain()).isCloseTo(1 / 3.0, within(1e-12));
        assertThat(d.levels().get(0).codeInTopOfSiblings()).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(d.levels().get(1).codeInTopOfSiblings()).isEqualTo(1);
        assertThat(d.levels().get(0).medianLevelRank()).isEqualTo(1);
        assertThat(d.tokenRanks()[0]).containsExactly(2, 0, 1);
        assertThat(d.allCodesInTop()).isCloseTo(2 / 3.0, within(1e-12));
        double margin = (Math.log(.30 / .25) + 2 * Math.log(.30 / .45)) / 3;
        assertThat(d.levels().get(0).meanMargin()).isCloseTo(margin, within(1e-6));
        assertThat(d.levels().get(1).meanMargin()).isCloseTo(Math.log(.08 / .92) / 3, within(1e-6));
        assertThat(d.levels().get(1).vacuous()).containsOnlyKeys(2, 10, 20, 50).containsEntry(2, 1.0);
        assertThat(Diagnostics.table(List.of(d, d))).contains("1 of 2, 50.00 %");
        assertThat(Diagnose.charts(d).get("survival").svg()).startsWith("<svg").contains("exact top 2")
                .endsWith("</svg>\n");
    }

    /** Each code is among the two likeliest of its siblings, and still the prefix of two is the third of all. */
    @Test
    void aTargetCanBePrunedWithoutAViolation() {
        int[][] items = IntStream.range(0, 8).mapToObj(i -> new int[] {i / 4, i / 2 % 2, i % 2}).toArray(int[][]::new);
        var space = new CodeSpace(new int[] {2, 2, 2}, items, memory);
        double[] even = {.5, .5};
        var model =
                TableModel.of(space, even, new double[] {.6, .4}, even, even, new double[] {.99, .01}, even, even);
        Diagnostics d = diagnose(model, 2, List.of(Case.of(0, new int[0], 2)));
        assertThat(d.pruning()).isEqualTo(new Diagnostics.Pruning(1, 1, 1.0, 0.0, 0.0));
        assertThat(d.firstDropped()).containsExactly(0, 1, 0);
        assertThat(d.allCodesInTop()).isEqualTo(1);
        Diagnostics never = diagnose(model, 2, List.of(Case.of(0, new int[0], 7)));
        assertThat(never.pruning()).isEqualTo(new Diagnostics.Pruning(0, 0, null, null, null));
        assertThat(Diagnostics.table(List.of(never))).contains("0 of 0, –");
    }

    @Test
    void whatPrefixWeightsWeighEachCodeBy() {
        double[] c = PrefixWeights.perCode(new double[] {.4, .3, .2, .1});
        assertThat(c[3]).isCloseTo(.1 / 4, within(1e-12));
        assertThat(c[0]).isCloseTo(.4 + .3 / 2 + .2 / 3 + .1 / 4, within(1e-12));
        assertThat(Arrays.stream(c).sum()).isCloseTo(1, within(1e-12));
        assertThat(new Diagnostics.Weights(1, new double[] {.25, .25, .25, .25}).entropy())
                .isCloseTo(Math.log(4), within(1e-12));
    }

    /**
     * Over the children of a trie, the condition that a code be among the B likeliest means something at the first code
     * only: below it nodes have too few children (specification of BEAR for semantic IDs). A catalogue of the size and
     * form of the published ones: 12,000 items, 4 levels of 256 codes, uneven use of the deeper levels.
     */
    @Test
    void overChildrenBearsConditionIsVacuousBelowTheFirstCodes() {
        int items = 12_000;
        int[][] codes = new int[items][];
        for (int i = 0; i < items; i++) {
            Key key = Key.of(31).fold(i);
            codes[i] = IntStream.range(0, 4)
                    .map(l -> (int) (256 * Math.pow(key.uniform(l), 1 + .5 * l)))
                    .toArray();
        }
        var space = new CodeSpace(new int[] {256, 256, 256, 256}, codes, memory);
        ItemTrie trie = space.trie();
        assertThat(trie.nodesAt(1)).isEqualTo(256);
        double[][] share = Diagnose.vacuous(trie, IntStream.range(0, items).toArray(), new int[] {10, 20, 50});
        assertThat(share[0]).containsExactly(0, 0, 0);
        assertThat(share[1][0]).isLessThan(.2);
        assertThat(share[1][2]).isGreaterThan(.9);
        for (int level = 2; level < 4; level++) assertThat(share[level]).containsExactly(1, 1, 1);
    }
}
