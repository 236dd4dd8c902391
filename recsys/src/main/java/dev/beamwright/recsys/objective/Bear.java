package dev.beamwright.recsys.objective;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.tensor.SoftmaxMask;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code bear}: BEAR, a regulariser for beam search (Yang et al., SIGIR 2026, arXiv 2601.22925). An item stays in a beam
 * of size B (equation 3.1) only if each of its codes is among the B likeliest at its place, a necessary condition that
 * costs nothing to look at. With β_t, the B-th largest probability there, and
 *
 * <pre>
 * Δ_t    = log β_t - log p_t          above 0 where the code is not among the B likeliest
 * σ_ξ(z) = 1 / (1 + e^{-z/ξ})
 * </pre>
 *
 * the two forms are
 *
 * <pre>
 * PAPER  L = mean over n, t of  -log p_t + λ log σ_ξ(Δ_t)
 * CODE   L = Σ u_t · (-log p_t) / Σ u_t,   u_t = 1 + λ σ_ξ(-Δ_t),   over the codes that have an alternative
 * </pre>
 *
 * where the u_t are constants. For a constant β_t the paper's gradient is that of a cross-entropy whose codes weigh
 * {@code 1 + (λ/ξ) σ_ξ(-Δ_t)}, so both forms cost a cross-entropy and a look for the B-th largest logit. The sum of the
 * second form runs over one micro-batch, as it runs over one device's in the paper's program. The weight of a code is
 * largest where it is among the B likeliest already; that is how paper and program have it.
 *
 * <p>Over {@link Softmax#CHILDREN} both softmax and rank look at the codes only that can follow in the trie. A node with
 * at most B of them meets the condition of itself: β_t is then its smallest probability.
 *
 * @param lambda λ; in the program's form what λ/ξ is in the paper's
 * @param xi ξ
 * @param width B; 0 for the beam size, see {@link #forBeam}
 * @param form which of the two
 * @param detached whether β_t is a constant in the paper's form; otherwise the B-th code is pushed down, too
 * @param tau temperature of the softmax
 */
public record Bear(
        @Help("weight of the regulariser") double lambda,
        @Help("softness of the margin") double xi,
        @Help("B of the B-th likeliest code; 0 for the beam size") int width,
        @Help("the paper's formula or its program's") Form form,
        @Help("whether the B-th probability is a constant in the paper's form") boolean detached,
        @Help("temperature of the softmax, in training and in decoding") double tau)
        implements
            TargetObjective {
    /** Which of the two. */
    public enum Form {
        PAPER, CODE
    }

    public Bear {
        Parameter.require(lambda >= 0 && lambda < 1000, "bear", "lambda", "from 0 to below 1000", lambda);
        Parameter.require(xi >= 1e-6 && xi < 1e6, "bear", "xi", "from 1e-6 to below 1e6", xi);
        Parameter.require(width >= 0, "bear", "width", "0 or more", width);
        CrossEntropy.requireTau("bear", tau);
    }

    /** The usual parameters, those that the paper's program names. */
    public Bear() {
        this(0.25, 2.75, 0, Form.CODE, true, 1);
    }

    @Override
    public String name() {
        return "bear";
    }

    @Override
    public String summary() {
        return "cross-entropy and a regulariser for beam search (BEAR)";
    }

    @Override
    public String equation() {
        return """
                margin_t = log p_(B),t - log p_t,  p_(B) the B-th largest probability    (BEAR, arXiv 2601.22925)
                paper: L = mean over t of -log p_t + lambda * log sigmoid(margin_t / xi)
                code:  L = sum_t u_t (-log p_t) / sum_t u_t,  u_t = 1 + lambda * sigmoid(-margin_t / xi),
                       over the codes that have an alternative""";
    }

    /** {@code toy}: the values that the paper's program names. */
    @Override
    public List<Preset> presets() {
        return List.of(Preset.of("toy", new Bear()));
    }

    @Override
    public String idle(String key) {
        return key.equals("detached") && form != Form.PAPER ? "without form=paper" : null;
    }

    @Override
    public Softmax usualSoftmax() {
        return Softmax.CHILDREN;
    }

    @Override
    public Bear forBeam(int beamSize) {
        return width > 0 ? this : new Bear(lambda, xi, beamSize, form, detached, tau);
    }

    @Override
    public int beamSize() {
        return width;
    }

    @Override
    public Result loss(MicroBatch b) {
        int levels = b.levels(), n = b.targets().count();
        Likelihood likelihood = b.likelihood();
        List<Variable> margins = new ArrayList<>();
        float[][] weights = new float[levels][n];
        double sum = 0;
        for (int t = 0; t < levels; t++) {
            boolean children = likelihood.softmax() == Softmax.CHILDREN;
            // The denominators cancel: Δ_t is the difference of two logits.
            Variable margin = Ops.topMargin(
                    b.tape(),
                    b.logits().get(t),
                    b.targets().codes().get(t),
                    width,
                    children ? b.targets().masks().get(t) : null);
            margins.add(margin);
            for (int i = 0; i < n; i++) {
                double s = sigmoid(-delta(b, margin, i) / xi);
                double u = switch (form) {
                    case PAPER -> 1 + (detached ? lambda / xi * s : 0);
                    case CODE -> forced(b, i, t) ? 0 : 1 + lambda * s;
                };
                weights[t][i] = (float) u;
                sum += u;
            }
        }
        // In the program's form the micro-batch counts as much as it has targets.
        double scale = switch (form) {
            case PAPER -> b.weight() / levels;
            case CODE -> sum == 0 ? 0 : b.weight() * n / sum;
        };
        Variable total = null;
        double[] nll = new double[levels];
        for (int t = 0; t < levels; t++) {
            float[] w = new float[n];
            for (int i = 0; i < n; i++) w[i] = (float) (scale * weights[t][i]);
            var ce = likelihood.crossEntropy(b.tape(), b.logits().get(t), b.targets(), t, w);
            nll[t] = ce.sum();
            total = total == null ? ce.loss() : Ops.add(b.tape(), total, ce.loss());
            if (form == Form.PAPER)
                total = Ops.add(b.tape(), total, regulariser(b, margins.get(t), scale, w, ce.nll()));
        }
        return new Result(total, nll);
    }

    /**
     * {@code scale · λ Σ log σ_ξ(Δ)}, less what the weights w have added to the cross-entropy's value already. Where β is
     * a constant, the weights have brought in its gradient, too; otherwise it flows through Δ.
     */
    private Variable regulariser(MicroBatch b, Variable margin, double scale, float[] w, float[] nll) {
        double value = 0;
        float[] gradient = new float[(int) margin.size()];
        for (int i = 0; i < nll.length; i++) {
            double z = delta(b, margin, i) / xi;
            value += scale * lambda * logSigmoid(z) + (scale - w[i]) * nll[i];
            gradient[i] = (float) (scale * lambda / xi * sigmoid(-z) / b.likelihood().temperature());
        }
        return detached
                ? Ops.computed(b.tape(), value, List.of(), List.of())
                : Ops.computed(b.tape(), value, List.of(margin), List.of(gradient));
    }

    private static double delta(MicroBatch b, Variable margin, int i) {
        return margin.value().get(i) / b.likelihood().temperature();
    }

    /** Whether there is no other code to choose. */
    private static boolean forced(MicroBatch b, int target, int level) {
        if (b.likelihood().softmax() == Softmax.LEVEL) return b.logits().get(level).shape().dim(-1) == 1;
        SoftmaxMask mask = b.targets().masks().get(level);
        int node = mask.nodes().getInt(target);
        return mask.offsets().getInt(node + 1) - mask.offsets().getInt(node) == 1;
    }

    static double sigmoid(double z) {
        return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
    }

    static double logSigmoid(double z) {
        return z >= 0 ? -Math.log1p(Math.exp(-z)) : z - Math.log1p(Math.exp(z));
    }
}
