package dev.beamwright.tensor.cpu;

/** Kernels on the Vector API; what it does not override runs as in {@link ScalarBackend}. */
final class VectorBackend extends ScalarBackend {
    @Override
    public String name() {
        return "vector";
    }
}
