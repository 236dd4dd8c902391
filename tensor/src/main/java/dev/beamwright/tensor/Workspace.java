package dev.beamwright.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of one step: cut from the front, given back all at once, so that the same step asks for the same
 * addresses every time. It grows when a step needs more than any step before it; after the largest step nothing is
 * allocated any more. Not for use by several threads.
 */
public final class Workspace implements SegmentAllocator, AutoCloseable {
    private static final long FIRST_BLOCK = 16L << 20;

    private final List<Block> blocks = new ArrayList<>();
    private int current;
    private long used;

    private record Block(Arena arena, MemorySegment memory) {}

    /** An empty workspace; its first block is taken when it is first asked for memory. */
    public Workspace() {}

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        while (true) {
            if (current < blocks.size()) {
                MemorySegment block = blocks.get(current).memory();
                long from = (used + alignment - 1) / alignment * alignment;
                if (from + bytes <= block.byteSize()) {
                    used = from + bytes;
                    return block.asSlice(from, bytes);
                }
                current++;
                used = 0;
            } else {
                long last = blocks.isEmpty() ? FIRST_BLOCK / 2 : blocks.getLast().memory().byteSize();
                Arena arena = Arena.ofShared();
                blocks.add(new Block(arena, arena.allocate(Math.max(bytes, 2 * last), Storage.ALIGNMENT)));
            }
        }
    }

    /** How many bytes it holds, in use or not. */
    public long bytes() {
        return blocks.stream().mapToLong(b -> b.memory().byteSize()).sum();
    }

    /** Starts again from the front; every tensor cut before is void. */
    public void reset() {
        current = 0;
        used = 0;
    }

    @Override
    public void close() {
        blocks.forEach(b -> b.arena().close());
        blocks.clear();
        reset();
    }
}
