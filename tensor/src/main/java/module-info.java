/** Shapes, storage, and the kernels that compute on them. */
module dev.beamwright.tensor {
    requires static jdk.incubator.vector; // optional at run time: ScalarBackend stands in

    exports dev.beamwright.tensor;
    exports dev.beamwright.tensor.io;

    uses dev.beamwright.tensor.BackendProvider;

    provides dev.beamwright.tensor.BackendProvider with
            dev.beamwright.tensor.cpu.ScalarBackendProvider,
            dev.beamwright.tensor.cpu.VectorBackendProvider;
}
