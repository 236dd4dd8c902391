package dev.beamwright.transformer;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;

/**
 * T5's positions (Raffel et al., 2020, section 2.1): a trained number for each head and distance is added to the score
 * of query and key. Distances share buckets, the farther the more: half of a direction's buckets have one distance
 * each, the others grow with the logarithm up to the largest distance, and the last has all beyond. One table serves
 * all layers of a stack.
 *
 * @param table (heads, buckets)
 * @param bucketOf (2R-1, buckets): a one in each row, at the bucket of distance row - (R-1)
 */
public record RelativeBias(Variable table, Tensor bucketOf) implements Layer {
    /** T5's sizes. */
    public static final int BUCKETS = 32, MAX_DISTANCE = 128;

    /** A bias with T5's buckets; a bidirectional one, for an encoder, tells keys behind a query from those ahead. */
    public static RelativeBias of(Initializer init, int heads, int width, boolean bidirectional) {
        int reach = MAX_DISTANCE + 1;
        Tensor oneHot = Tensor.zeros(init.memory(), Shape.of(2 * reach - 1, BUCKETS));
        for (int row = 0; row < 2 * reach - 1; row++) {
            oneHot.set((long) row * BUCKETS + bucket(row - (reach - 1), bidirectional), 1);
        }
        return new RelativeBias(init.normal(1 / Math.sqrt(width), heads, BUCKETS), oneHot);
    }

    /**
     * A bias for a causal stack in which each distance below {@code reach} has a number of its own, and larger ones have
     * that of the largest; zeros at the start.
     */
    public static RelativeBias ofEachDistance(Initializer init, int heads, int reach) {
        Tensor oneHot = Tensor.zeros(init.memory(), Shape.of(2 * reach - 1, reach));
        for (int row = 0; row < 2 * reach - 1; row++) oneHot.set((long) row * reach + Math.max(0, reach - 1 - row), 1);
        return new RelativeBias(init.constant(0, heads, reach), oneHot);
    }

    /** The bias of each head and distance, as attention takes it: (heads, 2R-1). */
    public Variable apply(Tape tape) {
        return Ops.linear(tape, table, Variable.constant(bucketOf));
    }

    /**
     * The bucket of a distance.
     *
     * @param distance position of the key less position of the query
     * @param bidirectional whether keys ahead have buckets of their own; otherwise they count as distance 0
     */
    static int bucket(int distance, boolean bidirectional) {
        int buckets = bidirectional ? BUCKETS / 2 : BUCKETS;
        int first = bidirectional && distance > 0 ? buckets : 0;
        int n = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
        int exact = buckets / 2;
        if (n < exact) return first + n;
        double share = StrictMath.log((double) n / exact) / StrictMath.log((double) MAX_DISTANCE / exact);
        return first + Math.min(buckets - 1, exact + (int) (share * (buckets - exact)));
    }
}
