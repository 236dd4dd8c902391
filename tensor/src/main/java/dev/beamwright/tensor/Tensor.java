package dev.beamwright.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** A shape over a whole storage: row-major, contiguous, no strides and no offset. */
public record Tensor(Shape shape, DType dtype, Storage storage) {
    public Tensor {
        if (storage.data().byteSize() != shape.size() * dtype.bytes()) {
            throw new IllegalArgumentException(
                    shape + " of " + dtype + " does not fill " + storage.data().byteSize() + " bytes");
        }
    }

    /** A tensor of zeros, single precision. */
    public static Tensor zeros(SegmentAllocator memory, Shape shape) {
        return zeros(memory, shape, DType.F32);
    }

    /** A tensor of zeros. */
    public static Tensor zeros(SegmentAllocator memory, Shape shape, DType dtype) {
        var t = uninitialized(memory, shape, dtype);
        t.data().fill((byte) 0);
        return t;
    }

    /** A tensor that holds whatever the memory held; for outputs that a kernel overwrites. */
    public static Tensor uninitialized(SegmentAllocator memory, Shape shape, DType dtype) {
        return new Tensor(shape, dtype, Storage.allocate(memory, shape.size() * dtype.bytes()));
    }

    /** A single-precision tensor with these values, in row-major order. */
    public static Tensor of(SegmentAllocator memory, Shape shape, float... values) {
        var t = zeros(memory, shape);
        t.copyFrom(values);
        return t;
    }

    /** A tensor of integers with these values, in row-major order. */
    public static Tensor of(SegmentAllocator memory, Shape shape, int... values) {
        var t = zeros(memory, shape, DType.I32);
        t.copyFrom(values);
        return t;
    }

    /** The elements, without the header. */
    public MemorySegment data() {
        return storage.data();
    }

    /** The same elements under another shape of the same size. */
    public Tensor reshape(int... dims) {
        return new Tensor(Shape.of(dims), dtype, storage);
    }

    /** One element of a single-precision tensor, by its row-major index. */
    public float get(long i) {
        return data().getAtIndex(JAVA_FLOAT, i);
    }

    /** Sets one element of a single-precision tensor. */
    public void set(long i, float value) {
        data().setAtIndex(JAVA_FLOAT, i, value);
    }

    /** One element of an integer tensor. */
    public int getInt(long i) {
        return data().getAtIndex(JAVA_INT, i);
    }

    /** Sets one element of an integer tensor. */
    public void setInt(long i, int value) {
        data().setAtIndex(JAVA_INT, i, value);
    }

    /** Overwrites the first {@code values.length} elements. */
    public void copyFrom(float... values) {
        MemorySegment.copy(values, 0, data(), JAVA_FLOAT, 0, values.length);
    }

    /** Overwrites the first {@code values.length} elements. */
    public void copyFrom(int... values) {
        MemorySegment.copy(values, 0, data(), JAVA_INT, 0, values.length);
    }

    /** A copy of a single-precision tensor's elements. */
    public float[] toArray() {
        return data().toArray(JAVA_FLOAT);
    }

    /** A copy of an integer tensor's elements. */
    public int[] toIntArray() {
        return data().toArray(JAVA_INT);
    }

    @Override
    public String toString() {
        return dtype + shape.toString();
    }
}
