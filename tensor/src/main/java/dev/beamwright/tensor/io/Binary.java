package dev.beamwright.tensor.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Tensors as little-endian bytes of a file. */
final class Binary {
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int CHUNK = 1 << 20;

    private Binary() {}

    /** How an element stands in a file; {@link #dtype} is how it stands in memory. */
    enum Type {
        F32(4, DType.F32),
        BF16(2, DType.BF16),
        I32(4, DType.I32),
        F16(2, DType.F32),
        F64(8, DType.F32);

        private final int bytes;
        private final DType dtype;

        Type(int bytes, DType dtype) {
            this.bytes = bytes;
            this.dtype = dtype;
        }

        int bytes() {
            return bytes;
        }

        DType dtype() {
            return dtype;
        }
    }

    /** The bytes of a file, without loading them. */
    static MemorySegment map(Path file, Arena arena) throws IOException {
        if (Files.isDirectory(file)) throw new IOException(file + ": is a folder, not a file");
        if (Files.exists(file) && !Files.isRegularFile(file)) throw new IOException(file + ": is no regular file");
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": there is no such file", e);
        } catch (AccessDeniedException e) {
            throw new IOException(file + ": cannot be read: permission denied", e);
        }
    }

    /** Copies elements out of a file's bytes, half and double precision becoming single. */
    static Tensor read(MemorySegment bytes, Type type, Shape shape, SegmentAllocator memory) {
        Tensor t = Tensor.uninitialized(memory, shape, type.dtype());
        long n = shape.size();
        switch (type) {
            case F32, I32 -> MemorySegment.copy(bytes, INT, 0, t.data(), ValueLayout.JAVA_INT, 0, n);
            case BF16 -> MemorySegment.copy(bytes, SHORT, 0, t.data(), ValueLayout.JAVA_SHORT, 0, n);
            case F16 -> {
                for (long i = 0; i < n; i++) t.set(i, Float.float16ToFloat(bytes.getAtIndex(SHORT, i)));
            }
            case F64 -> {
                for (long i = 0; i < n; i++) t.set(i, (float) bytes.getAtIndex(DOUBLE, i));
            }
        }
        return t;
    }

    /** Replaces a file by some bytes and, behind them, the elements of tensors one after the other. */
    static void write(Path file, byte[] front, List<Tensor> tensors) throws IOException {
        try (AtomicFile out = AtomicFile.open(file)) {
            FileChannel channel = out.channel();
            writeFully(channel, ByteBuffer.wrap(front));
            for (Tensor t : tensors) {
                boolean bigEndian = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN;
                for (long at = 0; at < t.data().byteSize(); at += CHUNK) {
                    MemorySegment part = t.data().asSlice(at, Math.min(CHUNK, t.data().byteSize() - at));
                    writeFully(channel, bigEndian ? swapped(part, t.dtype()) : part.asByteBuffer());
                }
            }
            out.commit();
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) channel.write(bytes);
    }

    private static ByteBuffer swapped(MemorySegment part, DType dtype) {
        byte[] bytes = part.toArray(JAVA_BYTE);
        for (int i = 0; i < bytes.length; i += dtype.bytes()) {
            for (int a = i, b = i + dtype.bytes() - 1; a < b; a++, b--) {
                byte t = bytes[a];
                bytes[a] = bytes[b];
                bytes[b] = t;
            }
        }
        return ByteBuffer.wrap(bytes);
    }
}
