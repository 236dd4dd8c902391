package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.semanticid.ItemTrie;
import it.unimi.dsi.fastutil.ints.Int2LongOpenHashMap;
import java.util.Map;

/**
 * What is known of a user's next item besides the model: how likely the items of the history return ({@link Repeats}),
 * and what followed the latest of them elsewhere ({@link SequenceMemory}). Both become distributions over all items.
 *
 * <p><b>Repeat prior.</b> With {@code r(i)} the mass of a seen item and {@code M} their sum, seen items S and a model's
 * distribution p,
 *
 * <pre>
 * p'(i) = r(i)                                 for i in S
 * p'(i) = p(i) · (1 − M) / (1 − Σ_{j in S} p(j))   for all others
 * </pre>
 *
 * <p>which adds up to 1, and ranks the others as they were. Where M is 0 the seen items are left out and nothing else
 * is done, so the list and its scores are those with seen items hidden.
 *
 * <p><b>Memory.</b> Its weights of unseen items, divided by their sum, are a distribution, to which the same prior is
 * applied: m'. An item's score is {@code log p'(i) + w · log((m'(i) + ε) / (m'(root) + ε))}, ε = {@value #EPSILON}, with
 * m'(root) the mass that the memory gives to all unseen items: 1 − M, or 0 where it recalls nothing, so that a user of
 * whom it knows nothing keeps the scores of the model.
 *
 * <p><b>In a search.</b> A prefix of the trie has the sum of the masses below it, so neither factor of its score rises
 * along a path, and what is true of log p is true of the sum. Seen items need no search: the others are searched with seen
 * items hidden, and the seen ones, whose scores are known, are put among them.
 *
 * @param repeats how likely seen items return
 * @param memory null for none
 * @param weight w, of the memory
 * @param seen what becomes of seen items. Under {@link SeenItems#ALLOWED} they keep the model's probability and the
 *     memory's weights
 */
public record ItemPrior(Repeats repeats, SequenceMemory memory, double weight, SeenItems seen) {
    private static final double EPSILON = 1e-3;
    /** What is left to the unseen items, at the least, by a model that believes in seen ones alone. */
    private static final double LEAST = 1e-6;

    /** A prior without a memory. */
    public static ItemPrior of(Repeats repeats, SeenItems seen) {
        return new ItemPrior(repeats, null, 0, seen);
    }

    /** The same with another treatment of seen items. */
    public ItemPrior with(SeenItems seen) {
        return new ItemPrior(repeats, memory, weight, seen);
    }

    /** The same with another weight of the memory. */
    public ItemPrior withWeight(double weight) {
        return new ItemPrior(repeats, memory, weight, seen);
    }

    /** How it stands in a score card: the weight of the memory and how many interactions it has read, if there is one. */
    public Map<String, Object> settings() {
        return memory == null ? Map.of() : Map.of("memory", Map.of("weight", weight, "read", memory.interactions()));
    }

    /** Whether seen items may return by their own masses, so that lists are not those with seen items hidden. */
    public boolean returns() {
        return seen == SeenItems.PRIOR && !repeats.never();
    }

    /** Whether a memory has a say. */
    public boolean remembers() {
        return memory != null && weight != 0;
    }

    /** What the memory adds to the nodes of a trie. */
    public NodeTerm term(ItemTrie trie) {
        if (!remembers()) return NodeTerm.NONE;
        return NodeTerm.of(true, history -> {
            User user = user(history);
            var sums = new Int2LongOpenHashMap();
            for (int i = 0; i < user.recalled.items().length; i++) {
                for (int depth = 0; depth <= trie.levels(); depth++) {
                    sums.addTo(trie.node(user.recalled.items()[i], depth), user.recalled.weights()[i]);
                }
            }
            return node -> user.term(sums.get(node));
        });
    }

    /** What is known of the user of a history, oldest item first. */
    public User user(int[] history) {
        Repeats.Masses masses = (returns() ? repeats : Repeats.NEVER).masses(history);
        SequenceMemory.Recalled recalled = memory == null ? SequenceMemory.NOTHING : memory.recall(history);
        if (seen != SeenItems.ALLOWED) recalled = recalled.without(masses.items());
        return new User(masses, recalled);
    }

    /** What is known of one user. */
    public final class User {
        private final Repeats.Masses masses;
        private final SequenceMemory.Recalled recalled; // of the items that may be recalled
        private final double share; // of the memory's distribution for one unit of weight
        private final double root; // the logarithm of what is taken off all scores

        private User(Repeats.Masses masses, SequenceMemory.Recalled recalled) {
            this.masses = masses;
            this.recalled = recalled;
            long total = recalled.total();
            share = total == 0 ? 0 : (1 - masses.total()) / total;
            root = Math.log(total * share + EPSILON);
        }

        /** The items of the history with their masses. */
        public Repeats.Masses masses() {
            return masses;
        }

        /** What the memory adds to the score of an unseen item, or to that of a prefix, of so much weight. */
        double term(long weight) {
            return ItemPrior.this.weight * (Math.log(weight * share + EPSILON) - root);
        }

        /** The score of an item of the history by its mass. */
        double score(double mass) {
            return Math.log(mass) + weight * (Math.log(mass + EPSILON) - root);
        }

        /** By how much the log-probability of an unseen item rises, given what the model gives to all seen ones. */
        double shift(double seenProbability) {
            return Math.log((1 - masses.total()) / Math.max(LEAST, 1 - seenProbability));
        }

        /**
         * The scores of all items, for a model that scores each.
         *
         * @param logProbabilities by item; overwritten by the scores, minus infinity for what is left out
         */
        public void apply(double[] logProbabilities) {
            double[] s = logProbabilities;
            double seenProbability = 0;
            for (int item : masses.items()) seenProbability += Math.exp(s[item]);
            double nothing = term(0), base = nothing + (masses.total() > 0 ? shift(seenProbability) : 0);
            for (int i = 0; i < s.length; i++) s[i] += base;
            for (int i = 0; i < recalled.items().length; i++) {
                s[recalled.items()[i]] += term(recalled.weights()[i]) - nothing;
            }
            if (seen == SeenItems.ALLOWED) return;
            for (int i = 0; i < masses.items().length; i++) s[masses.items()[i]] = score(masses.masses()[i]);
        }
    }
}
