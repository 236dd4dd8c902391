package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Workspace;
import it.unimi.dsi.fastutil.ints.IntArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A search with an {@link ItemPrior}: its memory is a term of the search within. Where seen items may return, the others
 * are found by the search within, with seen items hidden; the seen ones have scores that are known without one. What the model gives to
 * them, by which the others' probabilities are scaled, is computed along their paths.
 *
 * <p>A list is as long as that of the others, or longer where these are fewer than were asked for. Of equal scores the
 * unseen items rank first, then the seen ones, the latest first.
 */
final class PriorSearch implements Search {
    private final Search others;
    private final ItemPrior prior;
    private final ItemTrie trie;
    private final int items;
    private final PathLikelihood paths;

    PriorSearch(GenerativeModel model, SearchConfig config, Search others) {
        this.others = others;
        prior = config.prior();
        trie = model.space().trie();
        items = config.items();
        paths = new PathLikelihood(model, config.likelihood());
    }

    @Override
    public int users() {
        return others.users();
    }

    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        List<Result> found = others.search(backend, memory, query.hideSeen(prior.seen() != SeenItems.ALLOWED));
        if (!prior.returns()) return found;
        List<Result> merged = new ArrayList<>();
        for (int u = 0; u < query.size(); u++) {
            int[] history = query.histories().get(u);
            ItemPrior.User user = prior.user(history);
            if (user.masses().total() == 0) {
                merged.add(found.get(u));
                continue;
            }
            double[] p = paths.logProbabilities(
                    backend, memory, history, query.users()[u], user.masses().items());
            merged.add(merge(user, shares(user.masses().items(), p), found.get(u), query.eligible(), items));
        }
        return merged;
    }

    /** What a model gives to these items; those of one leaf share its probability. */
    private double shares(int[] items, double[] logProbabilities) {
        double sum = 0;
        for (int i = 0; i < items.length; i++) {
            sum += Math.exp(logProbabilities[i]) / trie.itemsOf(trie.node(items[i], trie.levels())).length;
        }
        return sum;
    }

    /**
     * Puts a user's seen items into a list of the others.
     *
     * @param seenProbability what the model gives to all seen items
     * @param eligible which items may be returned; null for all
     * @param length of the list at the most, unless the others are more
     */
    static Result merge(ItemPrior.User user, double seenProbability, Result others, boolean[] eligible, int length) {
        int[] seen = user.masses().items();
        double shift = user.shift(seenProbability);
        int n = others.items().length;
        int[] items = Arrays.copyOf(others.items(), n + seen.length);
        float[] scores = Arrays.copyOf(others.scores(), n + seen.length);
        for (int i = 0; i < n; i++) scores[i] += (float) shift;
        int all = n;
        for (int i = 0; i < seen.length; i++) {
            if (user.masses().masses()[i] == 0 || eligible != null && !eligible[seen[i]]) continue;
            items[all] = seen[i];
            scores[all++] = (float) user.score(user.masses().masses()[i]);
        }
        int[] order = new int[all];
        for (int i = 0; i < all; i++) order[i] = i;
        IntArrays.mergeSort(order, (a, b) -> Float.compare(scores[b], scores[a])); // stable
        int kept = Math.min(all, Math.max(n, length));
        int[] best = new int[kept];
        float[] bestScores = new float[kept];
        for (int i = 0; i < kept; i++) {
            best[i] = items[order[i]];
            bestScores[i] = scores[order[i]];
        }
        return new Result(best, bestScores, certificate(others, order, bestScores, (float) shift));
    }

    /**
     * What is proved of the merged list: it is right up to the first item that is not proved to be the next among the
     * others, or that is seen and scores no higher than what may have been pruned.
     */
    private static Certificate certificate(Result others, int[] order, float[] scores, float shift) {
        Certificate proved = others.certificate();
        if (proved == null) return null;
        if (proved.bound() == null) return new Certificate(scores.length, null);
        float bound = proved.bound() + shift;
        int exact = 0;
        for (; exact < scores.length; exact++) {
            boolean seen = order[exact] >= others.items().length;
            if (seen ? scores[exact] <= bound : order[exact] >= proved.exact()) break;
        }
        return new Certificate(exact, bound);
    }
}
