package dev.beamwright.tensor;

/** How one element is stored. Arithmetic is always done in {@link #F32}. */
public enum DType {
    /** IEEE single precision. */
    F32(4),
    /** The upper half of a single: 8 bits of exponent, 7 of fraction. */
    BF16(2),
    /** A signed 32-bit integer: codes, row numbers, offsets, keys. */
    I32(4);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }
}
