package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Makes a task graph own arrays: TornadoVM puts only those on the device that are arguments of a task. These kernels
 * count how often they ran, and do nothing with the other arrays.
 */
public final class Hold {
    private Hold() {}

    /** How many arrays one task holds. */
    public static final int MOST = 16;

    /** Holds 16 arrays. */
    public static void floats(
            FloatArray link,
            FloatArray a0,
            FloatArray a1,
            FloatArray a2,
            FloatArray a3,
            FloatArray a4,
            FloatArray a5,
            FloatArray a6,
            FloatArray a7,
            FloatArray a8,
            FloatArray a9,
            FloatArray a10,
            FloatArray a11,
            FloatArray a12,
            FloatArray a13,
            FloatArray a14,
            FloatArray a15) {
        for (@Parallel
        int i = 0; i < 1; i++) link.set(i, link.get(i) + 1f);
    }

    /** Holds 16 arrays. */
    public static void ints(
            FloatArray link,
            IntArray a0,
            IntArray a1,
            IntArray a2,
            IntArray a3,
            IntArray a4,
            IntArray a5,
            IntArray a6,
            IntArray a7,
            IntArray a8,
            IntArray a9,
            IntArray a10,
            IntArray a11,
            IntArray a12,
            IntArray a13,
            IntArray a14,
            IntArray a15) {
        for (@Parallel
        int i = 0; i < 1; i++) link.set(i, link.get(i) + 1f);
    }
}
