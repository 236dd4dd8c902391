package dev.beamwright.recsys.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.DecoderOnly;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.tensor.BackendProvider;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Forward pass, backward pass and optimizer in one: ten losses of a tiny model against an independent computation in
 * double precision (benchmarks/peers/ten_losses.py), kept as ten-losses.json.
 */
class TenLossesTest {
    static final int[] WIDTHS = {5, 4, 3};

    static Stream<Arguments> backendsAndSoftmaxes() {
        return Backends.available().stream()
                .map(BackendProvider::name)
                .flatMap(b -> Arrays.stream(Softmax.values()).map(s -> Arguments.of(b, s)));
    }

    @ParameterizedTest
    @MethodSource("backendsAndSoftmaxes")
    void tenLossesEqualTheIndependentOnes(String backend, Softmax softmax) throws IOException {
        JsonNode expected;
        try (InputStream in = getClass().getResourceAsStream("/ten-losses.json")) {
            expected = Json.mapper().readTree(in).get(softmax == Softmax.LEVEL ? "level" : "children");
        }
        int[][] codes = new int[12][];
        for (int i = 0; i < 12; i++) codes[i] = new int[] {3 * i % 5, (i * i + 1) % 4, i % 3};
        List<Sample> batch = List.of(
                new Sample(new int[] {0, 3, 5, 7}, 0),
                new Sample(new int[] {1, 2}, 0),
                new Sample(new int[] {4, 6, 8, 9, 10, 11, 2}, 3),
                new Sample(new int[] {5}, 0),
                new Sample(new int[] {11, 0, 7}, 1));
        var sizes = new ModelConfig("decoder", 16, 2, 2, 8, 24, false, 20);
        var config = new TrainConfig(sizes, new CrossEntropy(), softmax, 1, 0, 5, .01, 0, .05, 1, 0, 10, 0, 1, 2,
                20, 60);
        try (Arena memory = Arena.ofShared()) {
            var model = DecoderOnly.of(sizes, new CodeSpace(WIDTHS, codes, memory), Key.of(1), memory);
            int k = 0;
            for (Variable v : model.parameters().values()) {
                float plus = v.shape().rank() == 1 ? 1 : 0;
                for (int i = 0; i < v.size(); i++) v.value().set(i, (float) (.3 * Math.sin(.7 * i + 1.3 * k)) + plus);
                k++;
            }
            // So many steps in all that the learning rate has hardly begun to fall.
            long total = 1_000_000_000;
            try (
                    var trainer = Trainer.of(
                            Backends.named(backend),
                            Guided.trained(model, null),
                            new ObjectiveLoss(new CrossEntropy(), new Likelihood(softmax, 1), 3),
                            config,
                            total,
                            memory)) {
                for (int step = 0; step < 10; step++) {
                    Trainer.Report report = trainer.step(batch, Key.of(step));
                    double loss = Arrays.stream(report.nll()).sum() / report.targets() / WIDTHS.length;
                    assertThat(loss).as("loss %s", step).isCloseTo(expected.get(step).asDouble(), within(2e-5));
                }
            }
        }
    }
}
