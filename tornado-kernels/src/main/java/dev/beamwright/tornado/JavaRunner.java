package dev.beamwright.tornado;

import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.SegmentAllocator;

/** Runs the kernels as the plain Java methods that they are, without any device: for tests. */
final class JavaRunner implements Runner {
    @Override
    public void run(Call call) {
        Object[] arguments = call.arguments().clone();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] instanceof Tensor t) arguments[i] = NativeArrays.wrap(t.storage(), t.dtype());
        }
        call.kernel().call(arguments);
    }

    @Override
    public boolean fits(Kernel kernel) {
        return false;
    }

    @Override
    public SegmentAllocator scratch() {
        return Arena.ofAuto();
    }

    @Override
    public boolean records() {
        return false;
    }

    @Override
    public boolean noting() {
        return false;
    }

    @Override
    public void captured(Runnable body) {
        body.run();
    }

    @Override
    public void written(Tensor t) {}

    @Override
    public void read(Tensor t, Runnable then) {
        then.run();
    }
}
