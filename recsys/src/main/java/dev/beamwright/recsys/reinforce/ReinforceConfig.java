package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.run.UserError;
import java.util.List;
import java.util.Map;

/**
 * How a trained model is made better by its own rollouts.
 *
 * @param name of the objective, one of {@link #NAMES}
 * @param from the folder of the run that it starts from
 * @param reward what a rollout is worth; has no effect on preferences
 * @param group G: width of the beam that makes a rollout
 * @param batch prompts of one rollout
 * @param iterations updates that one rollout serves
 * @param steps updates in all
 * @param ratioClip ε: how far the ratio of new to old probability may go from 1 before it counts no more
 * @param kl weight of the divergence from the model of the beginning, by the estimator k3; 0 for none
 * @param meanScore whether an item's score, from which rewards are made, is the mean of its codes' log-probabilities;
 *     otherwise their sum
 * @param alphaMin weight of a prompt whose target came first; 1 for no weights by difficulty
 * @param confidence the losses of the confidence; all 0 for a model without
 * @param confidenceRate the highest learning rate of what is new for the confidence
 * @param beta of preferences
 * @param rejected items of a rollout that a preference is against, at the most
 * @param rate the highest learning rate
 * @param warmup share of all steps in which it rises; then it falls along half a cosine to 0
 * @param decay weight decay
 * @param clip the largest global norm of the gradient; 0 for none
 * @param dropout in the pass that is learnt from; rollouts have none
 * @param every steps between two validations
 * @param patience validations without a better NDCG@10 after which training stops; 0 for never
 * @param beam width of the beam in validation, at least 10
 * @param validationCases users asked in a validation; 0 for all
 * @param seed of order and dropout
 * @param shards into how many parts a step's gradient is summed; part of the result's bits
 * @param microTokens tokens that go through the network at once
 * @param checkpointSeconds time between two checkpoints
 */
