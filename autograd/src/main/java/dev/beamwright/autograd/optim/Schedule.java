package dev.beamwright.autograd.optim;

/** The learning rate of each step, as a factor of the highest one. */
@FunctionalInterface
public interface Schedule {
    /** The factor of a step, counted from 0, in [0, 1]. */
    double factor(long step);

    /** Always 1, after a linear warm-up. */
    static Schedule constant(long warmup) {
        return step -> ramp(step, warmup);
    }

    /** A linear warm-up, then half a cosine down to {@code floor} at {@code total} (Loshchilov and Hutter, 2017). */
    static Schedule cosine(long warmup, long total, double floor) {
        return step -> {
            if (step < warmup) return ramp(step, warmup);
            double part = Math.min(1, (double) (step - warmup) / Math.max(1, total - warmup));
            return floor + (1 - floor) * 0.5 * (1 + StrictMath.cos(Math.PI * part));
        };
    }

    private static double ramp(long step, long warmup) {
        return warmup <= 0 ? 1 : Math.min(1, (step + 1.0) / warmup);
    }
}
