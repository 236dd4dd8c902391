package dev.beamwright.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** The system's OpenBLAS, called in this process; it knows {@code gemm FORM M K N}. */
final class OpenBlas implements Peer {
    private static final List<String> NAMES = List.of(
            "libopenblas.so.0",
            "libopenblas.so",
            "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
            "/usr/local/opt/openblas/lib/libopenblas.dylib",
            "libopenblas.dll");
    private static final int ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112;

    private final Arena library = Arena.ofShared();
    private final MethodHandle sgemm;
    private final String version;
    private Arena operands = Arena.ofShared();
    private String ready = "";
    private Runnable gemm;

    private OpenBlas(int threads) throws Missing {
        SymbolLookup symbols = NAMES.stream()
                .flatMap(n -> find(n).stream())
                .findFirst()
                .orElseThrow(() -> new Missing("there is no libopenblas"));
        Linker linker = Linker.nativeLinker();
        sgemm = linker.downcallHandle(
                symbols.findOrThrow("cblas_sgemm"),
                FunctionDescriptor.ofVoid(
                        JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT,
                        ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT));
        try {
            linker.downcallHandle(symbols.findOrThrow("openblas_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT))
                    .invokeExact(threads);
            var config = (MemorySegment) linker
                    .downcallHandle(symbols.findOrThrow("openblas_get_config"), FunctionDescriptor.of(ADDRESS))
                    .invokeExact();
            version = config.reinterpret(1000).getString(0).strip() + ", " + threads + " threads";
        } catch (Throwable e) {
            throw new Missing(e.toString());
        }
    }

    /** The library, told to use so many threads. */
    static OpenBlas open(int threads) throws Missing {
        return new OpenBlas(threads);
    }

    private java.util.Optional<SymbolLookup> find(String name) {
        try {
            return java.util.Optional.of(SymbolLookup.libraryLookup(name, library));
        } catch (IllegalArgumentException e) {
            return java.util.Optional.empty();
        }
    }

    @Override
    public String version() {
        return version;
    }

    @Override
    public double seconds(String command, int times) throws Missing {
        if (!ready.equals(command)) {
            forget();
            gemm = prepare(command.split(" "));
            ready = command;
            gemm.run();
        }
        return Timing.seconds(gemm, times);
    }

    private Runnable prepare(String[] words) throws Missing {
        if (!words[0].equals("gemm")) throw new Missing("does nothing but matrix products");
        boolean ta = words[1].charAt(0) == 'T', tb = words[1].charAt(1) == 'T';
        int m = Integer.parseInt(words[2]), k = Integer.parseInt(words[3]), n = Integer.parseInt(words[4]);
        MemorySegment a = random((long) m * k, 1), b = random((long) k * n, 2), c = random((long) m * n, 3);
        return () -> {
            try {
                sgemm.invokeExact(ROW_MAJOR, ta ? TRANSPOSED : AS_IT_IS, tb ? TRANSPOSED : AS_IT_IS, m, n, k, 1f, a,
                        ta ? m : k, b, tb ? k : n, 0f, c, n);
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        };
    }

    private MemorySegment random(long n, int number) {
        MemorySegment s = operands.allocate(4 * n, 64);
        Key key = Key.of(number);
        for (long i = 0; i < n; i++) s.setAtIndex(JAVA_FLOAT, i, (float) key.uniform(i) - 0.5f);
        return s;
    }

    @Override
    public void forget() {
        ready = "";
        operands.close();
        operands = Arena.ofShared();
    }

    @Override
    public void close() {
        operands.close();
        library.close();
    }
}
