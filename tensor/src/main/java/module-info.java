/** Shapes, storage, and the kernels that compute on them. */
module dev.beamwright.tensor {
    requires static jdk.incubator.vector; // optional at run time: ScalarBackend stands in

    exports dev.beamwright.tensor;
    exports dev.beamwright.tensor.io;
    exports dev.beamwright.tensor.spi;

    uses dev.beamwright.tensor.spi.BackendProvider;

    provides dev.beamwright.tensor.spi.BackendProvider with
            dev.beamwright.tensor.cpu.ScalarBackendProvider,
            dev.beamwright.tensor.cpu.VectorBackendProvider;
}
