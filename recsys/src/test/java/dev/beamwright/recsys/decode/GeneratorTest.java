package dev.beamwright.recsys.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class GeneratorTest {
    private static final int THREADS = 8, CALLS = 20_000, HISTORIES = 40;

    /** Requests come and go, each at its own time, to two generators of the same weights. */
    @Test
    void eightThreadsGetTheBitsOfOne() throws InterruptedException, ExecutionException {
        var config = new ModelConfig("decoder", 16, 1, 0, 2, 8, 24, true, false, 100, 0, 5);
        try (Arena memory = Arena.ofShared()) {
            GenerativeModel model = SmallModels.of(config, memory);
            var likelihood = new Likelihood(Softmax.LEVEL, 1);
            List<SearchConfig> searches = List.of(SearchConfig.beam(3, likelihood), SearchConfig.beam(9, likelihood));
            try (
                    var one = new Generator(Backends.best(), model);
                    var other = new Generator(Backends.best(), model)) {
                List<Generator> generators = List.of(one, other);
                List<int[]> expected = IntStream.range(0, HISTORIES)
                        .mapToObj(i -> scores(generators.get(i % 2), searches.get(i % 2), i))
                        .toList();
                var next = new AtomicInteger();
                Callable<Integer> client = () -> {
                    int different = 0;
                    for (int call = next.getAndIncrement(); call < CALLS; call = next.getAndIncrement()) {
                        int i = call % HISTORIES;
                        int[] bits = scores(generators.get(i % 2), searches.get(i % 2), i);
                        if (!Arrays.equals(bits, expected.get(i))) different++;
                    }
                    return different;
                };
                try (var pool = Executors.newFixedThreadPool(THREADS)) {
                    var clients = new ArrayList<Future<Integer>>();
                    for (int t = 0; t < THREADS; t++) clients.add(pool.submit(client));
                    for (Future<Integer> c : clients) assertThat(c.get()).as("different results").isZero();
                }
            }
        }
    }

    /** Each number of items asked for is another beam, but the memory is that of one. */
    @Test
    void memoryIsThatOfTheLargestRequestWhateverIsAsked() {
        var config = new ModelConfig("decoder", 16, 1, 0, 2, 8, 24, true, false, 100, 0, 5);
        try (Arena memory = Arena.ofShared()) {
            GenerativeModel model = SmallModels.of(config, memory);
            try (var generator = new Generator(Backends.best(), model)) {
                SearchConfig search = SearchConfig.beam(1, new Likelihood(Softmax.LEVEL, 1));
                scores(generator, search.withItems(100), 0);
                long once = generator.bytes();
                assertThat(once).isPositive();
                for (int k = 1; k <= 100; k++) {
                    for (var kind : SearchConfig.Kind.values()) {
                        scores(generator, search.withKind(kind).withItems(k), k);
                    }
                }
                assertThat(generator.bytes()).isEqualTo(once);
            }
        }
    }

    /** The bits of the scores for a made-up history. */
    private static int[] scores(Generator generator, SearchConfig search, int number) {
        Key key = Key.of(number);
        int[] history = IntStream.range(0, 1 + number % 7).map(i -> key.below(i, SmallModels.ITEMS)).toArray();
        float[] scores = generator.recommend(search, Query.of(List.of(history)), null)[0].scores();
        return IntStream.range(0, scores.length).map(i -> Float.floatToRawIntBits(scores[i])).toArray();
    }
}
