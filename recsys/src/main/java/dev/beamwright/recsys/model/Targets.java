package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Tape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The N target items of a batch, as every objective sees them: row n of every level belongs to the same target.
 *
 * @param items the item of each target
 * @param codes for each level, I32 (N): the code of each target
 * @param masks for each level: the children of the trie node that each target's path has reached
 */
public record Targets(int[] items, List<Tensor> codes, List<SoftmaxMask> masks) {
    /** The targets of a batch of samples, in order. */
    public static Targets of(Tape tape, CodeSpace space, List<Sample> samples) {
        int n = samples.stream().mapToInt(Sample::targets).sum();
        int[] items = new int[n];
        int at = 0;
        for (Sample s : samples) {
            System.arraycopy(s.items(), s.from(), items, at, s.targets());
            at += s.targets();
        }
        return of(tape, space, items);
    }

    /** These items as targets. */
    public static Targets of(Tape tape, CodeSpace space, int[] items) {
        int n = items.length;
        List<Tensor> codes = new ArrayList<>();
        List<SoftmaxMask> masks = new ArrayList<>();
        for (int level = 0; level < space.levels(); level++) {
            int[] c = new int[n], nodes = new int[n];
            for (int i = 0; i < n; i++) {
                c[i] = space.code(items[i], level);
                nodes[i] = space.trie().node(items[i], level);
            }
            codes.add(tape.rowInts(-1, c));
            masks.add(space.mask(tape.rowInts(space.trie().firstNode(level), nodes)));
        }
        return new Targets(items, codes, masks);
    }

    /** The trie node that each target's path has reached before a level: I32 (N). */
    public Tensor nodes(int level) {
        return masks.get(level).nodes();
    }

    /** How many targets there are. */
    public int count() {
        return items.length;
    }
}
