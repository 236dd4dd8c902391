/** Layers and networks over the differentiable operations. */
module dev.beamwright.transformer {
    requires transitive dev.beamwright.autograd;
    requires tools.jackson.databind;

    exports dev.beamwright.transformer;
}
