package dev.beamwright.recsys.run;

/**
 * Work has ended early because the user asked for it (see {@link Progress#interruptible()}), between two steps, with all
 * that was done saved: the same command resumes it.
 */
public final class Stopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message where it stands, such as "train stopped after step 40 of 300" */
    public Stopped(String message) {
        super(message, null, false, false);
    }
}
