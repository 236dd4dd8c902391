package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * {@code msl}: the cross-entropy over the codes that can follow in the item trie, the children (Wang et al., SIGIR 2025,
 * arXiv 2504.04178): codes that no item has are left out of the softmax,
 *
 * <pre>L_MSL = mean over n, t of -log softmax over children(z_nt / τ)[y_nt]</pre>
 *
 * @param tau τ: temperature of the softmax
 */
public record Msl(@Help("temperature of the softmax, in training and in decoding") double tau)
        implements
            TargetObjective {
    public Msl {
        CrossEntropy.requireTau("msl", tau);
    }

    /** With τ = 1. */
    public Msl() {
        this(1);
    }

    @Override
    public String name() {
        return "msl";
    }

    @Override
    public String summary() {
        return "cross-entropy over the codes that can follow in the item trie";
    }

    @Override
    public String equation() {
        return """
                L = mean over targets n and levels t of -log softmax over children(z_nt / tau)[code]
                (MSL, arXiv 2504.04178)""";
    }

    /** τ of table 5 of the APAO paper (arXiv 2603.02730). */
    @Override
    public List<Preset> presets() {
        return List.of(
                Preset.of("office-tiger", new Msl(2)),
                Preset.of("grocery-tiger", new Msl(1)),
                Preset.of("beauty-tiger", new Msl(1)),
                Preset.of("yelp-tiger", new Msl(3)),
                Preset.of("office-llama", new Msl(1)),
                Preset.of("grocery-llama", new Msl(1)),
                Preset.of("beauty-llama", new Msl(2)),
                Preset.of("yelp-llama", new Msl(1)));
    }

    @Override
    public Softmax usualSoftmax() {
        return Softmax.CHILDREN;
    }

    @Override
    public Likelihood likelihood(Softmax softmax) {
        if (softmax != Softmax.CHILDREN) {
            throw new UserError("objective: msl is the cross-entropy over children; leave out --softmax level");
        }
        return TargetObjective.super.likelihood(softmax);
    }

    @Override
    public boolean recordable() {
        return true;
    }

    @Override
    public Result loss(MicroBatch b) {
        double[] nll = new double[b.levels()];
        return new Result(CrossEntropy.meanNll(b, nll), nll);
    }
}
