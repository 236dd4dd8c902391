package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.tensor.Backend;

/**
 * How to search.
 *
 * @param beamSize paths kept at each level
 * @param likelihood how logits become probabilities, as in training
 * @param guide what chooses among the candidates of a beam; null for their scores
 * @param term what is added to the log-probabilities of paths
 */
public record SearchConfig(int beamSize, Likelihood likelihood, Guide guide, NodeTerm term) {
    /** A plain beam. */
    public static SearchConfig beam(int size, Likelihood likelihood) {
        return new SearchConfig(size, likelihood, null, NodeTerm.NONE);
    }

    /** A plain beam, with a temperature of 1. */
    public static SearchConfig beam(int size, Softmax softmax) {
        return beam(size, new Likelihood(softmax, 1));
    }

    /** The same with another beam size. */
    public SearchConfig withBeamSize(int size) {
        return new SearchConfig(size, likelihood, guide, term);
    }

    /** The same with a guide; null for none. */
    public SearchConfig withGuide(Guide guide) {
        return new SearchConfig(beamSize, likelihood, guide, term);
    }

    /** The same with a term for nodes. */
    public SearchConfig withTerm(NodeTerm term) {
        return new SearchConfig(beamSize, likelihood, guide, term);
    }

    /** The search itself. A plain beam on a device runs there as one captured step. */
    public Search search(GenerativeModel model, Backend backend) {
        boolean plain = guide == null && term == NodeTerm.NONE;
        return plain && backend.records() ? new DeviceSearch(model, this) : new BeamSearch(model, this);
    }
}
