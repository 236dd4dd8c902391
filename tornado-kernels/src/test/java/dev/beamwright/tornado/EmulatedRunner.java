package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.tensor.Tensor;
import uk.ac.manchester.tornado.api.KernelContext;

/** Runs kernels as Java, those that work in blocks with threads for each block; see {@link EmulatedContext}. */
final class EmulatedRunner extends JavaRunner {
    @Override
    public boolean fits(Kernel kernel) {
        return true;
    }

    @Override
    public void run(Call call) {
        if (call.grid() == null) {
            super.run(call);
            return;
        }
        Kernel kernel = call.kernel();
        long[] all = call.grid().getGlobalWork(), block = call.grid().getLocalWork();
        int x = (int) block[0], y = (int) block[1];
        assertThat(x * y).as("threads of a block of " + kernel.name()).isEqualTo(kernel.threads());
        Object[] arguments = call.arguments().clone();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] instanceof Tensor t) arguments[i] = NativeArrays.wrap(t.storage(), t.dtype());
        }
        for (int groupY = 0; groupY < all[1] / y; groupY++) {
            for (int groupX = 0; groupX < all[0] / x; groupX++) {
                int bytes = EmulatedContext.run(x, y, groupX, groupY, context -> call(kernel, arguments, context));
                assertThat(bytes).as("local memory of " + kernel.name()).isEqualTo(kernel.localBytes());
            }
        }
    }

    private static void call(Kernel kernel, Object[] arguments, KernelContext context) {
        Object[] own = arguments.clone();
        own[0] = context;
        kernel.call(own);
    }
}
