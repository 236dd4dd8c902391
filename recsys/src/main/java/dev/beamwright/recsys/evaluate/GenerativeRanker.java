package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.ItemPrior;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A generative model in a score card: its answer is the list that a search finds.
 *
 * @param name by which it stands in the card
 * @param label the model's, see {@link Ranker#label}
 * @param generator of the model; belongs to whoever made it
 * @param search for as many items as the card asks for; a beam is wider where more are asked for
 * @param prior what is known besides the model
 */
public record GenerativeRanker(
        String name,
        String label,
        Generator generator,
        SearchConfig search,
        ItemPrior prior)
        implements
            Ranker {
    /** Of a model besides which nothing is known. */
    public GenerativeRanker(String name, Generator generator, SearchConfig search) {
        this(name, name, generator, search, ItemPrior.of(Repeats.NEVER, SeenItems.ALLOWED));
    }

    @Override
    public int batch() {
        return 512;
    }

    @Override
    public Map<String, Object> settings(int depth) {
        SearchConfig asked = search.withItems(depth);
        Map<String, Object> settings = new TreeMap<>(prior.settings());
        switch (search.kind()) {
            case BEAM -> settings.put("beam", asked.beamSize());
            case ADAPTIVE -> settings.putAll(Map.of("search", "adaptive", "beam", asked.beamSize()));
            case BEST_FIRST -> settings.putAll(Map.of("search", "best-first", "limits", asked.limits()));
            case EXACT -> settings.put("search", "exact");
        }
        if (search.guide() != null) settings.put("widening", search.guide().widening());
        return settings;
    }

    /** A guide's scores are no probabilities, beside which seen items could have theirs. */
    @Override
    public boolean supports(SeenItems seen) {
        return seen != SeenItems.PRIOR || search.guide() == null;
    }

    @Override
    public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
        Query query = Query.of(
                cases.stream().map(Case::history).toList(),
                cases.stream().mapToInt(Case::user).toArray());
        Search.Result[] found =
                generator.recommend(search.withItems(depth).withPrior(prior.with(seen)), query, null);
        return Arrays.stream(found).map(GenerativeRanker::ranking).toList();
    }

    private static Ranking ranking(Search.Result r) {
        double[] scores = IntStream.range(0, r.scores().length).mapToDouble(i -> r.scores()[i]).toArray();
        return new Ranking.Top(r.items(), scores, proved(r));
    }

    /** How many of the first items are certified; null if the search proves nothing. */
    private static Integer proved(Search.Result r) {
        if (r.certificate() == null) return null;
        return r.certificate().bound() == null ? Integer.MAX_VALUE : r.certificate().exact();
    }
}
