package dev.beamwright.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.autograd.Tape;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RelativeBiasTest {
    // Buckets by the function of T5's published code (_relative_position_bucket), 32 buckets up to distance 128.
    static final int[] DISTANCES = {
        -200, -128, -113, -112, -100, -64, -50, -33, -32, -31, -20, -16, -15, -12, -9, -8, -7, -3, -1, 0, 1, 2, 7, 8, 9,
        11, 12, 16, 23, 32, 45, 46, 64, 91, 128, 300
    };
    static final int[] ENCODER = {
        15, 15, 15, 15, 15, 14, 13, 12, 12, 11, 10, 10, 9, 9, 8, 8, 7, 3, 1, 0, 17, 18, 23, 24, 24, 24, 25, 26, 27, 28,
        28, 29, 30, 31, 31, 31
    };
    static final int[] DECODER = {
        31, 31, 31, 30, 30, 26, 24, 21, 21, 21, 17, 16, 15, 12, 9, 8, 7, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0
    };

    @Test
    void bucketsAreThoseOfT5() {
        assertThat(Arrays.stream(DISTANCES).map(d -> RelativeBias.bucket(d, true)).toArray()).isEqualTo(ENCODER);
        assertThat(Arrays.stream(DISTANCES).map(d -> RelativeBias.bucket(d, false)).toArray()).isEqualTo(DECODER);
    }

    @Test
    void everyDistanceGetsTheNumberOfItsBucket() {
        try (
                Arena memory = Arena.ofConfined();
                var workspace = new Workspace();
                var tape = Tape.inference(Backends.named("scalar"), workspace)) {
            var bias = RelativeBias.of(new Initializer(memory, Key.of(1)), 3, 16, true);
            Tensor byDistance = bias.apply(tape).value(), table = bias.table().value();
            int reach = (byDistance.shape().dim(1) - 1) / 2;
            for (int i = 0; i < DISTANCES.length; i++) {
                int column = Math.clamp(DISTANCES[i], -reach, reach) + reach;
                for (int head = 0; head < 3; head++) {
                    assertThat(byDistance.get((long) head * (2 * reach + 1) + column))
                            .isEqualTo(table.get(head * 32L + ENCODER[i]));
                }
            }
        }
    }
}