public record ReinforceConfig(
        String name,
        String from,
        Reward reward,
        int group,
        int batch,
        int iterations,
        int steps,
        double ratioClip,
        double kl,
        boolean meanScore,
        double alphaMin,
        ConfidenceOrder confidence,
        double confidenceRate,
        double beta,
        int rejected,
        double rate,
        double warmup,
        double decay,
        double clip,
        double dropout,
        int every,
        int patience,
        int beam,
        int validationCases,
        long seed,
        int shards,
        int microTokens,
        int checkpointSeconds) {
    public static final String UGR = "ugr", GRPO = "grpo", RERANK = "rerank", DPO = "dpo", S_DPO = "s-dpo",
            SFT = "sft";
    /** All objectives. */
    public static final List<String> NAMES = List.of(UGR, GRPO, RERANK, DPO, S_DPO, SFT);

    private static final ConfidenceOrder NONE = new ConfidenceOrder(0, 0, 0);

    public ReinforceConfig {
        require(NAMES.contains(name), "there is no objective '" + name + "'; choose from " + String.join(", ", NAMES));
        require(group >= 2 && group <= 1000, "the group must have 2 … 1000 items, got " + group);
        require(batch >= 1, "batch must be at least 1, got " + batch);
        require(iterations >= 1, "iterations must be at least 1, got " + iterations);
        require(steps >= 1, "steps must be at least 1, got " + steps);
        require(ratioClip > 0 && ratioClip < 1, "ratio-clip must be in (0, 1), got " + ratioClip);
        require(kl >= 0 && kl < 1000, "kl must be 0 or more, got " + kl);
        require(alphaMin >= 0 && alphaMin <= 1, "alpha-min must be in [0, 1], got " + alphaMin);
        require(
                confidence.partial() >= 0 && confidence.wrong() >= 0 && confidence.order() >= 0,
                "the lambdas must be 0 or more, got " + confidence);
        require(
                !name.equals(SFT) || kl == 0 && !confidence.active(),
                "sft learns from targets alone: --kl and the lambdas of the confidence have no place there");
        require(beta > 0 && beta < 1000, "beta must be above 0, got " + beta);
        require(rejected >= 1, "rejected must be at least 1, got " + rejected);
        require(rate > 0 && rate < 10, "the learning rate must be between 0 and 10, got " + rate);
        require(confidenceRate >= rate && confidenceRate < 10, "confidence-rate must not be below rate, got "
                + confidenceRate);
        require(warmup >= 0 && warmup < 1, "the share of warm-up must be in [0, 1), got " + warmup);
        require(decay >= 0 && decay < 1, "weight decay must be in [0, 1), got " + decay);
        require(clip >= 0, "clip must be 0 or more, got " + clip);
        require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
        require(every >= 1, "every must be at least 1, got " + every);
        require(patience >= 0, "patience must be 0 or more, got " + patience);
        require(beam >= 10, "the beam must be at least 10 wide, got " + beam);
        require(validationCases >= 0, "validation cases must be 0 (all) or more, got " + validationCases);
        require(shards >= 1 && shards <= 64, "shards must be in 1 … 64, got " + shards);
        require(microTokens >= 1, "micro tokens must be at least 1, got " + microTokens);
    }

    /** The usual settings of an objective; those of UGR are its run script's, but for the learning rate. */
    public static ReinforceConfig of(String name, String from, long seed) {
        boolean ugr = name.equals(UGR);
        Reward reward = switch (name) {
            case UGR -> Reward.UNCERTAINTY;
            case RERANK -> Reward.RANKING;
            default -> Reward.BINARY;
        };
        return new ReinforceConfig(
                name, from, reward, 16, 16, 1, 300, 0.2, 0, true, ugr ? 0 : 1,
                ugr ? new ConfidenceOrder(0, 0.5, 0) : NONE, 5e-3, 0.1, name.equals(DPO) ? 1 : 15,
                preference(name) ? 5e-6 : 5e-5, 0.01, 0, 1, 0,
                50,
                0, 10, 1000, seed, 4, 1024, 60);
    }

    private record Published(String objective, double kl, double alphaMin, ConfidenceOrder confidence, double clip) {}

    private static final Map<String, Published> PUBLISHED = new java.util.TreeMap<>(Map.of(
            "ugr-script", new Published(UGR, 0, 0, new ConfidenceOrder(0, 0.5, 0), 1),
            "ugr-defaults", new Published(UGR, 0, 0.1, new ConfidenceOrder(0.01, 0.1, 0), 1),
            "minionerec", new Published(RERANK, 1e-3, 1, NONE, 0.3)));

    /**
     * The values that a paper's program has: {@code ugr-script} (the script by which UGR was run) and
     * {@code ugr-defaults} (what its program takes if told nothing) for ugr, {@code minionerec} for rerank. Their learning
     * rates (2e-6 and 1e-5) belong to language models of billions of parameters and are not taken over.
     */
    public ReinforceConfig preset(String preset) {
        Published p = PUBLISHED.get(preset);
        if (p == null || !p.objective().equals(name)) {
            throw new UserError("--objective-preset " + preset + ": no paper has such values for " + name
                    + "; there are: ugr-script and ugr-defaults for ugr, minionerec for rerank");
        }
        return new ReinforceConfig(
                name, from, reward, group, batch, iterations, steps, ratioClip, p.kl(), meanScore, p.alphaMin(),
                p.confidence(), confidenceRate, beta, rejected, rate, warmup, decay, p.clip(), dropout, every, patience,
                beam,
                validationCases,
                seed, shards, microTokens, checkpointSeconds);
    }

    /** The same, starting from another folder. */
    public ReinforceConfig startingFrom(String folder) {
        return new ReinforceConfig(
                name, folder, reward, group, batch, iterations, steps, ratioClip, kl, meanScore, alphaMin, confidence,
                confidenceRate, beta, rejected, rate, warmup, decay, clip, dropout, every, patience, beam,
                validationCases, seed,
                shards,
                microTokens, checkpointSeconds);
    }

    /** How many times faster than the model learns what is new for the confidence. */
    public double confidenceGain() {
        return confidenceRate / rate;
    }

    /** Whether it learns from preferences, not from rewards. */
    public boolean preference() {
        return preference(name);
    }

    private static boolean preference(String name) {
        return name.equals(DPO) || name.equals(S_DPO);
    }

    /** Whether it learns from the targets alone, whatever the rollouts: the control for all others. */
    public boolean supervised() {
        return name.equals(SFT);
    }

    /** Whether a frozen copy of the first model is needed. */
    public boolean needsReference() {
        return preference() || kl > 0;
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
