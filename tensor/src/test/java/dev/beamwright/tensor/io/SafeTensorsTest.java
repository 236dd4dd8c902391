package dev.beamwright.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTensorsTest {
    private static final Arena MEMORY = Arena.global();

    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        var tensors = new LinkedHashMap<String, Tensor>();
        Tensor bf16 = Tensor.zeros(MEMORY, Shape.of(3), DType.BF16);
        for (int i = 0; i < 3; i++) bf16.data().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (0x3f80 + i));
        tensors.put("z.last \"quoted\" ü\n", Tensor.of(MEMORY, Shape.of(2, 2), 1f, -2f, Float.NaN, 4f));
        tensors.put("half", bf16);
        tensors.put("a.first", Tensor.of(MEMORY, Shape.of(1, 3), 7, -8, 1 << 30));
        Path file = folder.resolve("x.safetensors");
        SafeTensors.write(file, tensors, Map.of("step", "12"));

        SafeTensors read = SafeTensors.read(file, MEMORY);
        assertThat(read.metadata()).isEqualTo(Map.of("step", "12"));
        assertThat(read.tensors().keySet()).containsExactlyElementsOf(tensors.keySet());
        read.tensors().forEach((name, t) -> {
            assertThat(t.dtype()).isEqualTo(tensors.get(name).dtype());
            assertThat(t.shape()).isEqualTo(tensors.get(name).shape());
            assertThat(t.data().mismatch(tensors.get(name).data())).isEqualTo(-1);
        });
    }

    /** The bytes as the reference implementation writes them: zeros of shape (2, 2) named "test". */
    @Test
    void readsTheReferenceFile() throws IOException {
        byte[] bytes = ("<\0\0\0\0\0\0\0{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
                + "\0".repeat(16))
                .getBytes(StandardCharsets.ISO_8859_1);
        Tensor t = SafeTensors.read(Files.write(folder.resolve("r"), bytes), MEMORY).tensors().get("test");
        assertThat(t.shape()).isEqualTo(Shape.of(2, 2));
        assertThat(t.toIntArray()).containsExactly(0, 0, 0, 0);
    }

    @Test
    void widensHalfAndNarrowsDouble() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        data.putShort(Float.floatToFloat16(1.5f)).putShort(Float.floatToFloat16(-2)).putDouble(0.1);
        Path file = file("""
                {"__metadata__":{"format":"pt"},"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},
                 "d":{"dtype":"F64","shape":[],"data_offsets":[4,12]}}""", data.array());
        SafeTensors read = SafeTensors.read(file, MEMORY);
        assertThat(read.tensors().get("h").toArray()).containsExactly(1.5f, -2f);
        assertThat(read.tensors().get("d").toArray()).containsExactly(0.1f);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            textBlock = """
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}; 8; 'a' and 'b' overlap
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}; 12; bytes 0 to 4 belong to no tensor
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}; 7; tensor 'a' ends at byte 8 of 7
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}; 9; 1 bytes after the last tensor
                    {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}; 8; F32(3) needs 12 bytes, its data_offsets span 8
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}; 8; no proper data_offsets
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}; 8; no proper data_offsets
                    {"a":{"dtype":"F32","shape":[2]}}; 8; no proper data_offsets
                    {"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}; 8; has the dtype I64
                    {"a":{"shape":[1],"data_offsets":[0,8]}}; 8; has the dtype null
                    {"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}; 0; has a dimension of 0
                    {"a":{"dtype":"F32","shape":[2147483647,2147483647,9],"data_offsets":[0,8]}}; 8; impossible shape
                    {"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}; 8; expected a whole number, not 2.5
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{}}; 8; each name once, not two 'a'
                    {"a":[1]}; 0; 'a' is no JSON object
                    {"__metadata__":{"step":1}}; 0; __metadata__ holds something else than text
                    {"a":{"dtype":"F32"; 0; expected '}'
                    [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]; 0; less nesting
                    """)
    void refusesDamagedHeaders(String header, int bytes, String message) throws IOException {
        Path file = file(header, new byte[bytes]);
        assertThatThrownBy(() -> SafeTensors.read(file, MEMORY))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(file + ": damaged safetensors file: ")
                .hasMessageContaining(message);
    }

    @Test
    void refusesOtherFiles() throws IOException {
        Path file = folder.resolve("x");
        Files.writeString(file, "short");
        assertThatThrownBy(() -> SafeTensors.read(file, MEMORY)).hasMessageContaining("too short");
        Files.writeString(file, "this is a text file, its first eight bytes are a huge number");
        assertThatThrownBy(() -> SafeTensors.read(file, MEMORY)).hasMessageContaining("not a safetensors file");
        SafeTensors.write(file, Map.of("a", Tensor.of(MEMORY, Shape.of(2), 1f, 2f)), Map.of());
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 30));
        assertThatThrownBy(() -> SafeTensors.read(file, MEMORY)).hasMessageContaining("truncated");
    }

    private Path file(String header, byte[] data) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        all.putLong(text.length).put(text).put(data);
        return Files.write(folder.resolve("made.safetensors"), all.array());
    }
}
