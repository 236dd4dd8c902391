package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How to search.
 *
 * @param kind of search
 * @param items how many items each user is to get
 * @param beamSize paths kept at each level; never fewer than the items wanted. Of an adaptive beam, the most
 * @param likelihood how logits become probabilities, as in training
 * @param guide what chooses among the candidates of a beam; null for their scores
 * @param term what is added to the log-probabilities of paths
 * @param limits of a best-first search
 * @param prior what is known besides the model; with it the query does not say whether seen items are left out. Null if
 *     nothing is known
 */
public record SearchConfig(
        Kind kind,
        int items,
        int beamSize,
        Likelihood likelihood,
        Guide guide,
        NodeTerm term,
        Limits limits,
        ItemPrior prior) {
    /** Kinds of search. */
    public enum Kind {
        /** A beam of one size for all users, see {@link BeamSearch}. */
        BEAM,
        /** Beams that grow for the users whose list is not certified, see {@link Adaptive}. */
        ADAPTIVE,
        /** Always on from the best path: the exact list, see {@link BestFirst}. */
        BEST_FIRST,
        /** The exact list by scoring every item, see {@link ExactScoring}. */
        EXACT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * Of a best-first search.
     *
     * @param expansions prefixes that a user's search goes on from at the most; where that is not enough, the list is
     *     not certified
     * @param together prefixes of each user that one round goes on from: more rows, fewer rounds
     */
    public record Limits(int expansions, int together) {
        /** Enough for nearly all users; {@code docs/search.md} has what was measured. */
        public static final Limits DEFAULT = new Limits(2000, 8);

        public Limits {
            if (expansions < 1 || together < 1) {
                throw new UserError("a best-first search needs at least 1 expansion and 1 prefix in a round, got "
                        + expansions + " and " + together);
            }
        }
    }

    private static final int GROWTH = 4; // an adaptive beam's next size, times the one before

    public SearchConfig {
        if (items < 1) throw new UserError("ask for at least 1 item, not " + items);
        if (beamSize < 1) throw new UserError("--beam " + beamSize + ": must be at least 1");
        beamSize = Math.max(items, beamSize);
    }

    /** A plain beam, with as many items as it has room for. */
    public static SearchConfig beam(int size, Likelihood likelihood) {
        return new SearchConfig(Kind.BEAM, 1, size, likelihood, null, NodeTerm.NONE, Limits.DEFAULT, null);
    }

    /** A plain beam, with a temperature of 1. */
    public static SearchConfig beam(int size, Softmax softmax) {
        return beam(size, new Likelihood(softmax, 1));
    }

    /** The same by another kind of search. */
    public SearchConfig withKind(Kind kind) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /** The same for so many items; the beam is as wide as they ask for. */
    public SearchConfig withItems(int items) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /** The same with a guide; null for none. */
    public SearchConfig withGuide(Guide guide) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /** The same with a term for nodes. */
    public SearchConfig withTerm(NodeTerm term) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /** The same with what is known besides the model; null for nothing. */
    public SearchConfig withPrior(ItemPrior prior) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /** The same with other limits. */
    public SearchConfig withLimits(Limits limits) {
        return new SearchConfig(kind, items, beamSize, likelihood, guide, term, limits, prior);
    }

    /**
     * The search itself. A plain beam on a device runs there as one captured step. Throws {@link UserError} for what
     * cannot be searched for in this way.
     */
    public Search search(GenerativeModel model, Backend backend) {
        if (prior == null) return model(model, backend);
        if (guide != null && (prior.returns() || prior.remembers())) {
            throw new UserError(
                    "the scores of a process reward model are no probabilities, beside which seen items or a"
                            + " memory could have theirs; leave out --widen, or take --seen-items hidden and --no-memory");
        }
        NodeTerm more = prior.term(model.space().trie());
        NodeTerm both = more == NodeTerm.NONE ? term : term == NodeTerm.NONE ? more : NodeTerm.sum(term, more);
        return new PriorSearch(model, this, withTerm(both).model(model, backend));
    }

    /** The search by the model's scores and the term. */
    private Search model(GenerativeModel model, Backend backend) {
        if (kind != Kind.BEAM && guide != null) {
            throw new UserError("--search " + kind
                    + " goes by the model's own scores, but those of a process reward model"
                    + " may rise along a path, so nothing could be proved; leave out --widen, or take --search beam");
        }
        if ((kind == Kind.ADAPTIVE || kind == Kind.BEST_FIRST) && !term.monotone()) {
            throw new UserError("--search " + kind + " needs scores that never rise along a path, and what is added to"
                    + " the log-probabilities here may; take --search beam or exact");
        }
        if ((kind == Kind.ADAPTIVE || kind == Kind.BEST_FIRST) && backend.records()) {
            throw new UserError("--search " + kind + " runs on the CPU; leave out --device, or take --search beam");
        }
        boolean captured = backend.records() && guide == null && term == NodeTerm.NONE;
        return switch (kind) {
            case BEAM -> captured ? new DeviceSearch(model, this) : new BeamSearch(model, this);
            case ADAPTIVE -> new Adaptive(beams(model), items);
            case BEST_FIRST -> new BestFirst(model, this);
            case EXACT -> new ExactScoring(backend, model, this);
        };
    }

    /** From twice the items wanted up to the beam size. */
    private List<Search> beams(GenerativeModel model) {
        List<Search> beams = new ArrayList<>();
        for (int size = 2 * items; size < beamSize; size *= GROWTH) beams.add(new BeamSearch(model, ofSize(size)));
        beams.add(new BeamSearch(model, this));
        return beams;
    }

    private SearchConfig ofSize(int size) {
        return new SearchConfig(kind, items, size, likelihood, guide, term, limits, prior);
    }
}
