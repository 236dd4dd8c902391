package dev.beamwright.tensor.cpu;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BackendProvider;

/** Offers {@link VectorBackend}. */
public final class VectorBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "vector";
    }

    @Override
    public int priority() {
        return 10;
    }

    @Override
    public boolean isAvailable() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    @Override
    public String status() {
        return isAvailable()
                ? "Vector API"
                : "the Vector API is off: start Java with --add-modules jdk.incubator.vector";
    }

    @Override
    public Backend open() {
        return new VectorBackend();
    }
}
