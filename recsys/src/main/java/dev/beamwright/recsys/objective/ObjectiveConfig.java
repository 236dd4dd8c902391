package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which objective, and its parameters; those of other objectives are without effect.
 *
 * @param name {@code ce}, {@code msl}, {@code apao-pointwise}, {@code apao-pairwise} or {@code bear}
 * @param tau the softmax's temperature, in training and in decoding
 * @param beta APAO: weight of the prefix losses
 * @param eta APAO: how fast the prefix weights change
 * @param prefixWeights APAO: what they follow
 * @param crossEntropy APAO: whether the cross-entropy is part of the loss
 * @param negatives APAO pairwise: negatives of each target that is compared
 * @param instances APAO pairwise: targets of a sample that are compared
 * @param contrast APAO pairwise: how they are compared
 * @param lambda BEAR: weight of the regulariser
 * @param xi BEAR: softness of the margin
 * @param bearWidth BEAR: the B of the B-th likeliest code; 0 for the width of the beam
 * @param bearForm BEAR: the paper's formula or the program's
 * @param detached BEAR: whether the B-th probability is a constant in the paper's form
 */
public record ObjectiveConfig(
        String name,
        double tau,
        double beta,
        double eta,
        PrefixWeights.Form prefixWeights,
        boolean crossEntropy,
        int negatives,
        int instances,
        PrefixContrast contrast,
        double lambda,
        double xi,
        int bearWidth,
        Bear.Form bearForm,
        boolean detached) {
    public static final String CE = "ce", MSL = "msl", POINTWISE = "apao-pointwise", PAIRWISE = "apao-pairwise",
            BEAR = "bear";
    /** All names. */
    public static final List<String> NAMES = List.of(CE, MSL, POINTWISE, PAIRWISE, BEAR);

    public ObjectiveConfig {
        require(NAMES.contains(name), "there is no objective '" + name + "'; choose from " + String.join(", ", NAMES));
        require(tau >= 1e-6 && tau < 1000, "tau must be from 1e-6 to below 1000, got " + tau);
        require(beta >= 0 && beta < 1000, "beta must be from 0 to below 1000, got " + beta);
        require(eta >= 0 && eta < 1000, "eta must be from 0 to below 1000, got " + eta);
        require(negatives >= 1, "negatives must be at least 1, got " + negatives);
        require(instances >= 1, "instances must be at least 1, got " + instances);
        require(
                contrast.tau() >= 1e-6 && contrast.tau() < 1e6,
                "prefix-tau must be from 1e-6 to below 1e6, got " + contrast.tau());
        require(lambda >= 0 && lambda < 1000, "lambda must be from 0 to below 1000, got " + lambda);
        require(xi >= 1e-6 && xi < 1e6, "xi must be from 1e-6 to below 1e6, got " + xi);
        require(bearWidth >= 0, "bear-width must be 0 (the beam's) or more, got " + bearWidth);
    }

    /** An objective with the usual parameters. */
    public static ObjectiveConfig of(String name) {
        return new ObjectiveConfig(
                name, 1, 0.2, 1e-4, PrefixWeights.Form.CODE, true, 100, 1, PrefixContrast.CODE, 0.25, 2.75, 0,
                Bear.Form.CODE, true);
    }

    /** β and η of APAO pointwise, of APAO pairwise, and τ of MSL (table 5 of the APAO paper, arXiv 2603.02730). */
    private record Published(double beta, double eta, double pairBeta, double pairEta, double mslTau) {}

    private static final Map<String, Published> APAO = new TreeMap<>(Map.of(
            "office-tiger", new Published(0.3, 1e-4, 0.2, 3e-5, 2),
            "grocery-tiger", new Published(0.1, 5e-5, 0.1, 5e-5, 1),
            "beauty-tiger", new Published(0.1, 1e-5, 0.1, 1e-4, 1),
            "yelp-tiger", new Published(0.05, 1e-5, 0.05, 5e-6, 3),
            "office-llama", new Published(0.4, 5e-4, 0.4, 5e-5, 1),
            "grocery-llama", new Published(0.4, 5e-5, 0.2, 3e-5, 1),
            "beauty-llama", new Published(0.3, 1e-4, 0.4, 1e-5, 2),
            "yelp-llama", new Published(0.4, 1e-5, 0.1, 5e-6, 1)));

    /**
     * The values that a paper chose for a data set: {@code office-}, {@code grocery-}, {@code beauty-} and {@code yelp-},
     * each with {@code tiger} or {@code llama}, for APAO and MSL; {@code toy} for BEAR (the one that its program names).
     *
     * <p>APAO's program changes the prefix weights with each micro-batch of 128 targets and uses them at once; here they
     * change once a step, after it, and the first step has equal ones. So the same η moves them by as much less as a step
     * has more targets than 128. Its cross-entropy is the mean over five positions with the end of the item, which costs
     * next to nothing, and ours over four codes: the same β weighs the prefixes a fifth less.
     */
    public static ObjectiveConfig preset(String name, String preset) {
        ObjectiveConfig d = of(name);
        if (name.equals(BEAR) && preset.equals("toy")) return d; // λ = 0.25, ξ = 2.75, τ = 1, B as wide as the beam
        Published p = APAO.get(preset);
        return switch (p == null ? "" : name) {
            case MSL -> d.with(p.mslTau(), d.beta(), d.eta());
            case POINTWISE -> d.with(1, p.beta(), p.eta());
            case PAIRWISE -> d.with(1, p.pairBeta(), p.pairEta());
            default -> throw new UserError(
                    "objective: no paper has values of '" + preset + "' for " + name + "; there are: "
                            + String.join(", ", APAO.keySet()) + " for " + MSL + " and APAO, toy for " + BEAR);
        };
    }

    private ObjectiveConfig with(double tau, double beta, double eta) {
        return new ObjectiveConfig(
                name, tau, beta, eta, prefixWeights, crossEntropy, negatives, instances, contrast, lambda, xi,
                bearWidth,
                bearForm, detached);
    }

    /** Over which codes the papers' programs take the softmax of this objective; null where either is usual. */
    public Softmax usualSoftmax() {
        return name.equals(MSL) || name.equals(BEAR) ? Softmax.CHILDREN : null;
    }

    /** BEAR's B where a beam of this width will serve. */
    public int bearWidth(int beam) {
        return bearWidth == 0 ? beam : bearWidth;
    }

    /** How logits become probabilities under this objective. */
    public Likelihood likelihood(Softmax softmax) {
        return new Likelihood(softmax, (float) tau);
    }

    /**
     * The objective.
     *
     * @param beam the width of the beam
     */
    public Objective objective(Softmax softmax, int beam) {
        Likelihood likelihood = likelihood(softmax);
        var weights = new PrefixWeights(prefixWeights, eta);
        return switch (name) {
            case CE -> new CrossEntropy(likelihood);
            case MSL -> {
                require(softmax == Softmax.CHILDREN,
                        "msl is the cross-entropy over children; leave out --softmax level");
                yield new CrossEntropy(likelihood);
            }
            case POINTWISE -> new ApaoPointwise(likelihood, beta, weights, crossEntropy);
            case PAIRWISE ->
                new ApaoPairwise(likelihood, beta, weights, negatives, instances, contrast, crossEntropy);
            case BEAR -> new Bear(likelihood, lambda, xi, bearWidth(beam), bearForm, detached);
            default -> throw new IllegalStateException(name);
        };
    }

    /** In a few words: the name and what has an effect. */
    public String describe() {
        String text = switch (name) {
            case CE, MSL -> "";
            case POINTWISE -> String.format(Locale.ROOT, ", beta %s, eta %s (%s)", beta, eta, prefixWeights);
            case PAIRWISE -> String.format(
                    Locale.ROOT, ", beta %s, eta %s (%s), %d negatives", beta, eta, prefixWeights, negatives);
            default -> String.format(
                    Locale.ROOT, ", lambda %s, xi %s, B %s (%s)", lambda, xi, bearWidth == 0 ? "beam" : bearWidth,
                    bearForm);
        };
        return name + (tau == 1 ? "" : ", tau " + tau) + text;
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("objective: " + message);
    }
}
