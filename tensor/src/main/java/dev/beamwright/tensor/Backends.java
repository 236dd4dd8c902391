package dev.beamwright.tensor;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the backends on the class path. */
public final class Backends {
    private Backends() {}

    /** All that are installed, whether they can run here or not, fastest first. */
    public static List<BackendProvider> installed() {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed())
                .toList();
    }

    /** All that can run here, fastest first. */
    public static List<BackendProvider> available() {
        return installed().stream().filter(BackendProvider::isAvailable).toList();
    }

    /** The fastest one that can run here. */
    public static Backend best() {
        return available().getFirst().open();
    }

    /** The one whose provider has that name. Throws {@link IllegalArgumentException} with what is missing where it cannot run. */
    public static Backend named(String name) {
        for (BackendProvider p : installed()) {
            if (p.name().equals(name)) {
                if (!p.isAvailable()) throw new IllegalArgumentException("backend " + name + ": " + p.status());
                return p.open();
            }
        }
        throw new IllegalArgumentException("no backend '" + name + "' here, only "
                + installed().stream().map(BackendProvider::name).toList());
    }
}
