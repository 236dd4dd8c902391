package dev.beamwright.recsys.confidence;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A model in a score card whose lists are put in order, or cut, by its confidence. */
public final class ConfidentRanker implements Ranker {
    private final Ranker likely;
    private final ConfidenceReader reader;
    private final ListRule rule;
    private final int levels;
    private final String name;

    /**
     * @param likely the same model, by likelihood; its scores are log-probabilities of whole semantic IDs
     * @param levels codes of a semantic ID
     */
    public ConfidentRanker(Ranker likely, ConfidenceReader reader, ListRule rule, int levels) {
        this.likely = likely;
        this.reader = reader;
        this.rule = rule;
        this.levels = levels;
        name = likely.name() + (rule.weight() > 0 ? "-hybrid" : "") + (rule.truncateBelow() > 0 ? "-truncated" : "");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String label() {
        return likely.label();
    }

    @Override
    public Map<String, Object> settings(int depth) {
        Map<String, Object> settings = new TreeMap<>(likely.settings(depth));
        settings.put("rule", rule);
        return settings;
    }

    @Override
    public int batch() {
        return likely.batch();
    }

    /** With a repeat prior the scores of seen items are none that the model gave. */
    @Override
    public boolean supports(SeenItems seen) {
        return seen != SeenItems.PRIOR;
    }

    @Override
    public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
        List<Ranking.Top> lists =
                likely.rank(cases, seen, depth).stream().map(r -> r.top(Integer.MAX_VALUE)).toList();
        int[][] asked = lists.stream()
                .map(l -> Arrays.copyOf(l.items(), rule.asked(l.items().length)))
                .toArray(int[][]::new);
        double[][] c = reader.read(
                cases.stream().map(Case::history).toList(),
                cases.stream().mapToInt(Case::user).toArray(),
                asked);
        List<Ranking> ranked = new ArrayList<>();
        for (int u = 0; u < asked.length; u++) {
            Ranking.Top list = lists.get(u);
            double[] means = Arrays.stream(list.scores()).map(s -> s / levels).toArray();
            int[] places = rule.apply(means, c[u]);
            ranked.add(new Ranking.Top(
                    Arrays.stream(places).map(i -> list.items()[i]).toArray(),
                    ListRule.chosen(list.scores(), places)));
        }
        return ranked;
    }
}
