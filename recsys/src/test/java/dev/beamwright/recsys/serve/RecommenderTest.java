package dev.beamwright.recsys.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.evaluate.GenerativeRanker;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender.Options;
import dev.beamwright.recsys.serve.Recommender.Recommended;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server does with a recommender. */
class RecommenderTest {
    private static final Backend BACKEND = Backends.best();
    private static final int THREADS = 8, ITEMS = 12;

    @TempDir
    static Path folder;

    static RunFolder run;

    @BeforeAll
    static void train() throws IOException {
        Path data = folder.resolve("interactions.tsv");
        var s = new StringBuilder("user_id\titem_id\ttimestamp\n");
        for (int u = 0; u < 40; u++) {
            for (int i = 0; i < 6 + u % 5; i++) s.append("u" + u + "\ti" + (u + i) % ITEMS + "\t" + (100 + i) + "\n");
        }
        Files.writeString(data, s);
        run = new RunFolder(folder.resolve("run"));
        Prepare.run(PrepareConfig.of(data, null), run, Progress.silent());
        Tokenize.run(TokenizeConfig.defaults(1), run, Progress.silent());
        Train.run(TrainConfig.defaults(1), run, BACKEND, false, Progress.silent());
    }

    /** Closed while requests of eight threads run: each ends well or is told, and none reads memory that is freed. */
    @Test
    void closingWaitsForRunningCallsAndRefusesLaterOnes() throws Exception {
        Recommender recommender = Recommender.load(run, BACKEND);
        GenerativeRanker ranker = recommender.ranker(5);
        List<Recommended> expected = new ArrayList<>();
        for (int n = 0; n < ITEMS; n++) expected.add(call(recommender, n));
        var running = new CountDownLatch(THREADS);
        try (var pool = Executors.newFixedThreadPool(THREADS)) {
            List<Future<Integer>> clients = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int first = t;
                clients.add(pool.submit(() -> {
                    for (int calls = 0;; calls++) {
                        try {
                            int n = (first + calls) % ITEMS;
                            assertThat(call(recommender, n)).isEqualTo(expected.get(n));
                        } catch (IllegalStateException closed) {
                            assertThat(closed).hasMessageContaining("closed");
                            return calls;
                        }
                        if (calls == 3) running.countDown();
                    }
                }));
            }
            running.await();
            recommender.close();
            recommender.close();
            for (var c : clients) assertThat(c.get()).isGreaterThan(3);
        }
        assertThatThrownBy(() -> call(recommender, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> ranker.rank(List.of(Case.of(0, new int[] {1}, 2)), SeenItems.ALLOWED, 3))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(recommender::prm).isInstanceOf(IllegalStateException.class);
    }

    private static Recommended call(Recommender recommender, int n) {
        Options options = new Options(1 + n % 7, SeenItems.HIDDEN, null);
        return recommender.recommend(new int[][] {{n % ITEMS}}, new int[] {n}, 1 + n % 4, options, null).getFirst();
    }

    @Test
    void everyKindOfSearchSaysWhatIsProvedOfItsList() {
        try (Recommender recommender = Recommender.load(run, BACKEND)) {
            for (int u = 0; u < ITEMS; u++) {
                var exact = found(recommender, u, SearchConfig.Kind.EXACT);
                assertThat(exact.certified()).isTrue();
                assertThat(exact.bound()).isLessThanOrEqualTo((float) exact.items().getLast().score());
                for (var kind : SearchConfig.Kind.values()) {
                    var other = found(recommender, u, kind);
                    if (other.certified()) assertThat(other.items()).isEqualTo(exact.items());
                    else assertThat(kind).isIn(SearchConfig.Kind.BEAM, SearchConfig.Kind.ADAPTIVE);
                }
            }
        }
    }

    private static Recommended found(Recommender recommender, int user, SearchConfig.Kind kind) {
        Options options = new Options(3, SeenItems.ALLOWED, false, null, kind, null);
        return recommender.recommend(new int[][] {{user, 3}}, new int[] {user}, 3, options, null).getFirst();
    }
}
