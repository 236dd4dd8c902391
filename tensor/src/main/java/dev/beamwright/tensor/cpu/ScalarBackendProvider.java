package dev.beamwright.tensor.cpu;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BackendProvider;

/** Offers {@link ScalarBackend}. */
public final class ScalarBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public boolean isAvailable() {
        return true;
    }

    @Override
    public String status() {
        return "plain Java loops";
    }

    @Override
    public Backend open() {
        return new ScalarBackend();
    }
}
