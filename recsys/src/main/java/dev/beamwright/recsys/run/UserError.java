package dev.beamwright.recsys.run;

/**
 * Something that the user can mend: a file that is not there, a line that cannot be read, an option that does not fit.
 * The command line prints the message as one line, without a stack trace, and ends with exit code 2. A good message
 * names the file, the line, the offending text and the mend.
 */
public final class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UserError(String message) {
        super(message);
    }

    public UserError(String message, Throwable cause) {
        super(message, cause);
    }
}
