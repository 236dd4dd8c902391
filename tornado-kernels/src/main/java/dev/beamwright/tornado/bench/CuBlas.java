package dev.beamwright.tornado.bench;

import dev.beamwright.recsys.run.UserError;
import java.lang.reflect.Method;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.LibraryTask13;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * NVIDIA's library of matrix products, called by TornadoVM's library tasks: what our kernels are measured against. Its
 * classes come with the SDK for CUDA alone and are looked up by name.
 */
final class CuBlas {
    private static final String CLASS = "uk.ac.manchester.tornado.cublas.CuBlas";

    private CuBlas() {}

    /** A product of square matrices in single precision, to be run again and again; null where there is no cuBLAS. */
    static Runnable product(int side) {
        Method sgemm;
        try {
            sgemm = Arrays.stream(Class.forName(CLASS).getMethods())
                    .filter(m -> m.getName().equals("cublasSgemm"))
                    .findFirst()
                    .orElse(null);
        } catch (ClassNotFoundException e) {
            return null;
        }
        if (sgemm == null) return null;
        LibraryTask13<Integer, Integer, Integer, Integer, Integer, Float, FloatArray, Integer, FloatArray, Integer,
                Float,
                FloatArray, Integer> function =
                        (ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) -> describe(
                                sgemm, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        var a = new FloatArray(side * side);
        var b = new FloatArray(side * side);
        var c = new FloatArray(side * side);
        a.init(0.5f);
        b.init(0.25f);
        var graph = new TaskGraph("library");
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, a, b, c);
        graph.libraryTask("product", function, 0, 0, side, side, side, 1f, a, side, b, side, 0f, c, side);
        graph.transferToHost(DataTransferMode.UNDER_DEMAND, c);
        var plan = new TornadoExecutionPlan(graph.snapshot());
        return plan::execute;
    }

    private static LibraryTaskDescriptor describe(Method method, Object... arguments) {
        try {
            return (LibraryTaskDescriptor) method.invoke(null, arguments);
        } catch (ReflectiveOperationException e) {
            throw new UserError("bench device: cuBLAS cannot be called: " + e, e);
        }
    }
}
