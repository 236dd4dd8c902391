package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.autograd.check.OpCase;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.cpu.BackendContractTest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Every kernel on Oclgrind, an OpenCL device that executes work-item by work-item and reports data races, reads of what
 * was never written, and accesses outside of buffers: on a GPU such faults are wrong numbers, sometimes. Run by the
 * profile {@code oclgrind}; see docs/tornadovm.md.
 */
@Tag("oclgrind")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OclgrindTest {
    private static final Set<String> RAN = new TreeSet<>();
    private static final Backend PLAIN = backend(false), BLOCKS = backend(true);
    private static long seen;

    @AutoClose
    Arena memory = Arena.ofShared();

    private static Backend backend(boolean blocks) {
        var runner = new DeviceRunner(40, Limits.of(Devices.used()), blocks) {
            @Override
            public void run(Call call) {
                RAN.add(call.kernel().name());
                super.run(call);
            }
        };
        return new TornadoBackend(runner, Products.FP32);
    }

    /** What Oclgrind has to say since it was last asked: the first lines of each message, each once. */
    private static Set<String> findings() throws IOException {
        String log = Files.readString(Path.of(System.getenv("OCLGRIND_LOG")));
        Set<String> found = new TreeSet<>();
        for (String message : log.substring((int) seen).split("\n\\s*\n")) {
            String[] lines = message.strip().split("\\s*\n\\s*");
            if (!lines[0].isEmpty()) found.add(String.join("; ", List.of(lines).subList(0, Math.min(2, lines.length))));
        }
        seen = log.length();
        return found;
    }

    // ---- faults that must be found, or the silence below says nothing

    static void race(KernelContext context, FloatArray y) {
        float[] shared = context.allocateFloatLocalArray(32);
        int t = context.localIdx;
        shared[t] = t;
        y.set(t, shared[31 - t]); // without a barrier
    }

    static void beyond(KernelContext context, FloatArray y, FloatArray x) {
        int t = context.localIdx;
        y.set(t, x.get(t + 1));
    }

    static void unwritten(KernelContext context, FloatArray y) {
        float[] shared = context.allocateFloatLocalArray(64);
        int t = context.localIdx;
        shared[t] = t;
        context.localBarrier();
        y.set(t, shared[t + 1]);
    }

    private Set<String> planted(Kernel kernel, Object... tensors) throws IOException {
        findings();
        var grid = new WorkerGrid1D(32);
        grid.setLocalWork(32, 1, 1);
        Object[] arguments = new Object[tensors.length + 1];
        arguments[0] = Call.CONTEXT;
        System.arraycopy(tensors, 0, arguments, 1, tensors.length);
        new DeviceRunner(40, Limits.of(Devices.used()), true).run(new Call(kernel, 0, arguments, grid));
        return findings();
    }

    private Tensor floats() {
        return Tensor.zeros(memory, Shape.of(32), DType.F32);
    }

    @Test
    @Order(1)
    void aPlantedRaceIsFound() throws IOException {
        assertThat(planted(Kernel.of("race", 1, OclgrindTest::race), floats()))
                .anyMatch(f -> f.contains("data race"));
    }

    @Test
    @Order(1)
    void aPlantedReadBeyondABufferIsFound() throws IOException {
        assertThat(planted(Kernel.of("beyond", 1, OclgrindTest::beyond), floats(), floats()))
                .anyMatch(f -> f.contains("Invalid read"));
    }

    @Test
    @Order(1)
    void aPlantedReadOfWhatWasNeverWrittenIsFound() throws IOException {
        assertThat(planted(Kernel.of("unwritten", 1, OclgrindTest::unwritten), floats()))
                .anyMatch(f -> f.contains("Uninitialized"));
    }

    // ---- all kernels

    static Stream<BackendContractTest.Case> plain() {
        return KernelsTest.cases();
    }

    /** Of the products, those that are one strip deep; see {@link #productOfSeveralStrips}. */
    static Stream<BackendContractTest.Case> blocks() {
        return KernelsTest.tiledCases().filter(c -> !c.name().endsWith("depth 300"));
    }

    static List<OpCase> ops() {
        return KernelsTest.ops();
    }

    @ParameterizedTest
    @Order(2)
    @MethodSource("plain")
    void plainForms(BackendContractTest.Case kernel) throws IOException {
        KernelsTest.compare(PLAIN, kernel, 13, 5);
        assertThat(findings()).isEmpty();
    }

    @ParameterizedTest
    @Order(2)
    @MethodSource("blocks")
    void formsInBlocks(BackendContractTest.Case kernel) throws IOException {
int rows = kernel.name().startsWith("beam") || kernel.name().startsWith("extend") ? 5 : 35; // the slow ones
        KernelsTest.compare(BLOCKS, kernel, rows, kernel.name().startsWith("matmul") ? 20 : 8);
        assertThat(findings()).isEmpty();
    }

    @Test
    @Order(2)
    void productOfSeveralStrips() throws IOException {
        Tensor a = Tensor.zeros(memory, Shape.of(17, 40)), b = Tensor.zeros(memory, Shape.of(40, 19));
        for (int i = 0; i < a.shape().size(); i++) a.set(i, i % 7 - 3);
        for (int i = 0; i < b.shape().size(); i++) b.set(i, i % 5 - 2);
        Tensor expected = Tensor.zeros(memory, Shape.of(17, 19)), actual = Tensor.zeros(memory, Shape.of(17, 19));
        KernelsTest.REFERENCE.matmul(expected, a, false, b, false, false);
        BLOCKS.matmul(actual, a, false, b, false, false);
        assertThat(actual.toArray()).isEqualTo(expected.toArray());
        assertThat(findings()).isEmpty();
    }

    /** Whole graphs: what one kernel leaves for the next. */
    @ParameterizedTest
    @Order(2)
    @MethodSource("ops")
    void captured(OpCase op) throws IOException {
        new KernelsTest().outputAndGradients(BLOCKS, op, 5);
        assertThat(findings()).isEmpty();
    }

    @Test
    @Order(3)
    void everyKernelRan() throws IllegalAccessException {
        List<String> missing = new ArrayList<>();
        for (var field : Kernels.class.getDeclaredFields()) {
            if (field.getType() != Kernel.class) continue;
            Kernel kernel = (Kernel) field.get(null);
            if (!RAN.contains(kernel.name())) missing.add(kernel.name());
        }
        // Tensor cores are CUDA's alone; the others are put into graphs by Home, without a call.
        assertThat(missing).containsExactlyInAnyOrder("brainMatmul", "halfMatmul", "holdFloats", "holdInts");
    }
}
