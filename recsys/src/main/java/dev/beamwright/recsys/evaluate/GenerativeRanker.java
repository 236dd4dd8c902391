package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.tensor.Backend;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** A generative model in a score card: its answer is the list that beam search finds. */
public final class GenerativeRanker implements Ranker, AutoCloseable {
    private final String name;
    private final Backend backend;
    private final GenerativeModel model;
    private final SearchConfig config;
    private Generator generator; // of the width asked for last
    private int generatorWidth;

    /** With a plain beam. */
    public GenerativeRanker(String name, Backend backend, GenerativeModel model, int width, Likelihood likelihood) {
        this(name, backend, model, SearchConfig.beam(width, likelihood));
    }

    /**
     * @param name by which it stands in the card
     * @param config of the search; the beam is wider where more items are asked for
     */
    public GenerativeRanker(String name, Backend backend, GenerativeModel model, SearchConfig config) {
        this.name = name;
        this.backend = backend;
        this.model = model;
        this.config = config;
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
    public Map<String, Object> settings(int depth) {
        int beam = width(depth);
        return config.guide() == null
                ? Map.of("beam", beam)
                : Map.of("beam", beam, "widening", config.guide().widening());
    }

    private int width(int depth) {
        return Math.max(config.beamSize(), depth);
    }

    @Override
    public List<Ranking> rank(List<Case> cases, boolean seenMask, int depth) {
        int wanted = width(depth);
        if (generator == null || generatorWidth != wanted) {
            close();
            generator = new Generator(backend, model, config.withBeamSize(wanted));
            generatorWidth = wanted;
        }
        Search.Result[] found = generator.recommend(
                Query.of(
                        cases.stream().map(Case::history).toList(), cases.stream().mapToInt(Case::user).toArray())
                        .hideSeen(seenMask),
                null);
        return IntStream.range(0, found.length).mapToObj(i -> ranking(found[i])).toList();
    }

    private static Ranking ranking(Search.Result r) {
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
