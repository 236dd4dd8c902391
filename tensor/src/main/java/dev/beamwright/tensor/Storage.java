package dev.beamwright.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * The memory of one tensor: the data, 64-byte aligned, after 64 bytes that a backend may use as an array header
 * (TornadoVM wraps the very same memory as its own array, without a copy).
 *
 * @param whole header and data
 * @param data the elements alone
 */
public record Storage(MemorySegment whole, MemorySegment data) {
    /** Bytes of alignment, and of the header. */
    public static final int ALIGNMENT = 64;

    /** Cuts a storage for that many bytes of data out of an arena or a workspace. */
    public static Storage allocate(SegmentAllocator memory, long bytes) {
        MemorySegment whole = memory.allocate(ALIGNMENT + bytes, ALIGNMENT);
        return new Storage(whole, whole.asSlice(ALIGNMENT, bytes, ALIGNMENT));
    }
}
