package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is added to the log-probabilities, in every search alike. */
class NodeTermTest {
    private static final Backend BACKEND = Backends.best();
    private static final int USERS = 5, ITEMS = 40;

    /** Below a node that is settled too, where the network is not asked any more. */
    @ParameterizedTest
    @EnumSource(Softmax.class)
    void aScoreIsTheLogProbabilityAndTheTermOfItsLeafLessThatOfTheRoot(Softmax softmax) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            CodeSpace space = TableModel.catalogue(Key.of(1), new int[] {4, 5, 6}, ITEMS, memory);
            ItemTrie trie = space.trie();
            TableModel model = TableModel.random(space, USERS, 2, Key.of(2));
            NodeTerm one = NodeTerm.of(true, h -> node -> -3 * Key.of(7).fold(h[0]).uniform(node));
            NodeTerm other = NodeTerm.of(false, h -> node -> h[0] + .01 * node);
            NodeTerm sum = NodeTerm.sum(one, other);
            assertThat(sum.monotone()).isFalse();
            assertThat(NodeTerm.sum(one, one).monotone()).isTrue();
            Query query = Query.of(
                    IntStream.range(0, USERS).mapToObj(u -> new int[] {u}).toList(),
                    IntStream.range(0, USERS).toArray());
            var likelihood = new Likelihood(softmax, 1);
            float[][] all = new float[USERS][];
            try (var exact = new ExactScoring(BACKEND, model, SearchConfig.beam(1, likelihood).withTerm(sum))) {
                exact.score(query.histories(), query.users(), (u, scores) -> all[u] = scores);
            }
            List<Search.Result> beam = new BeamSearch(model, SearchConfig.beam(ITEMS, likelihood).withTerm(sum))
                    .search(BACKEND, workspace, query);
            for (int u = 0; u < USERS; u++) {
                double[] codes = model.logProbabilities(u, softmax == Softmax.CHILDREN);
                NodeTerm.Values added = sum.of(query.histories().get(u));
                for (int i = 0; i < ITEMS; i++) {
                    int item = beam.get(u).items()[i], leaf = trie.node(item, 3);
                    double expected = codes[trie.node(item, 1)] + codes[trie.node(item, 2)] + codes[leaf]
                            + added.at(leaf) - added.at(0);
                    assertThat(all[u][leaf]).isCloseTo((float) expected, within(1e-5f));
                    assertThat(beam.get(u).scores()[i]).isEqualTo(all[u][leaf]);
                    if (i > 0) assertThat(all[u][leaf]).isLessThanOrEqualTo(beam.get(u).scores()[i - 1]);
                }
            }
        }
    }
}
