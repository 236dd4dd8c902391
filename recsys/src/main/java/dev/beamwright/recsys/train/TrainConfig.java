package dev.beamwright.recsys.train;

import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.UserError;
import java.util.List;

/**
 * How a model is trained.
 *
 * @param model its sizes
 * @param objective whose loss is minimised
 * @param softmax over which codes probabilities add up
 * @param epochs passes over the training data at the most
 * @param patience epochs without a better one after which training stops; 0 for never
 * @param batch samples of one step: sequences, or targets where each has a history of its own
 * @param rate the highest learning rate
 * @param warmup share of all steps in which the rate rises, or from 1 on how many steps; then it falls along half a cosine
 * @param decay weight decay
 * @param clip the largest global norm of the gradient; 0 for none
 * @param dropout share of activations set to zero
 * @param beam width of the beam that will serve: BEAR's B unless that is told, what {@code diagnose} looks at, and the
 *     width in validation, but for 10 at least there
 * @param validationCases how many validation users are asked after each epoch; 0 for all
 * @param seed of parameters, order and dropout
 * @param shards into how many parts a step's gradient is summed, each by one thread; part of the result's bits, so it
 *     does not follow the number of processors
 * @param microTokens tokens that go through the network at once, so that activations stay in the cache
 * @param checkpointSeconds time between two checkpoints within an epoch
 * @param holdOut so many items at the end of each user's training sequence are left out, see {@link Samples#learnt}; a
 *     second stage finds targets there that the model has not seen
 * @param best what makes an epoch better than another
 * @param prm the process reward model that is trained with the model, or null for none
 * @param first the settings of the run whose model this training begins from, or null if it begins from nothing
 */
