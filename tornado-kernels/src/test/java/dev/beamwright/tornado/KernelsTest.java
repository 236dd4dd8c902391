package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.OpCase;
import dev.beamwright.autograd.check.OpCases;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.tensor.cpu.BackendContractTest;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every kernel against the plain loops of the scalar backend: as a Java method, without a device, for many sizes; call by
 * call on the device; and as part of a captured step. Where the SDK finds no device, the last two fail.
 */
class KernelsTest {
    static final Backend REFERENCE = Backends.named("scalar");
    static final Backend JAVA = new TornadoBackend(new JavaRunner(), Products.FP32);

    static final Backend TILED = new TornadoBackend(new DeviceRunner(40, Limits.of(Devices.used()), true), Products.FP32);

    @AutoClose
    Arena memory = Arena.ofShared();

    /** The device. There is no skipping: who has the SDK has its tests. */
    static Backend device() {
        return Backends.named("tornado");
    }

    static Stream<Arguments> casesAndSizes() {
        return BackendContractTest.CASES.stream()
                .flatMap(c -> Stream.of(1, 13, 67)
                        .flatMap(r -> Stream.of(1, 13, 64).map(k -> Arguments.of(c, r, k))));
    }

    @ParameterizedTest(name = "{0} ({1}, {2})")
    @MethodSource("casesAndSizes")
    void asJava(BackendContractTest.Case kernel, int rows, int columns) {
        compare(JAVA, kernel, rows, columns);
    }

    /** One size, since each is compiled anew; of the products, each form once; attention with dropout stands for both. */
    static Stream<BackendContractTest.Case> cases() {
        List<String> covered = List.of("attention", "cross-attention", "attention causal");
        return BackendContractTest.CASES.stream()
                .filter(c -> !covered.contains(c.name()))
                .filter(c -> !c.name().startsWith("matmul") || c.name().endsWith("depth 13")
                        || c.name().equals("matmul TN long"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void onTheDevice(BackendContractTest.Case kernel) {
        compare(device(), kernel, 67, 13);
    }

    static Stream<BackendContractTest.Case> tiledCases() {
        List<String> names = List.of(
                "matmul NN depth 300", "matmul TN accumulate depth 300", "matmul NT depth 13", "matmul TT depth 13",
                "rmsNorm", "layerNorm", "crossEntropy", "attention causal dropout", "cross-attention");
        return BackendContractTest.CASES.stream().filter(c -> names.contains(c.name()));
    }

    /** The forms with tiles in local memory, whether the device is one that they are made for or not. */
    @ParameterizedTest
    @MethodSource("tiledCases")
    void inTilesOnTheDevice(BackendContractTest.Case kernel) {
        compare(TILED, kernel, 67, 20);
    }

    /** A product whose depth is cut into parts that are added up afterwards. */
    @Test
    void inTilesAndParts() {
        Tensor a = Tensor.zeros(memory, Shape.of(1100, 40)), b = Tensor.zeros(memory, Shape.of(1100, 20));
        for (int i = 0; i < a.shape().size(); i++) a.set(i, (i * 37L % 101 - 50) / 100f);
        for (int i = 0; i < b.shape().size(); i++) b.set(i, (i * 53L % 103 - 51) / 100f);
        Tensor expected = Tensor.zeros(memory, Shape.of(40, 20)), actual = Tensor.zeros(memory, Shape.of(40, 20));
        REFERENCE.matmul(expected, a, true, b, false, false);
        TILED.matmul(actual, a, true, b, false, false);
        for (int i = 0; i < 800; i++) assertThat(actual.get(i)).isCloseTo(expected.get(i), within(1e-3f));
    }

    static void compare(Backend backend, BackendContractTest.Case kernel, int rows, int columns) {
        float[] expected = kernel.run(REFERENCE, rows, columns), actual = kernel.run(backend, rows, columns);
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("element %s", i).isCloseTo(expected[i],
                    within(4e-5f * (1 + Math.abs(expected[i]))));
        }
    }

    static List<OpCase> ops() {
        // These two look at values on the way: they cannot be captured.
        return OpCases.all().stream()
                .filter(c -> !c.name().equals("squaredError") && !c.name().equals("computed"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("ops")
    void capturedOnTheDevice(OpCase op) {
        List<float[]> expected = outputAndGradients(REFERENCE, op, 13), actual = outputAndGradients(device(), op, 13);
        for (int i = 0; i < expected.size(); i++) {
            float[] e = expected.get(i), a = actual.get(i);
            float largest = 0;
            for (float v : e) largest = Math.max(largest, Math.abs(v));
            for (int j = 0; j < e.length; j++) {
                assertThat(a[j])
                        .as("%s %s", i < 2 ? "output" : "gradient " + (i - 2), j)
                        .isCloseTo(e[j], within(1e-5f + 4e-5f * largest));
            }
        }
    }

    /** Runs it twice, on other inputs the second time, so that what was captured is replayed. */
    List<float[]> outputAndGradients(Backend backend, OpCase op, int size) {
        OpCase.Instance instance = op.make(memory, size);
        List<float[]> results = new ArrayList<>();
        int[] runs = {0};
        try (var workspace = new Workspace()) {
            var step = backend.capture(() -> {
                try (var tape = Tape.training(backend, workspace)) {
                    Variable y = instance.output().apply(tape);
                    boolean last = runs[0] == 1;
                    backend.read(y.value(), () -> results.add(y.value().toArray()));
                    float[] weights = new float[(int) y.size()];
                    for (int i = 0; i < weights.length; i++) {
                        weights[i] = (i * 37 % 19 - 9) / 9f * (runs[0] + 1);
                    }
                    tape.backward(y.size() == 1 ? y : Ops.weightedSum(tape, y, tape.floats(weights)));
                    for (Variable v : instance.inputs()) {
                        backend.read(v.grad(), () -> {
                            if (last) results.add(v.grad().toArray());
                        });
                    }
                }
            });
            step.run();
            runs[0]++;
            step.run();
        }
        return results;
    }
}
