package dev.beamwright.tornado;

/** The device, the SDK or a kernel failed; the message is one line that names which, and where known the mend. */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    DeviceException(String message) {
        super(message);
    }
}
