package dev.beamwright.tensor.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Named tensors in one file, in the safetensors format: 8 bytes with the length of the header, the header as JSON, then
 * the elements, all little-endian. The header gives each tensor's {@code dtype}, {@code shape} and
 * {@code data_offsets} (begin and end, counted from the end of the header), and {@code __metadata__}, a map of strings.
 *
 * @param tensors the tensors in the order of the header
 * @param metadata what else the file says
 */
public record SafeTensors(Map<String, Tensor> tensors, Map<String, String> metadata) {
    private static final String METADATA = "__metadata__";
    private static final long LONGEST_HEADER = 100_000_000;

    public SafeTensors {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    }

    /**
     * Reads all tensors of a file. F32, BF16 and I32 stay what they are, F16 and F64 become F32, other types are
     * refused; a scalar becomes a tensor of shape (1).
     *
     * @throws IOException if the file cannot be read, or is damaged; the message names the file, the tensor and the
     *     fault
     */
    public static SafeTensors read(Path file, SegmentAllocator memory) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = Binary.map(file, arena);
            Contents contents = contents(file, bytes);
            var tensors = new LinkedHashMap<String, Tensor>();
            for (Entry e : contents.entries) {
                MemorySegment data = bytes.asSlice(contents.begin + e.begin, e.end - e.begin);
                tensors.put(e.name, Binary.read(data, e.type, e.shape, memory));
            }
            return new SafeTensors(tensors, contents.metadata);
        }
    }

    /** What a file says besides its tensors; these are not read. Throws as {@link #read} does. */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return contents(file, Binary.map(file, arena)).metadata;
        }
    }

    /** What the header tells, and where the elements begin. */
    private record Contents(List<Entry> entries, Map<String, String> metadata, long begin) {}

    private static Contents contents(Path file, MemorySegment bytes) throws IOException {
        Header header = header(file, bytes);
        var entries = new ArrayList<Entry>();
        try {
            header.tensors.forEach((name, fields) -> entries.add(Entry.of(name, object(name, fields))));
            checkOffsets(entries, bytes.byteSize() - header.begin);
        } catch (IllegalArgumentException e) {
            throw damaged(file, e);
        }
        return new Contents(entries, header.metadata, header.begin);
    }

    /** The names of a file's tensors, whatever these are. Throws as {@link #read} does. */
    public static List<String> names(Path file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return List.copyOf(header(file, Binary.map(file, arena)).tensors.keySet());
        }
    }

    /** Reads one tensor; others in the file may be of any kind. Throws as {@link #read} does. */
    public static Tensor read(Path file, String name, SegmentAllocator memory) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = Binary.map(file, arena);
            Entry e = entry(file, bytes, name);
            return Binary.read(bytes.asSlice(e.begin, e.end - e.begin), e.type, e.shape, memory);
        }
    }

    /** Reads one tensor of whole numbers (I64, I32, I16, I8, U32, U16, U8), flat. Throws as {@link #read} does. */
    public static long[] integers(Path file, String name) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = Binary.map(file, arena);
            Header header = header(file, bytes);
            try {
                Map<String, Object> fields = object(name, header.tensors.get(name));
                String type = String.valueOf(fields.get("dtype"));
                int width = switch (type) {
                    case "I64" -> 8;
                    case "I32", "U32" -> 4;
                    case "I16", "U16" -> 2;
                    case "I8", "U8" -> 1;
                    default -> throw new IllegalArgumentException("tensor '" + name + "' holds " + type
                            + ", expected whole numbers");
                };
                long[] offsets = numbers(name, "data_offsets", fields);
                checkWithin(name, offsets, bytes.byteSize() - header.begin);
                long[] values = new long[Math.toIntExact((offsets[1] - offsets[0]) / width)];
                for (int i = 0; i < values.length; i++) {
                    long at = header.begin + offsets[0] + (long) i * width;
                    values[i] = switch (type) {
                        case "I64" -> bytes.get(Binary.LONG, at);
                        case "I32" -> bytes.get(Binary.INT, at);
                        case "U32" -> bytes.get(Binary.INT, at) & 0xffffffffL;
                        case "I16" -> bytes.get(Binary.SHORT, at);
                        case "U16" -> bytes.get(Binary.SHORT, at) & 0xffff;
                        case "I8" -> bytes.get(JAVA_BYTE, at);
                        default -> bytes.get(JAVA_BYTE, at) & 0xff;
                    };
                }
                return values;
            } catch (IllegalArgumentException | ArithmeticException e) {
                throw damaged(file, e);
            }
        }
    }

    private static Entry entry(Path file, MemorySegment bytes, String name) throws IOException {
        Header header = header(file, bytes);
        try {
            Entry e = Entry.of(name, object(name, header.tensors.get(name)));
            checkWithin(name, new long[] {e.begin, e.end}, bytes.byteSize() - header.begin);
            return new Entry(name, e.type, e.shape, header.begin + e.begin, header.begin + e.end);
        } catch (IllegalArgumentException e) {
            throw damaged(file, e);
        }
    }

    private static void checkWithin(String name, long[] offsets, long size) {
        if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > size) {
            throw new IllegalArgumentException("truncated: tensor '" + name + "' is at " + java.util.Arrays.toString(
                    offsets) + " of " + size + " bytes");
        }
    }

    private static IOException damaged(Path file, RuntimeException e) {
        return new IOException(file + ": damaged safetensors file: " + e.getMessage(), e);
    }

    /** A file's header, its tensors not yet looked at. */
    private record Header(Map<String, Object> tensors, Map<String, String> metadata, long begin) {}

    private static Header header(Path file, MemorySegment bytes) throws IOException {
        if (bytes.byteSize() < 8) throw new IOException(file + ": too short for a safetensors file");
        long length = bytes.get(Binary.LONG, 0);
        if (length < 2 || length > LONGEST_HEADER || length > bytes.byteSize() - 8) {
            throw new IOException(file + ": not a safetensors file, or truncated: a header of "
                    + Long.toUnsignedString(length) + " bytes in a file of " + bytes.byteSize());
        }
        var metadata = new LinkedHashMap<String, String>();
        try {
            Map<String, Object> tensors = header(bytes.asSlice(8, length));
            Object meta = tensors.remove(METADATA);
            if (meta != null) object(METADATA, meta).forEach((k, v) -> metadata.put(k, text(METADATA, v)));
            return new Header(tensors, metadata, 8 + length);
        } catch (IllegalArgumentException e) {
            throw damaged(file, e);
        }
    }

    /**
     * Writes tensors in the order of the map; the file is replaced at once and durably, see {@link AtomicFile}.
     */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
            throws IOException {
        var json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            json.append(metadata.entrySet().stream()
                    .map(e -> MiniJson.quote(e.getKey()) + ":" + MiniJson.quote(e.getValue()))
                    .collect(Collectors.joining(",", MiniJson.quote(METADATA) + ":{", "}")));
        }
        long at = 0;
        for (var e : tensors.entrySet()) {
            if (e.getKey().equals(METADATA)) throw new IllegalArgumentException("a tensor cannot be named " + METADATA);
            Tensor t = e.getValue();
            long end = at + t.data().byteSize();
            json.append(json.length() > 1 ? "," : "").append(MiniJson.quote(e.getKey()));
            json.append(":{\"dtype\":\"").append(t.dtype()).append("\",\"shape\":[");
            for (int i = 0; i < t.shape().rank(); i++) json.append(i > 0 ? "," : "").append(t.shape().dim(i));
            json.append("],\"data_offsets\":[").append(at).append(',').append(end).append("]}");
            at = end;
        }
        byte[] header = json.append('}').toString().getBytes(StandardCharsets.UTF_8);
        int padded = (header.length + 7) / 8 * 8; // the elements begin at a multiple of 8
        ByteBuffer front = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        front.putLong(padded).put(header);
        while (front.hasRemaining()) front.put((byte) ' ');
        Binary.write(file, front.array(), List.copyOf(tensors.values()));
    }

    /** One tensor of the header. */
    private record Entry(String name, Binary.Type type, Shape shape, long begin, long end) {
        static Entry of(String name, Map<String, Object> fields) {
            Binary.Type type = switch (String.valueOf(fields.get("dtype"))) {
                case "F32" -> Binary.Type.F32;
                case "BF16" -> Binary.Type.BF16;
                case "I32" -> Binary.Type.I32;
                case "F16" -> Binary.Type.F16;
                case "F64" -> Binary.Type.F64;
                default ->
                    throw new IllegalArgumentException("tensor '" + name + "' has the dtype " + fields.get("dtype")
                            + ", expected F32, BF16, F16, F64 or I32");
            };
            long[] dims = numbers(name, "shape", fields), offsets = numbers(name, "data_offsets", fields);
            int[] ints = new int[dims.length];
            for (int i = 0; i < dims.length; i++) {
                if (dims[i] < 1 || dims[i] > Integer.MAX_VALUE) {
                    throw new IllegalArgumentException("tensor '" + name + "' has a dimension of " + dims[i]);
                }
                ints[i] = (int) dims[i];
            }
            if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
                throw new IllegalArgumentException("tensor '" + name + "' has no proper data_offsets");
            }
            Shape shape = ints.length == 0 ? Shape.of(1) : Shape.of(ints);
            long need;
            try {
                need = Math.multiplyExact(shape.size(), (long) type.bytes());
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException("tensor '" + name + "' has the impossible shape " + shape, e);
            }
            if (need != offsets[1] - offsets[0]) {
                throw new IllegalArgumentException("tensor '" + name + "': " + type + shape + " needs " + need
                        + " bytes, its data_offsets span " + (offsets[1] - offsets[0]));
            }
            return new Entry(name, type, shape, offsets[0], offsets[1]);
        }
    }

    private static Map<String, Object> header(MemorySegment bytes) {
        try {
            var decoder = StandardCharsets.UTF_8.newDecoder();
            return object("header", MiniJson.parse(
                    decoder.decode(ByteBuffer.wrap(bytes.toArray(JAVA_BYTE))).toString()));
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("the header is not UTF-8 text", e);
        }
    }

    /** The tensors must fill the part after the header exactly: no overlap, no gap, no end beyond the file. */
    private static void checkOffsets(List<Entry> entries, long size) {
        long at = 0;
        String before = "";
        for (Entry e : entries.stream().sorted(Comparator.comparingLong(Entry::begin)).toList()) {
            if (e.begin < at) {
                throw new IllegalArgumentException("tensors '" + before + "' and '" + e.name + "' overlap");
            }
            if (e.begin > at) {
                throw new IllegalArgumentException("bytes " + at + " to " + e.begin + " belong to no tensor");
            }
            if (e.end > size) {
                throw new IllegalArgumentException("truncated: tensor '" + e.name + "' ends at byte " + e.end
                        + " of " + size);
            }
            at = e.end;
            before = e.name;
        }
        if (at != size) throw new IllegalArgumentException((size - at) + " bytes after the last tensor");
    }

    private static long[] numbers(String name, String field, Map<String, Object> fields) {
        if (fields.get(field) instanceof List<?> list && list.stream().allMatch(Long.class::isInstance)) {
            return list.stream().mapToLong(Long.class::cast).toArray();
        }
        throw new IllegalArgumentException("tensor '" + name + "' has no proper " + field);
    }

    private static String text(String name, Object value) {
        if (value instanceof String s) return s;
        throw new IllegalArgumentException(name + " holds something else than text");
    }

    private static Map<String, Object> object(String name, Object value) {
        if (!(value instanceof Map<?, ?> map)) throw new IllegalArgumentException("'" + name + "' is no JSON object");
        var result = new LinkedHashMap<String, Object>();
        map.forEach((k, v) -> result.put((String) k, v));
        return result;
    }
}
