package dev.beamwright.recsys.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.decode.ItemPrior;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryWeightTest {
    private static final int CASES = 300;

    /** A model to which all items are alike, so that all that is known comes from the prior. */
    private record Uniform(String name, int items, ItemPrior prior) implements Ranker {
        @Override
        public int batch() {
            return 100;
        }

        @Override
        public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
            return cases.stream().<Ranking>map(c -> {
                double[] scores = new double[items];
                Arrays.fill(scores, -Math.log(items));
                prior.with(seen).user(c.history()).apply(scores);
                return new Ranking.Scores(scores);
            }).toList();
        }
    }

    private static Prepared prepared(RunFolder run) {
        Prepare.run(PrepareConfig.bundled(), run, Progress.silent());
        return Prepared.load(run);
    }

    @Test
    void theBestOfAFewWeightsIsKeptUntilTheModelChanges(@TempDir Path folder) throws IOException {
        RunFolder run = new RunFolder(folder);
        Prepared data = prepared(run);
        int items = data.data().items().size();
        Path model = run.file("model/best.safetensors");
        Files.createDirectories(model.getParent());
        Files.writeString(model, "a model");
        List<String> files = List.of("model/best.safetensors");
        List<Double> asked = new ArrayList<>();
        java.util.function.Function<ItemPrior, Ranker> with = prior -> {
            asked.add(prior.weight());
            return new Uniform("uniform", items, prior);
        };
        MemoryWeight chosen = MemoryWeight.of(RunFolder.MEMORY, files, run, data, with, Progress.silent());
        assertThat(asked).containsExactly(0.0, .5, 1.0, 1.5, 2.0);
        // All weights but 0 rank alike where the model says nothing.
        assertThat(chosen.weight()).isEqualTo(.5);
        assertThat(chosen.tried().get(1).ndcg10()).isGreaterThan(3 * chosen.tried().get(0).ndcg10());
        assertThat(MemoryWeight.of(RunFolder.MEMORY, files, run, data, with, Progress.silent())).isEqualTo(chosen);
        assertThat(asked).hasSize(5);
        Files.writeString(model, "another model");
        assertThat(MemoryWeight.read(run, RunFolder.MEMORY, files)).isNull();
        MemoryWeight.of(RunFolder.MEMORY, files, run, data, with, Progress.silent());
        assertThat(asked).hasSize(10);
    }

    /** Other items in the part that is asked about change nothing of what is known when it is asked. */
    @Test
    void noMemoryHasReadAnAnswer(@TempDir Path folder) {
        Prepared data = prepared(new RunFolder(folder));
        var weight = new MemoryWeight(1, 1, List.of(), Map.of());
        for (String split : List.of("validation", "test")) {
            Map<String, ItemPrior> priors = weight.priors("m", data, split);
            Map<String, ItemPrior> planted = weight.priors("m", planted(data, split), split);
            assertThat(priors.keySet()).isEqualTo(planted.keySet()).contains("m-memory");
            assertThat(priors).hasSize(split.equals("test") ? 2 : 1);
            List<Case> cases = split.equals("test") ? data.split().test() : data.split().validation();
            for (String name : priors.keySet()) {
                for (Case c : cases.subList(0, CASES)) {
                    assertThat(scores(priors.get(name), c.history(), data))
                            .containsExactly(scores(planted.get(name), c.history(), data));
                }
            }
        }
        // What has read the validation items knows more than what has not.
        Map<String, ItemPrior> priors = weight.priors("m", data, "test");
        long read = priors.get("m-memory").memory().interactions();
        assertThat(priors.get("m-memory-validation").memory().interactions())
                .isEqualTo(read + data.split().validation().size());
    }

    private static double[] scores(ItemPrior prior, int[] history, Prepared data) {
        double[] scores = new double[data.data().items().size()];
        prior.user(history).apply(scores);
        return scores;
    }

    /** The same with the targets of a split, and all behind them, replaced by one and the same item. */
    private static Prepared planted(Prepared p, String split) {
        Split s = p.split();
        boolean test = split.equals("test");
        int behind = test ? 1 : 0; // a validation case has the test items, too, behind its target
        List<Case> validation = s.validation().stream().map(c -> planted(c, behind)).toList();
        List<Case> asked = s.test().stream().map(c -> planted(c, 0)).toList();
        return new Prepared(p.data(), new Split(s.train(), validation, asked));
    }

    private static Case planted(Case c, int behind) {
        int[] sequence = c.sequence().clone();
        Arrays.fill(sequence, c.position() + behind, sequence.length, 7);
        return new Case(c.user(), sequence, c.position());
    }
}
