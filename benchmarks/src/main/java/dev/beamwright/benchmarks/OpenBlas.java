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
import java.util.Optional;

/** The system's OpenBLAS, called in this process; it knows {@code gemm FORM M K N}. */
@SuppressWarnings("restricted")
final class OpenBlas implements Peer {
    private static final List<String> NAMES = List.of(
            "libopenblas.so.0",
            "libopenblas.so",
            "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
            "/usr/local/opt/openblas/lib/libopenblas.dylib",
            "libopenblas.dll");
    /** What tells OpenBLAS the processor, and the name of the first with AVX-512. */
    static final String CORE = "OPENBLAS_CORETYPE", AVX_512 = "SKYLAKEX";

    private static final int ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112;

    private final Arena library = Arena.ofShared();
    private final MethodHandle sgemm;
    private final String version;
    private Arena operands = Arena.ofShared();
    private String ready = "";
    private Runnable gemm;

    private OpenBlas(int threads) throws Missing {
        Linker linker = Linker.nativeLinker();
        knowAvx512(linker);
        SymbolLookup symbols = NAMES.stream()
                .flatMap(n -> find(n).stream())
                .findFirst()
                .orElseThrow(() -> new Missing("there is no libopenblas"));
        sgemm = linker.downcallHandle(
                symbols.findOrThrow("cblas_sgemm"),
                FunctionDescriptor.ofVoid(
                        JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT,
                        ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT));
        try {
            linker.downcallHandle(symbols.findOrThrow("openblas_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT))
                    .invokeExact(threads);
            String config = text(linker, symbols, "openblas_get_config");
            version = config.replaceAll("^OpenBLAS (\\S+).*", "$1") + ", kernels for "
                    + text(linker, symbols, "openblas_get_corename") + ", " + threads + " threads";
        } catch (Throwable e) {
            throw new Missing(e.toString());
        }
    }

    private static String text(Linker linker, SymbolLookup symbols, String function) throws Throwable {
        var text = (MemorySegment) linker
                .downcallHandle(symbols.findOrThrow(function), FunctionDescriptor.of(ADDRESS))
                .invokeExact();
        return text.reinterpret(1000).getString(0).strip();
    }

    /** Whether there is AVX-512 and the user has told nothing. */
    static boolean mustBeTold() {
        return System.getenv(CORE) == null && Host.here().cpu().contains("AVX-512");
    }

    /**
     * A processor that is newer than the library is taken for one of 2004, with a tenth of the speed. So where there is
     * AVX-512 the library is told to use it, before it is loaded, unless the user has told it something.
     */
    private static void knowAvx512(Linker linker) throws Missing {
        if (!mustBeTold()) return;
        MethodHandle setenv = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("setenv"),
                FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int failed = (int) setenv.invokeExact(arena.allocateFrom(CORE), arena.allocateFrom(AVX_512), 0);
            if (failed != 0) throw new Missing("it cannot be told the processor");
        } catch (Missing e) {
            throw e;
        } catch (Throwable e) {
            throw new Missing(e.toString());
        }
    }

    /** The library, told to use so many threads. */
    static OpenBlas open(int threads) throws Missing {
        return new OpenBlas(threads);
    }

    private Optional<SymbolLookup> find(String name) {
        try {
            return Optional.of(SymbolLookup.libraryLookup(name, library));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
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
