package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Repeat prior and memory, by enumeration of a small catalogue. */
class ItemPriorTest {
    private static final Backend BACKEND = Backends.best();
    private static final int USERS = 6, ITEMS = 40;
    private static final double EPSILON = 1e-3;

    private static int[][] sequences(int users, boolean repeats) {
        int[][] s = new int[users][];
        for (int u = 0; u < users; u++) {
            Key key = Key.of(31).fold(u);
            s[u] = repeats
                    ? IntStream.range(0, 3 + u % 9).map(i -> key.below(i, ITEMS / 4) * (1 + key.below(100 + i, 4)))
                            .toArray()
                    : Arrays.copyOf(key.permutation(ITEMS), 3 + u % 9);
        }
        return s;
    }

    /** Weights of items, pair by pair. */
    private static double[] weights(int[][] read, int[] history) {
        double[] weights = new double[ITEMS];
        for (int k = 0; k < Math.min(3, history.length); k++) {
            int a = history[history.length - 1 - k];
            for (int[] s : read) {
                for (int i = 0; i < s.length; i++) {
                    for (int d = 1; d <= 3 && i + d < s.length; d++) {
                        if (s[i] == a) weights[s[i + d]] += Math.pow(.5, k) / d;
                    }
                }
            }
        }
        return weights;
    }

    /** The scores of all items as the definition has them; minus infinity for what is left out. */
    private static double[] expected(double[] p, int[][] read, int[] history, Repeats repeats, double w,
            SeenItems seen) {
        double[] m = weights(read, history), scores = new double[ITEMS];
        boolean[] own = new boolean[ITEMS];
        if (seen != SeenItems.ALLOWED) for (int i : history) own[i] = true;
        double[] r = new double[ITEMS];
        for (int i = 0; i < ITEMS; i++) {
            if (own[i] && seen == SeenItems.PRIOR) r[i] = repeats.masses(history).of(i);
        }
        double mass = Arrays.stream(r).sum(), given = 0, recalled = 0;
        for (int i = 0; i < ITEMS; i++) {
            if (own[i]) given += p[i];
            else recalled += m[i];
        }
        double root = recalled > 0 ? 1 - mass : 0;
        for (int i = 0; i < ITEMS; i++) {
            double now = own[i] ? r[i] : mass == 0 ? p[i] : p[i] * (1 - mass) / (1 - given);
            double memory = own[i] ? r[i] : recalled > 0 ? m[i] / recalled * (1 - mass) : 0;
            scores[i] = Math.log(now) + w * Math.log((memory + EPSILON) / (root + EPSILON));
        }
        return scores;
    }

    private static int[] listed(double[] scores) {
        return IntStream.range(0, scores.length).filter(i -> scores[i] > Double.NEGATIVE_INFINITY).toArray();
    }

    private static double[] itemProbabilities(TableModel model, int user) {
        ItemTrie trie = model.space().trie();
        double[] codes = model.logProbabilities(user, true);
        return IntStream.range(0, ITEMS)
                .mapToDouble(i -> Math.exp(IntStream.rangeClosed(1, 3).mapToDouble(d -> codes[trie.node(i, d)]).sum()))
                .toArray();
    }

    private static List<Search.Result> search(
            TableModel model, int beam, ItemPrior prior, List<int[]> histories, Workspace workspace) {
        return search(model, SearchConfig.Kind.BEAM, beam, prior, histories, workspace);
    }

    private static List<Search.Result> search(
            TableModel model,
            SearchConfig.Kind kind,
            int items,
            ItemPrior prior,
            List<int[]> histories,
            Workspace workspace) {
        return SearchConfig.beam(items, new Likelihood(Softmax.CHILDREN, 1))
                .withKind(kind)
                .withItems(items)
                .withPrior(prior)
                .search(model, BACKEND)
                .search(BACKEND, workspace, Query.of(histories, IntStream.range(0, USERS).toArray()));
    }

