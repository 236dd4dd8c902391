package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.keep;

import dev.beamwright.tensor.Tensor;

/** Kernels on the Vector API; what it does not override runs as in {@link ScalarBackend}. */
final class VectorBackend extends ScalarBackend {
    @Override
    public String name() {
        return "vector";
    }

    // ---- matrix products

    @Override
    public void matmul(Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, boolean accumulate) {
        int m = c.shape().rows(), n = c.shape().dim(-1);
        int lda = a.shape().dim(-1), ldb = b.shape().dim(-1);
        int k = transposeA ? a.shape().rows() : lda;
        Gemm.multiply(address(c), m, n, k, address(a), lda, transposeA, address(b), ldb, transposeB, accumulate);
        keep(c, a, b);
    }
}
