/** Reverse-mode differentiation and optimizers over the tensor kernels. */
module dev.beamwright.autograd {
    requires transitive dev.beamwright.tensor;

    exports dev.beamwright.autograd;
    exports dev.beamwright.autograd.optim;
    exports dev.beamwright.autograd.check;
}
