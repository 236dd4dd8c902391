package dev.beamwright.tensor;

/** Names a backend without loading it, so that an absent module or device is not an error. */
public interface BackendProvider {
    /** The name by which {@code --device} asks for it. */
    String name();

    /** Higher is faster; a negative one is never chosen unless asked for by name. */
    int priority();

    /** Whether it can run here. Must not throw, and must not touch the optional classes. */
    boolean isAvailable();

    /** What is missing and how to get it, for a backend that is not available; otherwise what it runs on. */
    String status();

    /** Opens it. */
    Backend open();
}