    /** A beam as wide as the catalogue, and scores of all items at once, both give what the definition says. */
    @ParameterizedTest
    @CsvSource({"true,0,PRIOR", "true,1.5,PRIOR", "true,1,HIDDEN", "false,.5,PRIOR", "true,2,ALLOWED"})
    void listsAreThoseOfTheDefinition(boolean repeating, double weight, SeenItems seen) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            CodeSpace space = TableModel.catalogue(Key.of(1), new int[] {4, 5, 6}, ITEMS, memory);
            TableModel model = TableModel.random(space, USERS, 2, Key.of(2));
            int[][] read = sequences(30, repeating);
            Repeats repeats = Repeats.of(read);
            assertThat(repeats.never()).isEqualTo(!repeating);
            var prior = new ItemPrior(repeats, SequenceMemory.of(read, ITEMS), weight, seen);
            List<int[]> histories = List.of(read).subList(10, 10 + USERS);
            List<Search.Result> found = search(model, ITEMS, prior, histories, workspace);
            for (int u = 0; u < USERS; u++) {
                double[] p = itemProbabilities(model, u);
                double[] expected = expected(p, read, histories.get(u), repeats, weight, seen);
                double[] all = Arrays.stream(p).map(Math::log).toArray();
                prior.user(histories.get(u)).apply(all);
                assertThat(all).containsExactly(expected, within(1e-9));
                int[] items = found.get(u).items();
                assertThat(items).containsExactlyInAnyOrder(listed(expected));
                for (int i = 0; i < items.length; i++) {
                    if (i > 0) assertThat(expected[items[i]]).isLessThanOrEqualTo(expected[items[i - 1]] + 1e-6);
                    assertThat(found.get(u).scores()[i]).isCloseTo((float) expected[items[i]], within(1e-4f));
                }
            }
        }
    }

    /** Best-first search, exact scoring and a beam as wide as the catalogue give the same list, to the bit. */
    @ParameterizedTest
    @EnumSource
    void allSearchesAgree(SeenItems seen) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            CodeSpace space = TableModel.catalogue(Key.of(1), new int[] {4, 5, 6}, ITEMS, memory);
            TableModel model = TableModel.random(space, USERS, 2, Key.of(2));
            int[][] read = sequences(30, true);
            var prior = new ItemPrior(Repeats.of(read), SequenceMemory.of(read, ITEMS), 1.5, seen);
            List<int[]> histories = List.of(read).subList(10, 10 + USERS);
            List<Search.Result> wide = search(model, ITEMS, prior, histories, workspace);
            for (SearchConfig.Kind kind : List.of(SearchConfig.Kind.BEST_FIRST, SearchConfig.Kind.EXACT)) {
                List<Search.Result> found = search(model, kind, 10, prior, histories, workspace);
                for (int u = 0; u < USERS; u++) {
                    assertThat(found.get(u).certified(10)).isTrue();
                    assertThat(found.get(u).items()).hasSize(10)
                            .containsExactly(Arrays.copyOf(wide.get(u).items(), 10));
                    assertThat(found.get(u).scores()).containsExactly(Arrays.copyOf(wide.get(u).scores(), 10));
                }
            }
            // What a narrow beam says is certain is.
            List<Search.Result> narrow = search(model, 5, prior, histories, workspace);
            for (int u = 0; u < USERS; u++) {
                int exact = Math.min(narrow.get(u).certificate().exact(), narrow.get(u).items().length);
                assertThat(Arrays.copyOf(narrow.get(u).items(), exact))
                        .containsExactly(Arrays.copyOf(wide.get(u).items(), exact));
            }
        }
    }

    @Test
    void withTheRepeatPriorProbabilitiesAddUpToOne() {
        int[][] read = sequences(30, true);
        ItemPrior prior = ItemPrior.of(Repeats.of(read), SeenItems.PRIOR);
        for (int u = 0; u < 30; u++) {
            double[] p = new double[ITEMS];
            for (int i = 0; i < ITEMS; i++) p[i] = Math.exp(2 * Key.of(3).fold(u).gaussian(i));
            double sum = Arrays.stream(p).sum();
            for (int i = 0; i < ITEMS; i++) p[i] = Math.log(p[i] / sum);
            prior.user(read[u]).apply(p);
            assertThat(Arrays.stream(p).map(Math::exp).sum()).isCloseTo(1, within(1e-12));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {5, ITEMS})
    void whereNobodyRepeatsTheListIsThatWithSeenItemsHidden(int beam) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            CodeSpace space = TableModel.catalogue(Key.of(1), new int[] {4, 5, 6}, ITEMS, memory);
            TableModel model = TableModel.random(space, USERS, 2, Key.of(2));
            int[][] read = sequences(30, false);
            List<int[]> histories = List.of(read).subList(10, 10 + USERS);
            var hidden = search(model, beam, ItemPrior.of(Repeats.of(read), SeenItems.HIDDEN), histories, workspace);
            var found = search(model, beam, ItemPrior.of(Repeats.of(read), SeenItems.PRIOR), histories, workspace);
            for (int u = 0; u < USERS; u++) {
                assertThat(found.get(u).items()).containsExactly(hidden.get(u).items());
                assertThat(found.get(u).scores()).containsExactly(hidden.get(u).scores());
            }
        }
    }

    /** Best-first search and certificates rest on it. */
    @ParameterizedTest
    @EnumSource
    void theTermOfANodeIsThatOfItsMassAndNeverAboveItsParents(SeenItems seen) {
        try (Arena memory = Arena.ofShared()) {
            ItemTrie trie = TableModel.catalogue(Key.of(1), new int[] {4, 5, 6}, ITEMS, memory).trie();
            int[][] read = sequences(30, true);
            Repeats repeats = Repeats.of(read);
            NodeTerm term = new ItemPrior(repeats, SequenceMemory.of(read, ITEMS), 1.5, seen).term(trie);
            for (int[] history : read) {
                NodeTerm.Values values = term.of(history);
                double[] m = weights(read, history), sums = new double[trie.nodes()];
                double mass = seen == SeenItems.PRIOR ? repeats.masses(history).total() : 0, total = 0;
                for (int i = 0; i < ITEMS; i++) {
                    int item = i;
                    if (seen != SeenItems.ALLOWED && Arrays.stream(history).anyMatch(h -> h == item)) m[i] = 0;
                    total += m[i];
                }
                for (int i = 0; i < ITEMS; i++) {
                    for (int d = 0; d <= 3 && total > 0; d++) sums[trie.node(i, d)] += m[i] / total * (1 - mass);
                }
                for (int node = 0; node < trie.nodes(); node++) {
                    double expected = 1.5 * Math.log((sums[node] + EPSILON) / (sums[0] + EPSILON));
                    assertThat(values.at(node)).isCloseTo(expected, within(1e-9));
                    if (node >= trie.firstNode(3)) continue;
                    for (int e = trie.firstEdge(node); e < trie.firstEdge(node) + trie.children(node); e++) {
                        assertThat(values.at(trie.child(e))).isLessThanOrEqualTo(values.at(node));
                    }
                }
            }
        }
    }

    @Test
    void aMemoryReadsNewInteractions() {
        int[][] read = sequences(40, true);
        SequenceMemory all = SequenceMemory.of(read, ITEMS);
        int[][] early = Arrays.stream(read).map(s -> Arrays.copyOf(s, s.length / 2)).toArray(int[][]::new);
        SequenceMemory later = SequenceMemory.of(early, ITEMS);
        int[] history = read[7];
        assertThat(later.recall(history).weights()).isNotEqualTo(all.recall(history).weights());
        for (int u = read.length - 1; u >= 0; u--) later.read(read[u], early[u].length);
        assertThat(later.interactions()).isEqualTo(all.interactions());
        for (int[] s : read) {
            assertThat(later.recall(s).items()).containsExactly(all.recall(s).items());
            assertThat(later.recall(s).weights()).containsExactly(all.recall(s).weights());
            double[] expected = weights(read, s);
            SequenceMemory.Recalled recalled = all.recall(s);
            for (int i = 0; i < recalled.items().length; i++) {
                assertThat(recalled.weights()[i] / (double) SequenceMemory.UNIT)
                        .isCloseTo(expected[recalled.items()[i]], within(1e-12));
            }
            assertThat(recalled.items()).hasSize((int) Arrays.stream(expected).filter(x -> x > 0).count());
        }
    }
}
