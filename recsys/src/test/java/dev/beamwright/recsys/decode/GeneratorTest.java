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
            try (
                    var narrow = new Generator(Backends.best(), model, SearchConfig.beam(3, likelihood));
                    var wide = new Generator(Backends.best(), model, SearchConfig.beam(9, likelihood))) {
                List<Generator> generators = List.of(narrow, wide);
                List<int[]> expected = IntStream.range(0, HISTORIES)
                        .mapToObj(i -> scores(generators.get(i % 2), i))
                        .toList();
                var next = new AtomicInteger();
                Callable<Integer> client = () -> {
                    int different = 0;
                    for (int call = next.getAndIncrement(); call < CALLS; call = next.getAndIncrement()) {
                        int i = call % HISTORIES;
                        if (!Arrays.equals(scores(generators.get(i % 2), i), expected.get(i))) different++;
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

    /** The bits of the scores for a made-up history. */
    private static int[] scores(Generator generator, int number) {
        Key key = Key.of(number);
        int[] history = IntStream.range(0, 1 + number % 7).map(i -> key.below(i, SmallModels.ITEMS)).toArray();
        float[] scores = generator.recommend(Query.of(List.of(history)), null)[0].scores();
        return IntStream.range(0, scores.length).map(i -> Float.floatToRawIntBits(scores[i])).toArray();
    }
}
