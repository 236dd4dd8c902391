package dev.beamwright.benchmarks;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What one row of the comparison came to; one line of {@code cpu.jsonl}.
 *
 * @param date when it was measured, ISO 8601
 * @param load how many threads of other programs were running when the row began, as the system's load average tells
 * @param rounds in each of which everybody was measured once, in turn
 * @param group of rows, as {@code --only} takes it
 * @param unit of the measurements: {@code s}, or {@code B} for memory
 * @param amount of work in one run; 0 where there is no rate
 * @param rate what is made of it in a second, such as {@code FLOP/s}; or empty
 * @param goals what should be reached
 * @param notes who was missing, and why
 */
record Result(
        String date,
        Host host,
        double load,
        boolean quick,
        int rounds,
        String group,
        String row,
        String unit,
        double amount,
        String rate,
        List<Entry> entries,
        List<Goal> goals,
        List<String> notes) {
    /** The name under which our own measurements stand. */
    static final String OURS = "Beamwright";
    /** The name under which the time stands that the work would take at the machine's measured peak. */
    static final String PEAK = "FP32 peak";

    /**
     * Everything measured of one form of one program.
     *
     * @param who the program
     * @param form of it, such as {@code sdpa}; may be empty. For ours the backend
     * @param threads it may use
     * @param samples one for each round
     */
    record Entry(
            String who,
            String form,
            int threads,
            double median,
            double lowerQuartile,
            double upperQuartile,
            double[] samples) {
        static Entry of(String who, String form, int threads, double[] samples) {
            return new Entry(
                    who,
                    form,
                    threads,
                    Stats.median(samples),
                    Stats.quantile(samples, 0.25),
                    Stats.quantile(samples, 0.75),
                    samples);
        }
    }

    /**
     * Something to be reached.
     *
     * @param against a program: then {@code value} is how many times as fast (or as small) we should be as its best
     *     form, at least; {@link #PEAK}: the share of it, at least; empty: what may be measured at most
     */
    record Goal(String against, double value) {}

    /** Our measurement that counts: the vector backend with all threads. */
    Optional<Entry> ours() {
        return entries.stream().filter(e -> e.who.equals(OURS)).findFirst();
    }

    /** Ours of that backend and number of threads. */
    Optional<Entry> ours(String backend, int threads) {
        return entries.stream()
                .filter(e -> e.who.equals(OURS) && e.form.equals(backend) && e.threads == threads)
                .findFirst();
    }

    /** The best form of a program. */
    Optional<Entry> best(String who) {
        return entries.stream().filter(e -> e.who.equals(who)).min(Comparator.comparingDouble(Entry::median));
    }

    /** Whether a peak was measured that nobody surpassed: otherwise the machine was busy with something else. */
    boolean hasPeak() {
        return best(PEAK).filter(p -> entries.stream().allMatch(e -> e.median >= p.median)).isPresent();
    }

    /**
     * How many times as fast, or as small, as the best form of a program ours is, by the medians; nothing for a peak
     * that somebody surpassed.
     */
    Optional<Double> ratio(String who) {
        if (who.equals(PEAK) && !hasPeak()) return Optional.empty();
        return ours().flatMap(o -> best(who).map(b -> b.median / o.median));
    }

    /** What was reached of a goal, as the goal counts. */
    Optional<Double> reached(Goal goal) {
        return goal.against.isEmpty() ? ours().map(Entry::median) : ratio(goal.against);
    }

    /** Whether a goal was reached; empty if that was not measured. */
    Optional<Boolean> met(Goal goal) {
        return reached(goal).map(r -> goal.against.isEmpty() ? r <= goal.value : r >= goal.value);
    }
}
