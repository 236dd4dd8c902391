package dev.beamwright.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class ProfileTest {
    @Test
    void theWorkIsFoundUnderItsKernel() {
        Backend backend = Backends.named("scalar");
        Profile profile;
        try (Arena memory = Arena.ofShared()) {
            Tensor a = Tensor.zeros(memory, Shape.of(64, 64)), c = Tensor.zeros(memory, Shape.of(64, 64));
            profile = Profile.of(start -> {
                start.run();
                for (long end = System.nanoTime() + 500_000_000; System.nanoTime() < end;) {
                    backend.matmul(c, a, false, a, false, false);
                }
            });
        }
        assertThat(profile.kernels()).containsKey("matmul");
        assertThat(profile.classes().keySet()).contains("ScalarBackend");
        assertThat(profile.markdown("row")).contains("## row", "| `matmul` | ");
    }
}
