package dev.beamwright.tornado;

import dev.beamwright.tornado.kernel.TensorCores;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * One thread's view of its block, for {@link TensorCoresTest}. Once this class is loaded, TornadoVM does not recognize the
 * methods of {@link KernelContext} in kernels any more; so it is loaded by that test alone, in a process of its own.
 */
final class EmulatedContext extends KernelContext {
    private final Block block;
    private final int thread;
    private int allocated;

    /** The views of all threads of one block. */
    static List<KernelContext> block(int groupX, int groupY) throws ReflectiveOperationException {
        var block = new Block();
        List<KernelContext> threads = new ArrayList<>();
        for (int t = 0; t < TensorCores.THREADS; t++) threads.add(new EmulatedContext(block, t, groupX, groupY));
        return threads;
    }

    private EmulatedContext(Block block, int thread, int groupX, int groupY) throws ReflectiveOperationException {
        this.block = block;
        this.thread = thread;
        set("localIdx", thread);
        set("groupIdx", groupX);
        set("groupIdy", groupY);
    }

    private void set(String name, int value) throws ReflectiveOperationException {
        var field = KernelContext.class.getField(name);
        field.setAccessible(true);
        field.set(this, value);
    }

    @Override
    public int[] allocateIntLocalArray(int size) {
        return block.local(allocated++, size);
    }

    @Override
    public void localBarrier() {
        block.await();
    }

    @Override
    public HalfFloat[] mmaLoadA(int[] tile, int depth, int byteOffset) {
        return block.fragment(tile, byteOffset);
    }

    @Override
    public HalfFloat[] mmaLoadB(int[] tile, int depth, int byteOffset) {
        return block.fragment(tile, byteOffset);
    }

    @Override
    public float[] mmaBF16(HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
        return multiply(a, b, c, true);
    }

    @Override
    public float[] mma(HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
        return multiply(a, b, c, false);
    }

    /** A lane has elements of the rows lane/4 and lane/4 + 8, of the columns 2 (lane mod 4) and the one beside it. */
    private float[] multiply(HalfFloat[] a, HalfFloat[] b, float[] c, boolean brain) {
        float[] d = c.clone();
        for (int i = 0; i < 4; i++) {
            int row = row(i), column = column(i);
            for (int k = 0; k < 16; k++) {
                d[i] += block.element(a, row * 16 + k, brain) * block.element(b, k * 8 + column, brain);
            }
        }
        return d;
    }

    @Override
    public void mmaStore(float[] d, FloatArray c, int tileRow, int tileColumn, int columns) {
        for (int i = 0; i < 4; i++) c.set((tileRow + row(i)) * columns + tileColumn + column(i), d[i]);
    }

    private int row(int i) {
        return thread % 32 / 4 + i / 2 * 8;
    }

    private int column(int i) {
        return thread % 4 * 2 + i % 2;
    }

    /** What the threads of a block share. */
    private static final class Block {
        private record Piece(int[] tile, int byteOffset) {}

        private final CyclicBarrier barrier = new CyclicBarrier(TensorCores.THREADS);
        private final List<int[]> arrays = new ArrayList<>();
        private final Map<HalfFloat[], Piece> fragments = new IdentityHashMap<>();

        synchronized int[] local(int number, int size) {
            while (arrays.size() <= number) arrays.add(new int[size]);
            return arrays.get(number);
        }

        synchronized HalfFloat[] fragment(int[] tile, int byteOffset) {
            var key = new HalfFloat[0];
            fragments.put(key, new Piece(tile, byteOffset));
            return key;
        }

        synchronized float element(HalfFloat[] fragment, int index, boolean brain) {
            Piece p = fragments.get(fragment);
            int two = p.tile[p.byteOffset / 4 + index / 2];
            short bits = (short) (index % 2 == 0 ? two : two >> 16);
            return brain ? BFloat16.bf16ToFloat(bits) : Float.float16ToFloat(bits);
        }

        void await() {
            try {
                barrier.await();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
