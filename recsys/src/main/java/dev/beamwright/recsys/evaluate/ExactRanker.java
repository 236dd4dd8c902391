package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.decode.ExactScoring;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A generative model in a score card without a beam: its answer is the list that scoring every item gives. */
public final class ExactRanker implements Ranker, AutoCloseable {
    private final String name;
    private final ItemTrie trie;
    private final ExactScoring scoring;

    /**
     * @param name by which it stands in the card
     */
    public ExactRanker(String name, Backend backend, GenerativeModel model, Likelihood likelihood) {
        this.name = name;
        trie = model.space().trie();
        scoring = new ExactScoring(backend, model, likelihood);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int batch() {
        return 64;
    }

    @Override
    public List<Ranking> rank(List<Case> cases, boolean seenMask, int depth) {
        Ranking[] answers = new Ranking[cases.size()];
        scoring.score(
                cases.stream().map(Case::history).toList(),
                cases.stream().mapToInt(Case::user).toArray(),
                (u, scores) -> answers[u] = best(scores, seenMask ? cases.get(u).history() : new int[0], depth));
        return Arrays.asList(answers);
    }

    /** The items of the best leaves, in the order of a beam search's result. */
    private Ranking best(float[] scores, int[] hidden, int depth) {
        for (int leaf = trie.firstNode(trie.levels()); leaf < trie.nodes(); leaf++) {
            if (Float.isNaN(scores[leaf])) throw Ranking.notANumber(name);
        }
        List<Integer> items = new ArrayList<>();
        List<Double> found = new ArrayList<>();
        // A hidden item takes one place at the most.
        for (int leaf : ExactScoring.best(trie, scores, trie.levels(), depth + hidden.length)) {
            for (int item : trie.itemsOf(leaf)) {
                if (Arrays.stream(hidden).anyMatch(h -> h == item)) continue;
                items.add(item);
                found.add((double) scores[leaf]);
            }
        }
        return new Ranking.Top(
                items.stream().mapToInt(i -> i).toArray(), found.stream().mapToDouble(s -> s).toArray());
    }

    @Override
    public void close() {
        scoring.close();
    }
}
