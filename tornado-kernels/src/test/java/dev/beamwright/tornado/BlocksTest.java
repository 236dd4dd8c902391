package dev.beamwright.tornado;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.cpu.BackendContractTest;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The forms of kernels that work in blocks against the plain loops of the scalar backend, without a device: each block's
 * threads are threads of Java. Also that they use the local memory and the threads that they say.
 */
class BlocksTest {
    static final Backend BLOCKS = new TornadoBackend(new EmulatedRunner(), Products.FP32);

    static Stream<Arguments> casesAndSizes() {
        return KernelsTest.tiledCases().flatMap(c -> Stream.of(new int[] {1, 4}, new int[] {17, 16}, new int[] {67, 20})
                .map(size -> Arguments.of(c, size[0], size[1])));
    }

    @ParameterizedTest(name = "{0} ({1}, {2})")
    @MethodSource("casesAndSizes")
    void asJava(BackendContractTest.Case kernel, int rows, int columns) {
        KernelsTest.compare(BLOCKS, kernel, rows, columns);
    }
}
