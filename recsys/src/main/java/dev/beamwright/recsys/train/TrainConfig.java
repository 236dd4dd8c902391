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
 * How a model is trained on the true sequences.
 *
 * @param model its sizes
 * @param objective whose loss is minimised
 * @param epochs passes over the training data at the most
 * @param holdOut so many items at the end of each user's training sequence are left out, see {@link Samples#learnt}; a
 *     second stage finds targets there that the model has not seen
 * @param seed of parameters, order and dropout
 * @param prm the process reward model that is trained with the model, or null for none
 * @param first the settings of the run whose model this training begins from, or null if it begins from nothing
 */
public record TrainConfig(
        ModelConfig model,
        TargetObjective objective,
        DecodingConfig decoding,
        int epochs,
        OptimizationConfig optimization,
        ValidationConfig validation,
        ExecutionConfig execution,
        int holdOut,
        long seed,
        @Nullable PrmConfig prm,
        @Nullable TrainConfig first) {
    /** What {@link #preset} knows. */
    public static final List<String> PRESETS = List.of("default", "item", "tiger", "paischer", "llama");

    public TrainConfig {
        require(epochs >= 1, "epochs must be at least 1, got " + epochs);
        require(holdOut >= 0, "hold-out must be 0 or more, got " + holdOut);
        require(
                decoding.softmax() == Softmax.CHILDREN || !model.backbone().equals(ModelConfig.ITEM),
                "an item decoder computes the logits of a node's children only, not of all codes of a level; leave out"
                        + " --softmax level, or take another --preset");
        objective.likelihood(decoding.softmax()); // refuses what does not go together
    }

    /** A first stage without items held out or a process reward model. */
    public TrainConfig(
            ModelConfig model,
            TargetObjective objective,
            DecodingConfig decoding,
            int epochs,
            OptimizationConfig optimization,
            ValidationConfig validation,
            ExecutionConfig execution,
            long seed) {
        this(model, objective, decoding, epochs, optimization, validation, execution, 0, seed, null, null);
    }

    /**
     * The settings that are used unless others are asked for: a decoder of 4 layers and d_model 128, about a million
     * parameters.
     */
    public static TrainConfig defaults(long seed) {
        return new TrainConfig(
                new ModelConfig("decoder", 128, 4, 4, 32, 256, false, 50),
                new CrossEntropy(),
                new DecodingConfig(Softmax.CHILDREN, 10),
                30,
                new OptimizationConfig(128, 1e-3, 0.05, 0, 0.05, 1, 0.2),
                new ValidationConfig(4000, 8),
                new ExecutionConfig(4, 512, 60),
                seed);
    }

    /**
     * The settings of a publication, the default ones, or those of an item decoder:
     *
     * <ul>
     *   <li>{@code item}: {@link ModelConfig#itemDecoder()}
     *   <li>{@code tiger}: {@link ModelConfig#tiger()}, trained as in the APAO paper (arXiv 2603.02730), since the TIGER
     *       paper's own learning rate of 0.01 is for another optimizer
     *   <li>{@code paischer}: {@link ModelConfig#paischer()} with that paper's learning rate, warm-up (10,000 steps),
     *       weight decay and dropout
     *   <li>{@code llama}: {@link ModelConfig#llama()}, trained as in the APAO paper; a batch there has 1,024 targets,
     *       here 128 sequences
     * </ul>
     *
     * The last three have the APAO paper's beam size of 20. What stays ours: AdamW's β₂ of 0.98 (there 0.999), a cosine
     * that ends at 5 % of the learning rate, and the choice of the epoch by NDCG@10 of a beam search on some validation
     * users (there by the loss, as with {@link ValidationConfig.Best#LOSS}).
     */
    public static TrainConfig preset(String name, long seed) {
        TrainConfig d = defaults(seed), published = d.withDecoding(new DecodingConfig(Softmax.LEVEL, 20));
        return switch (name) {
            case "default" -> d;
            case "item" -> d.withModel(ModelConfig.itemDecoder())
                    .withEpochs(8)
                    .withOptimization(new OptimizationConfig(128, 1e-3, 0.05, 0, 0, 5, 0.5))
                    .withValidation(d.validation.withPatience(3))
                    .withExecution(new ExecutionConfig(2, 1024, 60));
            case "tiger" -> published.withModel(ModelConfig.tiger())
                    .withEpochs(200)
                    .withOptimization(new OptimizationConfig(1024, 5e-4, 0.01, 0, 0.01, 1, 0.1))
                    .withValidation(d.validation.withPatience(20));
            case "paischer" -> published.withModel(ModelConfig.paischer())
                    .withEpochs(400)
                    .withOptimization(new OptimizationConfig(256, 3e-4, 0, 10_000, 0.035, 1, 0.2))
                    .withValidation(d.validation.withPatience(15));
            case "llama" -> published.withModel(ModelConfig.llama())
                    .withEpochs(200)
                    .withOptimization(new OptimizationConfig(128, 5e-4, 0.01, 0, 0.01, 1, 0))
                    .withValidation(d.validation.withPatience(20));
            default ->
                throw new UserError("there is no preset '" + name + "'; choose from " + String.join(", ", PRESETS));
        };
    }

    public TrainConfig withModel(ModelConfig model) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    /** The same objective and softmax go together, so both change at once. */
    public TrainConfig withObjective(TargetObjective objective, Softmax softmax) {
        return new TrainConfig(model, objective, decoding.withSoftmax(softmax), epochs, optimization, validation,
                execution, holdOut, seed, prm, first);
    }

    public TrainConfig withDecoding(DecodingConfig decoding) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withEpochs(int epochs) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withOptimization(OptimizationConfig optimization) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withValidation(ValidationConfig validation) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withExecution(ExecutionConfig execution) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withHoldOut(int holdOut) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    public TrainConfig withSeed(long seed) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    /** With a process reward model, or null for none. */
    public TrainConfig withPrm(PrmConfig prm) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    /** As a second stage, which begins from the model of a run with these settings; null for a first stage. */
    public TrainConfig withFirst(TrainConfig first) {
        return new TrainConfig(model, objective, decoding, epochs, optimization, validation, execution, holdOut, seed,
                prm, first);
    }

    /**
     * The settings for training a process reward model on this model as it stands.
     *
     * @param seed of its parameters, the order and what is drawn
     */
    public TrainConfig forPrm(
            PrmConfig prm, int epochs, int patience, double learningRate, int validationCases, long seed) {
        return withPrm(prm)
                .withEpochs(epochs)
                .withOptimization(optimization.withLearningRate(learningRate))
                .withValidation(new ValidationConfig(validationCases, patience))
                .withSeed(seed);
    }

    /** 1 for a training that begins from nothing, 2 for one that begins from such a one's model, and so on. */
    int stage() {
        return first == null ? 1 : first.stage() + 1;
    }

    /** The model's name in a score card: its backbone, and the objectives of its stages, one after the other. */
    public String label() {
        return (first == null ? model.backbone() : first.label()) + "-" + objective.name();
    }

    /** How logits become probabilities, in training and in decoding. */
    public Likelihood likelihood() {
        return objective.likelihood(decoding.softmax());
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("train: " + message);
    }
}
