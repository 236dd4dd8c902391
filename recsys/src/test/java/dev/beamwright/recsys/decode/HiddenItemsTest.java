package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A user who has seen nearly all that the model likes still gets a full list. */
class HiddenItemsTest {
    private static final Backend BACKEND = Backends.best();
    private static final int ITEMS = 60, USERS = 8, WIDTH = 5;

    /** The items that a model finds likeliest are those seen, so that a beam of the likeliest prefixes holds no others. */
    @ParameterizedTest
    @ValueSource(ints = {0, 10, 40, 57, 60})
    void aListIsAsLongAsTheBeamIsWideOrAsThereAreItemsLeft(int seen) {
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            CodeSpace space = TableModel.catalogue(Key.of(1), new int[] {6, 6, 6}, ITEMS, memory);
            TableModel model = TableModel.random(space, USERS, 4, Key.of(2));
            List<int[]> best = items(search(model, workspace, ITEMS, nothing(), null));
            List<int[]> histories = best.stream().map(b -> Arrays.copyOf(b, seen)).toList();

            List<int[]> all = items(search(model, workspace, ITEMS, histories, null));
            List<int[]> few = items(search(model, workspace, WIDTH, histories, null));
            boolean[] eligible = new boolean[ITEMS];
            for (int i = 0; i < ITEMS; i += 2) eligible[i] = true;
            List<int[]> even = items(search(model, workspace, WIDTH, histories, eligible));
            for (int u = 0; u < USERS; u++) {
                int[] left = Arrays.copyOfRange(best.get(u), seen, ITEMS);
                assertThat(all.get(u)).containsExactly(left); // nothing is pruned: the order of the probabilities
                assertThat(few.get(u)).hasSize(Math.min(WIDTH, left.length));
                assertThat(left).contains(few.get(u));
                int[] evenLeft = IntStream.of(left).filter(i -> i % 2 == 0).toArray();
                assertThat(even.get(u)).hasSize(Math.min(WIDTH, evenLeft.length));
                assertThat(evenLeft).contains(even.get(u));
            }
        }
    }

    private static List<int[]> nothing() {
        List<int[]> histories = new ArrayList<>();
        for (int u = 0; u < USERS; u++) histories.add(new int[0]);
        return histories;
    }

    private static List<Search.Result> search(
            TableModel model, Workspace workspace, int width, List<int[]> histories, boolean[] eligible) {
        try (Tape tape = Tape.inference(BACKEND, workspace)) {
            return new BeamSearch(model, SearchConfig.beam(width, Softmax.CHILDREN))
                    .search(tape, new Query(histories, IntStream.range(0, USERS).toArray(), eligible, true), null);
        }
    }

    private static List<int[]> items(List<Search.Result> results) {
        return results.stream().map(Search.Result::items).toList();
    }
}
