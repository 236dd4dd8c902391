package dev.beamwright.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.benchmarks.Result.Entry;
import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.recsys.run.Json;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultTest {
    private static final Host HOST = new Host("abc", "some CPU", 2, "Linux", "25", List.of());

    private static Result result(String row, List<Entry> entries, Goal... goals) {
        return new Result(
                "2026-01-01T00:00:00Z", HOST, 0, false, 3, "gemm", row, "s", 1e9, "FLOP/s", entries, List.of(goals),
                List.of("without X: it is not there"));
    }

    private static Entry entry(String who, String form, int threads, double... samples) {
        return Entry.of(who, form, threads, samples);
    }

    private final Result result = result(
            "NN 256x256x256",
            List.of(
                    entry(Result.OURS, "vector", 2, .011, .010, .012),
                    entry(Result.OURS, "vector", 1, .020),
                    entry("P", "slow", 2, .040),
                    entry("P", "fast", 2, .021, .022, .023),
                    entry(Result.PEAK, "", 2, .0055)),
            new Goal("P", 2.5),
            new Goal(Result.PEAK, 0.4),
            new Goal("", 0.02),
            new Goal("Q", 1));

    @Test
    void ratiosAreThoseOfMediansToTheBestForm() {
        assertThat(result.ratio("P")).hasValueSatisfying(r -> assertThat(r).isEqualTo(.022 / .011));
        assertThat(result.ratio("Q")).isEmpty();
    }

    @Test
    void goalsAreRatiosOrSharesOrLimits() {
        assertThat(result.goals().stream().map(result::met).map(m -> m.map(Object::toString).orElse("unknown")))
                .containsExactly("false", "true", "true", "unknown");
    }

    @Test
    void theTableShowsMediansAndRatiosAndTheProgressGoals() {
        String table = new Table(List.of(result)).markdown();
        assertThat(table)
                .contains(
                        "| NN 256x256x256 | 11.0 ms (10.5 to 11.5) | 90.9 GFLOP/s | 50 % | 20.0 ms | 2.00 x (22.0 ms, fast) |")
                .contains("- without X: it is not there")
                .doesNotContain("goal", "reached");
        assertThat(Table.summary(result))
                .contains("2.5 x P: not reached", "40 % of the peak: reached", "at most 20.0 ms: reached")
                .contains("1.0 x Q: not measured");
    }

    /** Then something else kept the machine busy while the peak was measured. */
    @Test
    void aPeakThatSomebodySurpassedIsNone() {
        Goal goal = new Goal(Result.PEAK, 0.4);
        for (double faster : new double[] {.009, .0101}) {
            Result busy = result(
                    "NN 256x256x256",
                    List.of(entry(Result.OURS, "vector", 2, .011), entry("P", "", 2, faster),
                            entry(Result.PEAK, "", 2, .010)),
                    goal);
            assertThat(busy.hasPeak()).isEqualTo(faster > .010);
            assertThat(busy.met(goal).isPresent()).isEqualTo(faster > .010);
            assertThat(new Table(List.of(busy)).squares().contains("peak")).isEqualTo(faster > .010);
        }
    }

    @Test
    void thePlotsHaveABarForEachRatioAndALineForEachProgram() {
        Table table = new Table(List.of(result));
        assertThat(table.ratios()).contains("gemm: NN 256x256x256 / P", ">2.00 x<").doesNotContain("/ Q");
        assertThat(table.squares()).contains(">P, slow, 2 threads<", ">Beamwright, vector, 1 thread<");
    }

    @Test
    void aLineOfResultsComesBackAsItWas() {
        Result back = Json.mapper().readValue(Json.line(result), Result.class);
        assertThat(back).usingRecursiveComparison().isEqualTo(result);
    }
}
