package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.objective.Bear;
import dev.beamwright.recsys.objective.ObjectiveConfig;
import dev.beamwright.recsys.objective.PrefixContrast;
import dev.beamwright.recsys.objective.PrefixWeights;
import dev.beamwright.recsys.run.UserError;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The options of training that choose the objective. What is not given keeps its default. */
final class ObjectiveOptions {
    @Option(
            names = "--objective",
            paramLabel = "NAME",
            description = "ce (cross-entropy), msl (over children, with a temperature), apao-pointwise, apao-pairwise"
                    + " (a loss for each prefix), or bear (a regulariser for beam search); always with --from: ugr, grpo,"
                    + " rerank (rewards), dpo, s-dpo (preferences), sft (targets alone, for comparison); default: the"
                    + " preset's, ce")
    private String name;

    @Option(
            names = "--objective-preset",
            paramLabel = "NAME",
            description = "a paper's values for the objective: office-tiger, grocery-llama, … for msl and APAO, toy for"
                    + " bear, ugr-script or ugr-defaults for ugr, minionerec for rerank")
    private String preset;

    @Option(
            names = "--tau",
            paramLabel = "X",
            description = "temperature of the softmax, in training and in decoding; default: 1")
    private Double tau;

    @Option(
            names = "--beta",
            paramLabel = "X",
            description = "APAO: weight of the prefix losses; default: 0.2; dpo, s-dpo: how far to go; default: 0.1")
    private Double beta;

    @Option(names = "--eta", paramLabel = "X", description = "APAO: how fast the prefix weights change; default: 1e-4")
    private Double eta;

    @Option(
            names = "--prefix-weights",
            paramLabel = "FORM",
            description = "APAO: paper (by losses), code (by normalised losses; default) or uniform (fixed)")
    private PrefixWeights.Form prefixWeights;

    @Option(
            names = "--cross-entropy",
            negatable = true,
            fallbackValue = "true",
            description = "APAO: whether the cross-entropy is part of the loss; default: yes")
    private Boolean crossEntropy;

    @Option(names = "--negatives", paramLabel = "N", description = "APAO pairwise: negatives of a target; default: 100")
    private Integer negatives;

    @Option(
            names = "--instances",
            paramLabel = "N",
            description = "APAO pairwise: targets of a sequence that are compared, drawn at random (the paper compares all);"
                    + " default: 1")
    private Integer instances;

    @Option(
            names = "--prefix-tau",
            paramLabel = "X",
            description = "APAO pairwise: temperature of prefix scores; default: 1")
    private Double prefixTau;

    @Option(
            names = "--distinct",
            negatable = true,
            fallbackValue = "true",
            description = "APAO pairwise: count negatives that share a prefix once; default: yes")
    private Boolean distinct;

    @Option(
            names = "--kappa",
            negatable = true,
            fallbackValue = "true",
            description = "APAO pairwise: scale the negatives to the number of all prefixes; default: yes")
    private Boolean kappa;

    @Option(
            names = "--per-code",
            negatable = true,
            fallbackValue = "true",
            description = "APAO pairwise: divide the loss of a prefix by its length; default: yes")
    private Boolean perCode;

    @Option(names = "--lambda", paramLabel = "X", description = "BEAR: weight of the regulariser; default: 0.25")
    private Double lambda;

    @Option(names = "--xi", paramLabel = "X", description = "BEAR: softness of the margin; default: 2.75")
    private Double xi;

    @Option(
            names = "--bear-width",
            paramLabel = "N",
            description = "BEAR: its B; default: --beam")
    private Integer bearWidth;

    @Option(names = "--bear-form", paramLabel = "FORM", description = "BEAR: paper or code; default: code")
    private Bear.Form bearForm;

    @Option(
            names = "--detached",
            negatable = true,
            fallbackValue = "true",
            description = "BEAR: whether the B-th probability is a constant in the paper's form; default: yes")
    private Boolean detached;

    /** The name as given, or null. */
    String name() {
        return name;
    }

    /** The paper whose values are taken, or null. */
    String preset() {
        return preset;
    }

    /** As given, or null. */
    Double beta() {
        return beta;
    }

    /** The objective, given the one that a training preset has. */
    ObjectiveConfig config(ObjectiveConfig usual) {
        ObjectiveConfig d = name == null || name.equals(usual.name()) ? usual : ObjectiveConfig.of(name);
        if (preset != null) d = ObjectiveConfig.preset(d.name(), preset);
        refuseWithoutEffect(d);
        PrefixContrast c = d.contrast();
        return new ObjectiveConfig(
                d.name(),
                or(tau, d.tau()),
                or(beta, d.beta()),
                or(eta, d.eta()),
                or(prefixWeights, d.prefixWeights()),
                or(crossEntropy, d.crossEntropy()),
                or(negatives, d.negatives()),
                or(instances, d.instances()),
                new PrefixContrast(
                        or(prefixTau, c.tau()),
                        or(distinct, c.distinct()),
                        or(kappa, c.scaled()),
                        or(perCode, c.perCode())),
                or(lambda, d.lambda()),
                or(xi, d.xi()),
                or(bearWidth, d.bearWidth()),
                or(bearForm, d.bearForm()),
                or(detached, d.detached()));
    }

    private void refuseWithoutEffect(ObjectiveConfig usual) {
        String objective = usual.name();
        boolean pairwise = objective.equals(ObjectiveConfig.PAIRWISE), bear = objective.equals(ObjectiveConfig.BEAR);
        boolean apao = pairwise || objective.equals(ObjectiveConfig.POINTWISE);
        Map<String, Object> without = new LinkedHashMap<>();
        if (!apao) {
            without.put("--beta", beta);
            without.put("--eta", eta);
            without.put("--prefix-weights", prefixWeights);
            without.put("--cross-entropy", crossEntropy);
        }
        if (!pairwise) {
            without.put("--negatives", negatives);
            without.put("--instances", instances);
            without.put("--prefix-tau", prefixTau);
            without.put("--distinct", distinct);
            without.put("--kappa", kappa);
            without.put("--per-code", perCode);
        }
        if (!bear) {
            without.put("--lambda", lambda);
            without.put("--xi", xi);
            without.put("--bear-width", bearWidth);
            without.put("--bear-form", bearForm);
        }
        boolean constantWeights = apao && or(prefixWeights, usual.prefixWeights()) == PrefixWeights.Form.UNIFORM;
        if (constantWeights) without.put("--eta", eta);
        if (!bear || or(bearForm, usual.bearForm()) != Bear.Form.PAPER) without.put("--detached", detached);
        without.forEach((option, given) -> {
            if (given == null) return;
            String why = bear && option.equals("--detached") ? " without --bear-form paper"
                    : constantWeights && option.equals("--eta") ? " with --prefix-weights uniform"
                    : "";
            throw new UserError(option + " has no effect on " + objective + why + "; leave it out");
        });
        if (apao && !or(crossEntropy, usual.crossEntropy()) && or(beta, usual.beta()) == 0) {
            throw new UserError("--beta 0 --no-cross-entropy leaves no loss; leave one of them out");
        }
    }

    private static <T> T or(T given, T usual) {
        return given == null ? usual : given;
    }
}
