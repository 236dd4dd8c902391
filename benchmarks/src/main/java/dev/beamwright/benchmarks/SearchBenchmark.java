package dev.beamwright.benchmarks;

import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Parallel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The ten best of 12,101 items for each user, by every kind of search with an untrained decoder of the default sizes:
 *
 * <pre>
 * java -jar benchmarks/target/benchmarks.jar SearchBenchmark -p search=beam,best-first -p users=1
 * </pre>
 *
 * <p>An untrained network gives near the same probability to all codes, and a search has all the more to look at. The
 * temperature makes it as sure as a trained one.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class SearchBenchmark {
    /** Kind of search. */
    @Param({"beam", "adaptive", "best-first", "exact"})
    public String search;

    /** Users that are searched for at once. */
    @Param({"1", "32"})
    public int users;

    /** Beam size; of an adaptive beam, the largest. */
    @Param("50")
    public int beam;

    /** Prefixes of a user that a round of a best-first search goes on from. */
    @Param("8")
    public int together;

    /** By which logits are divided. */
    @Param("0.2")
    public float temperature;

    /** How many threads it may use. */
    @Param("1")
    public int threads;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private Runnable work;

    /** Makes the model. */
    @Setup
    public void prepare() {
        var kind = SearchConfig.Kind.valueOf(search.toUpperCase(Locale.ROOT).replace('-', '_'));
        SearchConfig config = SearchConfig.beam(beam, new Likelihood(Softmax.CHILDREN, temperature))
                .withKind(kind)
                .withItems(10)
                .withLimits(new SearchConfig.Limits(SearchConfig.Limits.DEFAULT.expansions(), together));
        work = Models.defaults(users).search(Backends.named("vector"), config, new Closer() {
            @Override
            public <T extends AutoCloseable> T closing(T what) {
                open.push(what);
                return what;
            }
        });
    }

    /** Gives the memory back. */
    @TearDown
    public void release() throws Exception {
        while (!open.isEmpty()) open.pop().close();
    }

    /** All users once. */
    @Benchmark
    public void search() {
        Parallel.limited(threads, work);
    }
}
