package dev.beamwright.tornado;

import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;

/** What becomes of kernel calls. */
interface Runner {
    /** Runs a call, or notes it. */
    void run(Call call);

    /**
     * Whether this form of a kernel, which works in blocks, is the one to run: blocks are wanted, and the device has the
     * local memory and the threads that they need.
     */
    boolean fits(Kernel kernel);

    /** Memory for what a backend's method needs between its calls. */
    SegmentAllocator scratch();

    /** Whether {@link #captured} notes calls. */
    boolean records();

    /** Whether the present thread is within a captured body, so that calls are noted. */
    boolean noting();

    /** Runs a body, as a whole where calls are noted. */
    void captured(Runnable body);

    /** Tasks and graphs of the captured body that ran last; none where nothing is captured. */
    default int[] lastProgram() {
        return new int[2];
    }

    /** See {@link dev.beamwright.tensor.Backend#written}. */
    void written(Tensor t);

    /** See {@link dev.beamwright.tensor.Backend#read}. */
    void read(Tensor t, Runnable then);
}