public record TrainConfig(
        ModelConfig model,
        TargetObjective objective,
        Softmax softmax,
        int epochs,
        int patience,
        int batch,
        double rate,
        double warmup,
        double decay,
        double clip,
        double dropout,
        int beam,
        int validationCases,
        long seed,
        int shards,
        int microTokens,
        int checkpointSeconds,
        int holdOut,
        Best best,
        @Nullable PrmConfig prm,
        @Nullable TrainConfig first) {

    /** By what the validation users choose the epoch whose model is kept. */
    public enum Best {
        /** The NDCG@10 of a beam search, of what serves. */
        NDCG,
        /**
         * All that is made small, as in the APAO paper: the objective, with the prefix weights that the epoch ended with,
         * and the loss of a process reward model that is trained with the model.
         */
        LOSS
    }

    public TrainConfig {
        require(epochs >= 1, "epochs must be at least 1, got " + epochs);
        require(patience >= 0, "patience must be 0 or more, got " + patience);
        require(batch >= 1, "batch must be at least 1, got " + batch);
        require(rate > 0 && rate < 10, "the learning rate must be between 0 and 10, got " + rate);
        require(warmup >= 0, "warm-up must be 0 or more, got " + warmup);
        require(decay >= 0 && decay < 1, "weight decay must be in [0, 1), got " + decay);
        require(clip >= 0, "clip must be 0 or more, got " + clip);
        require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
        require(beam >= 1, "the beam must be at least 1 wide, got " + beam);
        require(validationCases >= 0, "validation cases must be 0 (all) or more, got " + validationCases);
        require(shards >= 1 && shards <= 64, "shards must be in 1 … 64, got " + shards);
        require(holdOut >= 0, "hold-out must be 0 or more, got " + holdOut);
        require(microTokens >= 1, "micro tokens must be at least 1, got " + microTokens);
        require(
                softmax == Softmax.CHILDREN || !model.backbone().equals(ModelConfig.ITEM),
                "an item decoder computes the logits of a node's children only, not of all codes of a level; leave out"
                        + " --softmax level, or take another --preset");
        objective.likelihood(softmax); // refuses what does not go together
    }

    /** Without items held out or a process reward model, the best epoch by {@link Best#NDCG}. */
    public TrainConfig(
            ModelConfig model,
            TargetObjective objective,
            Softmax softmax,
            int epochs,
            int patience,
            int batch,
            double rate,
            double warmup,
            double decay,
            double clip,
            double dropout,
            int beam,
            int validationCases,
            long seed,
            int shards,
            int microTokens,
            int checkpointSeconds) {
        this(model, objective, softmax, epochs, patience, batch, rate, warmup, decay, clip, dropout, beam,
                validationCases, seed, shards, microTokens, checkpointSeconds, 0, Best.NDCG, null, null);
    }

    /** In how many of all steps the rate rises. */
    long warmupSteps(long steps) {
        return Math.round(warmup < 1 ? warmup * steps : Math.min(warmup, steps));
    }

    /** The same with another batch. */
    TrainConfig withBatch(int batch) {
        return new TrainConfig(model, objective, softmax, epochs, patience, batch, rate, warmup, decay, clip, dropout,
                beam, validationCases, seed, shards, microTokens, checkpointSeconds, holdOut, best, prm, first);
    }

    /** The same with a process reward model, or null for none. */
    public TrainConfig with(PrmConfig prm) {
        return new TrainConfig(model, objective, softmax, epochs, patience, batch, rate, warmup, decay, clip, dropout,
                beam, validationCases, seed, shards, microTokens, checkpointSeconds, holdOut, best, prm, first);
    }

    /**
     * The settings that are used unless others are asked for: a decoder of 4 layers and 128 columns, about a million
     * parameters.
     */
    public static TrainConfig defaults(long seed) {
        return new TrainConfig(
                new ModelConfig("decoder", 128, 4, 4, 32, 256, false, 50),
                new CrossEntropy(),
                Softmax.CHILDREN,
                30,
                8,
                128,
                1e-3,
                0.05,
                0.05,
                1,
                0.2,
                10,
                4000,
                seed,
                4,
                512,
                60);
    }

    /** What {@link #preset} knows. */
    public static final List<String> PRESETS = List.of("default", "item", "tiger", "paischer", "llama");

    /**
     * The settings of a publication, the default ones, or those of an item decoder:
     *
     * <ul>
     *   <li>{@code item}: {@link ModelConfig#itemDecoder()}
     *   <li>{@code tiger}: {@link ModelConfig#tiger()}, trained as in the APAO paper (arXiv 2603.02730), since the TIGER
     *       paper's own learning rate of 0.01 is for another optimizer
     *   <li>{@code paischer}: {@link ModelConfig#paischer()} with that paper's rate, warm-up (10,000 steps),
     *       decay and dropout
     *   <li>{@code llama}: {@link ModelConfig#llama()}, trained as in the APAO paper; a batch there has 1,024 targets,
     *       here 128 sequences
     * </ul>
     *
     * The last three have the APAO paper's beam of 20. What stays ours: AdamW's β₂ of 0.98 (there 0.999), a cosine that ends at
     * 5 % of the rate, and the choice of the epoch by NDCG@10 of a beam search on some validation users (there by the
     * loss, as with {@link Best#LOSS}).
     */
    public static TrainConfig preset(String name, long seed) {
        return switch (name) {
            case "default" -> defaults(seed);
            case "item" -> itemDecoder(seed);
            case "tiger" -> published(ModelConfig.tiger(), 200, 20, 1024, 5e-4, 0.01, 0.01, 0.1, seed);
            case "paischer" -> published(ModelConfig.paischer(), 400, 15, 256, 3e-4, 10_000, 0.035, 0.2, seed);
            case "llama" -> published(ModelConfig.llama(), 200, 20, 128, 5e-4, 0.01, 0.01, 0, seed);
            default ->
                throw new UserError("there is no preset '" + name + "'; choose from " + String.join(", ", PRESETS));
        };
    }

    private static TrainConfig itemDecoder(long seed) {
        TrainConfig d = defaults(seed);
        return new TrainConfig(
                ModelConfig.itemDecoder(),
                d.objective(),
                Softmax.CHILDREN,
                8,
                3,
                128,
                1e-3,
                0.05,
                0,
                5,
                0.5,
                d.beam(),
                d.validationCases(),
                seed,
                2,
                1024,
                d.checkpointSeconds());
    }

    private static TrainConfig published(
            ModelConfig model,
            int epochs,
            int patience,
            int batch,
            double rate,
            double warmup,
            double decay,
            double dropout,
            long seed) {
        TrainConfig d = defaults(seed);
        return new TrainConfig(
                model,
                new CrossEntropy(),
                Softmax.LEVEL,
                epochs,
                patience,
                batch,
                rate,
                warmup,
                decay,
                1,
                dropout,
                20,
                d.validationCases(),
                seed,
                d.shards(),
                d.microTokens(),
                d.checkpointSeconds());
    }

    /**
     * The settings for training a process reward model on this model as it stands.
     *
     * @param seed of its parameters, the order and what is drawn
     */
    public TrainConfig forPrm(PrmConfig prm, int epochs, int patience, double rate, int validationCases, long seed) {
        return new TrainConfig(model, objective, softmax, epochs, patience, batch, rate, warmup, decay, clip, dropout,
                beam, validationCases, seed, shards, microTokens, checkpointSeconds, holdOut, Best.NDCG, prm, first);
    }

    /** 1 for a training that begins from nothing, 2 for one that begins from such a one's model, and so on. */
    int stage() {
        return first == null ? 1 : first.stage() + 1;
    }

    /** How the model is called in a score card: its backbone, and what it was trained by, one stage after the other. */
    public String label() {
        return (first == null ? model.backbone() : first.label()) + "-" + objective.name();
    }

    /** How logits become probabilities, in training and in decoding. */
    public Likelihood likelihood() {
        return objective.likelihood(softmax);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
