package dev.beamwright.tensor;

/** Thrown when the operands of an operation do not fit together. The message names the op, the rule and every shape. */
public final class ShapeMismatch extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private ShapeMismatch(String message) {
        super(message);
    }

    /** Throws unless {@code fits}; the rule is formatted only then. */
    public static void unless(boolean fits, String rule, Object... shapes) {
        if (!fits) throw new ShapeMismatch(rule.formatted(shapes));
    }
}
