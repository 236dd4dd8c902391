package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.tensor.Backend;

/**
 * How to search.
 *
 * @param beamSize paths kept at each level
 * @param likelihood how logits become probabilities, as in training
 * @param guide what chooses among the candidates of a beam; null for their scores
 * @param term what is added to the log-probabilities of paths
 * @param returning what is known of seen items that may return, whatever the query says of them; null if they are
 *     treated as the query says
 */
public record SearchConfig(int beamSize, Likelihood likelihood, Guide guide, NodeTerm term, ItemPrior returning) {
    /** A plain beam. */
    public static SearchConfig beam(int size, Likelihood likelihood) {
        return new SearchConfig(size, likelihood, null, NodeTerm.NONE, null);
    }

    /** A plain beam, with a temperature of 1. */
    public static SearchConfig beam(int size, Softmax softmax) {
        return beam(size, new Likelihood(softmax, 1));
    }

    /** The same with another beam size. */
    public SearchConfig withBeamSize(int size) {
        return new SearchConfig(size, likelihood, guide, term, returning);
    }

    /** The same with a guide; null for none. */
    public SearchConfig withGuide(Guide guide) {
        return new SearchConfig(beamSize, likelihood, guide, term, returning);
    }

    /** The same with a term for nodes. */
    public SearchConfig withTerm(NodeTerm term) {
        return new SearchConfig(beamSize, likelihood, guide, term, returning);
    }

    /**
     * The same with what is known besides the model, in place of any other term. Queries must hide seen items, unless it
     * allows them.
     */
    public SearchConfig withPrior(ItemPrior prior, ItemTrie trie) {
        return new SearchConfig(beamSize, likelihood, guide, prior.term(trie), prior.returns() ? prior : null);
    }

    /** The search itself. A plain beam on a device runs there as one captured step. */
    public Search search(GenerativeModel model, Backend backend) {
        boolean plain = guide == null && term == NodeTerm.NONE;
        Search search = plain && backend.records() ? new DeviceSearch(model, this) : new BeamSearch(model, this);
        return returning == null ? search : new RepeatSearch(model, this, search);
    }
}
