package dev.beamwright.transformer;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Tensors of a network in a safetensors file, named by their paths. A file is replaced at once: whoever is interrupted
 * while writing leaves the file before. Its metadata holds the checksum of all tensors, which is verified on loading.
 */
public final class Checkpoint {
    private static final String CHECKSUM = "sha256";

    private Checkpoint() {}

    /** Writes tensors, and what else is to be known of them. */
    public static void save(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
        Map<String, String> all = new LinkedHashMap<>(metadata);
        all.put(CHECKSUM, checksum(tensors.values()));
        SafeTensors.write(file, tensors, all);
    }

    /**
     * Fills tensors from a file.
     *
     * @return the file's metadata
     * @throws IOException if the file cannot be read, or is not as {@link #save} wrote it, or holds a number that is not
     *     finite, or lacks a tensor, or has one of another shape; the message names file and tensor
     */
    public static Map<String, String> load(Path file, Map<String, Tensor> tensors) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            SafeTensors stored = SafeTensors.read(file, arena);
            verify(file, stored);
            for (var e : tensors.entrySet()) {
                Tensor from = stored.tensors().get(e.getKey()), to = e.getValue();
                if (from == null) throw new IOException(file + ": has no tensor '" + e.getKey() + "'");
                if (!from.shape().equals(to.shape()) || from.dtype() != to.dtype()) {
                    throw new IOException(
                            file + ": tensor '" + e.getKey() + "' is " + from + ", the model needs " + to);
                }
                MemorySegment.copy(from.data(), 0, to.data(), 0, to.data().byteSize());
            }
            return stored.metadata();
        }
    }

    private static void verify(Path file, SafeTensors stored) throws IOException {
        String expected = stored.metadata().get(CHECKSUM), actual = checksum(stored.tensors().values());
        if (expected == null) throw new IOException(file + ": has no checksum, so it was not written by Beamwright");
        for (var e : stored.tensors().entrySet()) {
            long at = firstNotFinite(e.getValue());
            if (at >= 0) {
                throw new IOException(file + ": tensor '" + e.getKey() + "' holds " + e.getValue().get(at) + " at " + at
                        + (actual.equals(expected) ? ": the training diverged" : ": the file was changed or damaged"));
            }
        }
        if (!actual.equals(expected)) {
            throw new IOException(file + ": was changed or damaged: the checksum of its tensors is "
                    + actual.substring(0, 8) + "..., and was " + expected.substring(0, Math.min(8, expected.length()))
                    + "... when it was written");
        }
    }

    /** The place of the first number that is infinite or none; -1 if there is no such number. */
    private static long firstNotFinite(Tensor t) {
        if (t.dtype() != DType.F32) return -1;
        for (long i = 0, n = t.shape().size(); i < n; i++) if (!Float.isFinite(t.get(i))) return i;
        return -1;
    }

    /** The values of a network's parameters by their paths. */
    public static Map<String, Tensor> parameters(Layer layer) {
        Map<String, Tensor> values = new LinkedHashMap<>();
        layer.parameters().forEach((path, v) -> values.put(path, v.value()));
        return values;
    }

    /** The SHA-256 of tensors' bytes, in order: equal only if every bit is equal. */
    public static String checksum(Collection<Tensor> tensors) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Tensor t : tensors) {
                long bytes = t.data().byteSize(), piece = 1 << 30; // a ByteBuffer has less than 2 GiB
                for (long from = 0; from < bytes; from += piece) {
                    digest.update(t.data().asSlice(from, Math.min(piece, bytes - from)).asByteBuffer());
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
