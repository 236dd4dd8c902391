package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.evaluate.Ranker;
import dev.beamwright.recsys.evaluate.Ranking;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.objective.Likelihood;
import dev.beamwright.tensor.Backend;
import java.util.List;
import java.util.stream.IntStream;

/** A generative model in a score card: its answer is the list that beam search finds. */
public final class GenerativeRanker implements Ranker, AutoCloseable {
    private final String name;
    private final int width;
    private final Backend backend;
    private final GenerativeModel model;
    private final Likelihood likelihood;
    private Generator generator; // of the width asked for last
    private int generatorWidth;

    /**
     * @param name by which it stands in the card
     * @param width of the beam; wider where more items are asked for
     */
    public GenerativeRanker(String name, Backend backend, GenerativeModel model, int width, Likelihood likelihood) {
        this.name = name;
        this.backend = backend;
        this.model = model;
        this.width = width;
        this.likelihood = likelihood;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int batch() {
        return 512;
    }

    @Override
    public List<Ranking> rank(List<Case> cases, boolean seenMask, int depth) {
        int wanted = Math.max(width, depth);
        if (generator == null || generatorWidth != wanted) {
            close();
            generator = new Generator(backend, model, new BeamSearch.Config(wanted, likelihood));
            generatorWidth = wanted;
        }
        BeamSearch.Result[] found = generator.recommend(
                cases.stream().map(Case::history).toList(),
                cases.stream().mapToInt(Case::user).toArray(),
                null,
                seenMask,
                null);
        return IntStream.range(0, found.length).mapToObj(i -> ranking(found[i])).toList();
    }

    private static Ranking ranking(BeamSearch.Result r) {
        double[] scores = new double[r.scores().length];
        for (int i = 0; i < scores.length; i++) scores[i] = r.scores()[i];
        return new Ranking.Top(r.items(), scores);
    }

    @Override
    public void close() {
        if (generator != null) generator.close();
        generator = null;
    }
}
