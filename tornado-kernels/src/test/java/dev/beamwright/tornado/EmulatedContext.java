package dev.beamwright.tornado;

import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * One thread's view of its block: the threads of a block are threads of Java, and what the instructions do is done in
 * loops. Local memory begins with NaN, so that whoever reads what nobody wrote gets no number. Once this class is loaded,
 * TornadoVM does not recognize the methods of {@link KernelContext} in kernels any more; so it is loaded by tests that
 * have a process of their own.
 */
final class EmulatedContext extends KernelContext {
    private final Block block;
    private final int thread;
    private int allocated;

    /** What a thread does, once for each. */
    interface Body {
        void run(KernelContext context);
    }

    /** Runs the threads of one block to their end; says how many bytes of local memory they share. */
    static int run(int threadsX, int threadsY, int groupX, int groupY, Body body) {
        var block = new Block(threadsX * threadsY);
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < threadsX * threadsY; t++) {
            var context = new EmulatedContext(block, t);
            context.set("localIdx", t % threadsX);
            context.set("localIdy", t / threadsX);
            context.set("groupIdx", groupX);
            context.set("groupIdy", groupY);
            threads.add(Thread.ofVirtual().start(() -> {
                try {
                    body.run(context);
                } catch (Throwable e) {
                    block.failed(e);
                }
            }));
        }
        try {
            for (Thread t : threads) t.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        if (block.failure != null) throw new AssertionError("block " + groupX + ", " + groupY, block.failure);
        return block.localBytes();
    }

    private EmulatedContext(Block block, int thread) {
        this.block = block;
        this.thread = thread;
    }

    private void set(String name, int value) {
        try {
            var field = KernelContext.class.getField(name);
            field.setAccessible(true);
            field.set(this, value);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public int[] allocateIntLocalArray(int size) {
        return (int[]) block.local(allocated++, () -> {
            int[] array = new int[size];
            Arrays.fill(array, Integer.MIN_VALUE);
            return array;
        });
    }

    @Override
    public float[] allocateFloatLocalArray(int size) {
        return (float[]) block.local(allocated++, () -> {
            float[] array = new float[size];
            Arrays.fill(array, Float.NaN);
            return array;
        });
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

        private final CyclicBarrier barrier;
        private final List<Object> arrays = new ArrayList<>();
        private final Map<HalfFloat[], Piece> fragments = new IdentityHashMap<>();
        private Throwable failure;

        Block(int threads) {
            barrier = new CyclicBarrier(threads);
        }

        synchronized void failed(Throwable e) {
            if (failure == null) failure = e;
            barrier.reset(); // the others need not wait
        }

        synchronized Object local(int number, Supplier<Object> array) {
            while (arrays.size() <= number) arrays.add(array.get());
            return arrays.get(number);
        }

        int localBytes() {
            return 4 * arrays.stream().mapToInt(Array::getLength).sum();
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
                barrier.await(5, TimeUnit.MINUTES); // a thread that went by another way never comes
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
