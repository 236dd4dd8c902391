package dev.beamwright.transformer;

import dev.beamwright.autograd.Tape;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * One block's keys and values of the levels decoded so far. A beam search writes each level in one step; a search that
 * comes back to a level adds rows behind those that are there, into a tensor that doubles when it is full.
 */
final class LevelCache {
    private final List<Tensor> levels = new ArrayList<>();
    private final List<Integer> rows = new ArrayList<>();

    /**
     * Adds rows to a level, which is at most one further than any before.
     *
     * @param kv (rows, 2 · heads · headDim)
     * @return all levels down to this one
     */
    List<Tensor> add(Tape tape, int level, Tensor kv) {
        int more = kv.shape().dim(0);
        if (level == levels.size()) {
            levels.add(kv);
            rows.add(more);
        } else {
            int before = rows.get(level), width = kv.shape().dim(1);
            Tensor all = levels.get(level);
            if (before + more > all.shape().dim(0)) {
                Tensor larger = tape.allocate(Shape.of(2 * (before + more), width));
                copy(all, before, larger, 0);
                levels.set(level, all = larger);
            }
            copy(kv, more, all, before);
            rows.set(level, before + more);
        }
        return List.copyOf(levels.subList(0, level + 1));
    }

    /** Copies the first rows of one tensor behind those of another. */
    private static void copy(Tensor from, int rows, Tensor to, int behind) {
        long row = 4L * from.shape().dim(1);
        MemorySegment.copy(from.data(), 0, to.data(), behind * row, rows * row);
    }
}
