package dev.beamwright.tensor.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NumPy's array file: the bytes {@code \x93NUMPY}, two bytes of version, the length of the header, the header (a Python
 * dictionary with {@code descr}, {@code fortran_order} and {@code shape}), then the elements. See NumPy's
 * {@code numpy.lib.format}.
 */
public final class Npy {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([^)]*)\\)");

    private Npy() {}

    /**
     * Reads a file of float16, float32 or float64 as a single-precision tensor.
     *
     * @throws IOException if the file cannot be read, or is no such file; the message names the file and the fault
     */
    public static Tensor read(Path file, SegmentAllocator memory) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = Binary.map(file, arena);
            for (int i = 0; i < MAGIC.length; i++) {
                if (bytes.byteSize() < 10 || bytes.get(JAVA_BYTE, i) != MAGIC[i]) {
                    throw new IOException(file + ": not a NumPy file, it does not begin with \\x93NUMPY");
                }
            }
            int version = bytes.get(JAVA_BYTE, 6);
            if (version < 1 || version > 3) throw new IOException(file + ": unknown NumPy format version " + version);
            int start = version == 1 ? 10 : 12;
            long length = version == 1
                    ? bytes.get(Binary.SHORT, 8) & 0xffffL
                    : bytes.byteSize() < 12 ? Long.MAX_VALUE
                    : bytes.get(Binary.INT, 8) & 0xffffffffL;
            if (length > bytes.byteSize() - start) throw new IOException(file + ": truncated within its header");
            String header = new String(
                    bytes.asSlice(start, length).toArray(JAVA_BYTE),
                    version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);

            Binary.Type type = switch (field(file, header, TYPE)) {
                case "<f2" -> Binary.Type.F16;
                case "<f4" -> Binary.Type.F32;
                case "<f8" -> Binary.Type.F64;
                case String other ->
                    throw new IOException(file + ": elements of type '" + other
                            + "', expected '<f4' (save with array.astype('<f4'))");
            };
            if (field(file, header, ORDER).equals("True")) {
                throw new IOException(file + ": stored column by column (fortran_order), expected row by row"
                        + " (save with numpy.ascontiguousarray)");
            }
            Shape shape = shape(file, field(file, header, SHAPE));
            long need = Math.multiplyExact(shape.size(), (long) type.bytes()), have = bytes.byteSize() - start - length;
            if (need != have) {
                throw new IOException(file + ": " + (have < need ? "truncated: " : "too long: ") + shape + " needs "
                        + need + " bytes after the header, there are " + have);
            }
            return Binary.read(bytes.asSlice(start + length, need), type, shape, memory);
        }
    }

    /** Writes a single-precision tensor as float32; the file is replaced at once, see {@link AtomicFile}. */
    public static void write(Path file, Tensor tensor) throws IOException {
        if (tensor.dtype() != DType.F32) throw new IllegalArgumentException("expected F32, got " + tensor);
        int[] dims = tensor.shape().toArray();
        String shape = Arrays.toString(dims).replace("[", "(").replace("]", dims.length == 1 ? ",)" : ")");
        String header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
        header += " ".repeat(63 - (10 + header.length()) % 64) + "\n"; // the elements begin at a multiple of 64
        byte[] front = new byte[10 + header.length()];
        System.arraycopy(MAGIC, 0, front, 0, MAGIC.length);
        front[6] = 1;
        front[8] = (byte) header.length();
        front[9] = (byte) (header.length() >> 8);
        System.arraycopy(header.getBytes(StandardCharsets.ISO_8859_1), 0, front, 10, header.length());
        Binary.write(file, front, List.of(tensor));
    }

    private static String field(Path file, String header, Pattern pattern) throws IOException {
        Matcher m = pattern.matcher(header);
        if (!m.find()) {
            throw new IOException(file + ": the NumPy header lacks " + pattern.pattern().split("'")[1] + ": "
                    + header.strip());
        }
        return m.group(1);
    }

    private static Shape shape(Path file, String text) throws IOException {
        var dims = new ArrayList<Integer>();
        try {
            for (String part : text.split(",")) if (!part.isBlank()) dims.add(Integer.parseInt(part.strip()));
            Shape shape = Shape.of(dims.stream().mapToInt(Integer::intValue).toArray());
            Math.multiplyExact(shape.size(), (long) Double.BYTES);
            return dims.isEmpty() ? Shape.of(1) : shape;
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new IOException(file + ": cannot use the shape (" + text + ")", e);
        }
    }
}
