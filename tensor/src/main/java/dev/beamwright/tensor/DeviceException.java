package dev.beamwright.tensor;

/** A device or one of its kernels failed. The message is one line that names which, and where known the mend. */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    public DeviceException(String message) {
        super(message);
    }
}
