package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The search by kernels finds what the search of the CPU finds. */
class DeviceSearchTest {
    private static final Backend BACKEND = Backends.best();
    private static final List<int[]> HISTORIES =
            List.of(new int[] {3, 7, 7, 20}, new int[] {29}, new int[] {1, 2, 3, 4, 5});

    /** A beam that is wider than the catalogue, and one that is not; some items left out; two items share their codes. */
    @ParameterizedTest
    @CsvSource({"decoder, CHILDREN, 4", "decoder, LEVEL, 50", "encoder-decoder, CHILDREN, 50",
        "encoder-decoder, LEVEL, 5", "item, CHILDREN, 4", "item, CHILDREN, 50"})
    void bothSearchesAgree(String backbone, Softmax softmax, int width) {
        int[][] codes = new int[30][];
        for (int i = 0; i < 30; i++) codes[i] = new int[] {i % 4, i / 8, i % 3};
        codes[11] = codes[3].clone();
        var config = switch (backbone) {
            case "decoder" -> new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, false, 100, 0, 5);
            case "item" -> new ModelConfig(
                    "item", 12, 1, 0, 3, 4, 10, false, true, 1, 0, 5, new ModelConfig.Item(3, .4, 7));
            default -> new ModelConfig("encoder-decoder", 12, 1, 1, 2, 4, 10, true, true, 1, 7, 5);
        };
        boolean[] eligible = new boolean[30];
        for (int i = 0; i < 30; i++) eligible[i] = i % 5 != 2;
        try (Arena memory = Arena.ofShared(); var workspace = new Workspace()) {
            GenerativeModel model =
                    TrainedModel.create(config, new SemanticIds(new int[] {4, 5, 3}, codes), Key.of(4), memory);
            var search = SearchConfig.beam(width, softmax);
            for (boolean seen : new boolean[] {false, true}) {
                for (boolean[] only : new boolean[][] {null, eligible}) {
                    List<Search.Result> expected, found;
                    try (Tape tape = Tape.inference(BACKEND, workspace)) {
                        expected = new BeamSearch(model, search)
                                .search(tape, new Query(HISTORIES, new int[] {0, 1, 2}, only, seen), null);
                    }
                    try (Tape tape = Tape.inference(BACKEND, workspace)) {
                        found = new DeviceSearch(model, search)
                                .search(tape, new Query(HISTORIES, new int[] {0, 1, 2}, only, seen))
                                .get();
                    }
                    for (int u = 0; u < HISTORIES.size(); u++) {
                        assertThat(found.get(u).items()).as("user %s", u).isEqualTo(expected.get(u).items());
                        assertThat(found.get(u).items()).isNotEmpty();
                        assertThat(found.get(u).scores()).containsExactly(expected.get(u).scores(), within(1e-5f));
                    }
                }
            }
        }
    }
}
