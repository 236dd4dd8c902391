package dev.beamwright.benchmarks;

import java.util.List;

/**
 * A row of the comparison: one piece of work that several can do.
 *
 * @param group of rows, as {@code --only} takes it
 * @param name unique within the group
 * @param unit of what is measured: {@code s}, or {@code B} for memory
 * @param amount of work in one run; 0 where there is no rate
 * @param rate what is made of it in a second, such as {@code FLOP/s}; or empty
 * @param mostRounds in which it is measured, for work that takes long
 * @param warm whether it is warmed up before; otherwise it is measured as a user meets it
 * @param who makes operands, and lists who is measured
 * @param goals what should be reached
 */
record Row(
        String group,
        String name,
        String unit,
        double amount,
        String rate,
        int mostRounds,
        boolean warm,
        Who who,
        List<Result.Goal> goals) {
    /** Lists who is measured. */
    @FunctionalInterface
    interface Who {
        List<Contestant> list(Lab lab);
    }

    /**
     * One who is measured.
     *
     * @param who the program
     * @param form of it; may be empty
     * @param threads it may use
     */
    record Contestant(String who, String form, int threads, Meter meter) {
        @Override
        public String toString() {
            return who + " (" + (form.isEmpty() ? "" : form + ", ") + threads
                    + (threads == 1 ? " thread)" : " threads)");
        }
    }

    /** Measures once. */
    @FunctionalInterface
    interface Meter {
        /** The measurement, a mean over so many runs. */
        double measure(int times) throws Peer.Missing;
    }

    /** A row of times. */
    static Row of(String group, String name, double amount, String rate, Who who, Result.Goal... goals) {
        return new Row(group, name, "s", amount, rate, Integer.MAX_VALUE, true, who, List.of(goals));
    }

    /** The same, measured in so many rounds at the most. */
    Row inRounds(int most) {
        return new Row(group, name, unit, amount, rate, most, warm, who, goals);
    }

    /** The same, not warmed up. */
    Row cold() {
        return new Row(group, name, unit, amount, rate, mostRounds, false, who, goals);
    }
}
