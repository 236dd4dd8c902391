package dev.beamwright.recsys.serve;

import dev.beamwright.recsys.confidence.ListRule;
import dev.beamwright.recsys.serve.Recommender.Recommendation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A list of recommendations after its confidence was looked at.
 *
 * @param items what is recommended; empty if it abstains
 * @param abstains why nothing is recommended; null if something is
 * @param leftOut items that were not sure enough
 */
public record Advice(List<Recommendation> items, String abstains, int leftOut) {
    /**
     * Puts a list in order, cuts it, or abstains: where the item that would stand first is not sure enough, nothing is
     * recommended.
     *
     * @param list best first, all with a confidence unless rule and threshold ask for nothing
     * @param levels codes of a semantic ID
     * @param abstainBelow the confidence of the first item below which nothing is recommended; 0 for never
     */
    public static Advice of(List<Recommendation> list, ListRule rule, int levels, double abstainBelow) {
        boolean asks = rule.weight() > 0 || rule.truncateBelow() > 0 || abstainBelow > 0;
        if (!asks || list.isEmpty()) return new Advice(list, null, 0);
        double[] means = list.stream().mapToDouble(r -> r.score() / levels).toArray();
        double[] c = list.stream().mapToDouble(Recommendation::confidence).toArray();
        Recommendation first = list.get(new ListRule(rule.weight(), rule.pool(), 0).apply(means, c)[0]);
        if (first.confidence() < abstainBelow) {
            String why = String.format(Locale.ROOT,
                    "the first of %d items has a confidence of %.3f, below %s; it would be %s", list.size(),
                    first.confidence(), abstainBelow, first.title());
            return new Advice(List.of(), why, 0);
        }
        int[] places = rule.apply(means, c);
        List<Recommendation> kept = new ArrayList<>();
        for (int place : places) {
            Recommendation r = list.get(place);
            kept.add(new Recommendation(kept.size() + 1, r.item(), r.title(), r.score(), r.confidence()));
        }
        return new Advice(List.copyOf(kept), null, list.size() - places.length);
    }
}
