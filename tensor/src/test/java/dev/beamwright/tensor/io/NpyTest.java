package dev.beamwright.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NpyTest {
    private static final Arena MEMORY = Arena.global();

    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        Path file = folder.resolve("x.npy");
        Tensor x = Tensor.of(MEMORY, Shape.of(2, 3), 1f, -2.5f, Float.MIN_VALUE, Float.NaN, 3e38f, -0f);
        Npy.write(file, x);
        Tensor y = Npy.read(file, MEMORY);
        assertThat(y.shape()).isEqualTo(x.shape());
        assertThat(y.toArray()).containsExactly(x.toArray());
        assertThat((Files.size(file) - 6 * 4) % 64).as("elements begin at a multiple of 64").isZero();

        Npy.write(file, Tensor.of(MEMORY, Shape.of(1), 7f));
        assertThat(Npy.read(file, MEMORY).shape()).isEqualTo(Shape.of(1));
    }

    @Test
    void readsWhatNumPyWrites() throws IOException {
        String header = "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2), }";
        ByteBuffer doubles = little(32);
        for (double d : new double[] {1, 0.1, -3, 1e300}) doubles.putDouble(d);
        assertThat(Npy.read(file(1, header.formatted("<f8"), doubles.array()), MEMORY).toArray())
                .containsExactly(1f, 0.1f, -3f, Float.POSITIVE_INFINITY);
        ByteBuffer halves = little(8);
        for (float f : new float[] {1, 0.5f, -2, 65504}) halves.putShort(Float.floatToFloat16(f));
        assertThat(Npy.read(file(2, header.formatted("<f2"), halves.array()), MEMORY).toArray())
                .containsExactly(1f, 0.5f, -2f, 65504f);
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', textBlock = """
            {'descr': '<i8', 'fortran_order': False, 'shape': (2, 2), }; 16; elements of type '<i8', expected '<f4'
            {'descr': '>f4', 'fortran_order': False, 'shape': (2, 2), }; 16; elements of type '>f4', expected '<f4'
            {'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }; 16; numpy.ascontiguousarray
            {'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }; 15; truncated: (2, 2) needs 16 bytes
            {'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }; 17; too long: (2, 2) needs 16 bytes
            {'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }; 0; cannot use the shape (0, 2)
            {'descr': '<f4', 'fortran_order': False, 'shape': (x), }; 16; cannot use the shape (x)
            {'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 1073741824), }; 16; cannot use the shape
            {'descr': '<f4', 'shape': (2, 2), }; 16; lacks fortran_order
            """)
    void refusesWhatItCannotRead(String header, int bytes, String message) throws IOException {
        Path file = file(1, header, new byte[bytes]);
        assertThatThrownBy(() -> Npy.read(file, MEMORY))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(file.toString());
    }

    @Test
    void refusesOtherFiles() throws IOException {
        Path file = folder.resolve("a.npy");
        assertThatThrownBy(() -> Npy.read(file, MEMORY)).hasMessageContaining("there is no such file");
        Files.writeString(file, "item\tvector\n");
        assertThatThrownBy(() -> Npy.read(file, MEMORY)).hasMessageContaining("not a NumPy file");
        Files.write(file, new byte[0]);
        assertThatThrownBy(() -> Npy.read(file, MEMORY)).hasMessageContaining("not a NumPy file");
        Npy.write(file, Tensor.of(MEMORY, Shape.of(1), 7f));
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 40));
        assertThatThrownBy(() -> Npy.read(file, MEMORY)).hasMessageContaining("truncated within its header");
    }

    private Path file(int version, String header, byte[] elements) throws IOException {
        var out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        byte[] text = (header + "\n").getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer length = little(version == 1 ? 2 : 4);
        if (version == 1) length.putShort((short) text.length);
        else length.putInt(text.length);
        out.writeBytes(length.array());
        out.writeBytes(text);
        out.writeBytes(elements);
        return Files.write(folder.resolve("made.npy"), out.toByteArray());
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
