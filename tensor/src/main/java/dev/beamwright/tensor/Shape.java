package dev.beamwright.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The lengths of a tensor's dimensions, slowest first, such as (batch, time, channel). */
public final class Shape {
    private final int[] dims;

    private Shape(int[] dims) {
        this.dims = dims;
    }

    /** A shape; every length must be positive. */
    public static Shape of(int... dims) {
        for (int d : dims) {
            if (d <= 0)
                throw new IllegalArgumentException("every dimension must be positive, got " + Arrays.toString(dims));
        }
        return new Shape(dims.clone());
    }

    /** How many dimensions there are. */
    public int rank() {
        return dims.length;
    }

    /** The length of one dimension; a negative axis counts from the end. */
    public int dim(int axis) {
        return dims[axis < 0 ? dims.length + axis : axis];
    }

    /** How many vectors of length {@code dim(-1)} the tensor holds. */
    public int rows() {
        return Math.toIntExact(size() / dim(-1));
    }

    /** How many elements the tensor holds. */
    public long size() {
        long n = 1;
        for (int d : dims) n = Math.multiplyExact(n, (long) d);
        return n;
    }

    /** This shape with another last dimension. */
    public Shape withLast(int last) {
        int[] d = dims.clone();
        d[d.length - 1] = last;
        return of(d);
    }

    /** The lengths as an array of the caller's own. */
    public int[] toArray() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    @Override
    public String toString() {
        return Arrays.stream(dims).mapToObj(Integer::toString).collect(Collectors.joining(", ", "(", ")"));
    }
}
