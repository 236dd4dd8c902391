package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.evaluate.GenerativeRanker;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.study.Diagnose;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** A score that is not a number never ranks, and whoever measures or serves such a model is told its name. */
class NotANumberTest {
    private static final Backend BACKEND = Backends.best();
    private static final Likelihood LIKELIHOOD = new Likelihood(Softmax.LEVEL, 1);
    private static final List<int[]> HISTORY = List.of(new int[] {1});

    @AutoClose
    private final Arena memory = Arena.ofShared();

    private final CodeSpace space = TableModel.catalogue(Key.of(5), new int[] {4, 4, 4}, 30, memory);
    private final ItemTrie trie = space.trie();

    /** Everything below the first node of the first level is not a number. */
    private TableModel half() {
        TableModel model = TableModel.random(space, 1, 1, Key.of(6));
        Arrays.fill(model.logits()[0][trie.child(0)], Float.NaN);
        return model;
    }

    private boolean below(int leaf) {
        return trie.itemsOf(leaf).length > 0 && trie.node(trie.itemsOf(leaf)[0], 1) == trie.child(0);
    }

    @Test
    void itComesLastInABeamAndHasNoRank() {
        int leaves = trie.nodesAt(3), first = trie.firstNode(3);
        long none = java.util.stream.IntStream.range(first, trie.nodes()).filter(this::below).count();
        assertThat(none).isBetween(1L, leaves - 1L);
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace);
                var exact = new ExactScoring(BACKEND, half(), LIKELIHOOD)) {
            float[] found = new BeamSearch(half(), SearchConfig.beam(leaves, LIKELIHOOD))
                    .search(tape, Query.of(HISTORY, new int[] {0}), null).getFirst().scores();
            assertThat(found).hasSize(leaves);
            for (int i = 0; i < found.length; i++) assertThat(Float.isNaN(found[i])).isEqualTo(i >= leaves - none);
            exact.score(HISTORY, new int[] {0}, (_, scores) -> {
                int[] best = ExactScoring.best(trie, scores, 3, leaves);
                for (int i = 0; i < leaves; i++) {
                    int rank = ExactScoring.rank(trie, scores, 3, best[i]);
                    assertThat(rank).isEqualTo(below(best[i]) ? Integer.MAX_VALUE : i + 1);
                }
            });
        }
        assertThat(TopK.largest(new float[] {1, Float.NaN, 3, Float.NEGATIVE_INFINITY}, 0, 4, 3)).containsExactly(2, 0,
                3);
    }

    @Test
    void norDoesItRankInAnAnswer() {
        double nan = Double.NaN;
        var scores = new Ranking.Scores(new double[] {1, nan, 3});
        assertThat(scores.rank(1, null)).isInfinite();
        assertThat(scores.rank(2, new int[] {0, 1, 1})).isEqualTo(1); // its group has a number
        assertThat(new Ranking.Top(new int[] {1, 2}, new double[] {nan, 2}).rank(1, null)).isInfinite();
        assertThatThrownBy(() -> scores.checked("m")).isInstanceOf(UserError.class).hasMessageContaining("'m'");
    }

    @Test
    void whoeverMeasuresSuchAModelIsToldItsName() {
        List<Case> cases = List.of(Case.of(0, HISTORY.getFirst(), 2));
        try (var generator = new Generator(BACKEND, half())) {
            for (SearchConfig.Kind kind : SearchConfig.Kind.values()) {
                var ranker =
                        new GenerativeRanker("broken", generator, SearchConfig.beam(30, LIKELIHOOD).withKind(kind));
                refused(() -> ranker.rank(cases, SeenItems.ALLOWED, 30).getFirst().checked("broken"));
            }
            refused(() -> Diagnose.of("run", "broken", BACKEND, half(), LIKELIHOOD, 5, "test", cases, 1, List.of(),
                    Progress.silent()));
        }
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(UserError.class).hasMessageContaining("'broken'")
                .hasMessageContaining("not a number");
    }
}
