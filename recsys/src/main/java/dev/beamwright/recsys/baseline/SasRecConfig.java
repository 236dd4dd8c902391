package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.train.ExecutionConfig;
import dev.beamwright.recsys.train.ValidationConfig;

/**
 * The settings of {@link SasRec}; they stand in the run as {@code config/<name>.json}.
 *
 * @param loss what training minimises
 * @param start what the items' embeddings begin from
 * @param model its sizes
 * @param negatives items drawn against each target ({@link Loss#BCE}) or against all targets of a micro-batch
 *     ({@link Loss#SAMPLED})
 * @param epochs passes over the training data at the most
 * @param seed of parameters, order, dropout and negatives
 */
public record SasRecConfig(
        Loss loss,
        Start start,
        Model model,
        int negatives,
        int epochs,
        Optimization optimization,
        ValidationConfig validation,
        ExecutionConfig execution,
        long seed) {
    /** What training minimises. */
    public enum Loss {
        /** The cross-entropy over all items. */
        CE,
        /** The binary cross-entropy of the target and of items drawn at random, as in the SASRec paper. */
        BCE,
        /** The cross-entropy over the target and items drawn at random. */
        SAMPLED
    }

    /** What the items' embeddings begin from. */
    public enum Start {
        /** Small random numbers. */
        RANDOM,
        /** The run's item vectors, {@code tokens/vectors.npy}: centred, reduced to d_model, each of length 1. */
        VECTORS
    }

    /**
     * The sizes.
     *
     * @param dModel columns of an item
     * @param layers blocks
     * @param heads of each attention; d_model is divided among them
     * @param ffnDim columns inside the feed-forward parts
     * @param maxItems how many items of a history are read at the most
     */
    public record Model(int dModel, int layers, int heads, int ffnDim, int maxItems) {
        public Model {
            require(dModel >= 1 && layers >= 1 && heads >= 1 && ffnDim >= 1,
                    "dModel, layers, heads and ffnDim must be 1 or more");
            require(heads < 1 || dModel % heads == 0,
                    "dModel " + dModel + " cannot be divided among " + heads + " heads");
            require(maxItems >= 1, "maxItems must be at least 1, got " + maxItems);
        }
    }

    /**
     * How training steps change the parameters: by AdamW, without clipping.
     *
     * @param batchSize sequences of one step
     * @param learningRate the learning rate
     * @param cosine whether the rate falls to nought along half a cosine over the epochs, after a warm-up over the first
     *     twentieth of the steps; otherwise it is constant
     * @param weightDecay AdamW's weight decay
     * @param dropout share of activations and of attention weights set to zero
     */
    public record Optimization(int batchSize, double learningRate, boolean cosine, double weightDecay, double dropout) {
        public Optimization {
            require(batchSize >= 1, "batchSize must be 1 or more, got " + batchSize);
            require(learningRate > 0 && weightDecay >= 0 && weightDecay < 1,
                    "learningRate must be above 0, weightDecay in [0, 1)");
            require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
        }
    }

    public SasRecConfig {
        require(negatives >= 1, "negatives must be at least 1, got " + negatives);
        require(epochs >= 1, "epochs must be 1 or more, got " + epochs);
        require(validation.patience() >= 1, "patience must be 1 or more, got " + validation.patience());
    }

    /** The same with another seed. */
    SasRecConfig withSeed(long seed) {
        return new SasRecConfig(loss, start, model, negatives, epochs, optimization, validation, execution, seed);
    }

    /**
     * The settings of a baseline.
     *
     * @param name one of {@link TrainedSasRec#NAMES}
     */
    static SasRecConfig named(String name, long seed) {
        return switch (name) {
            case "sasrec-ce" -> plain(Loss.CE, seed);
            case "sasrec-bce" -> plain(Loss.BCE, seed);
            default -> best(seed);
        };
    }

    /**
     * The best in validation on Amazon Beauty, in a fraction of the time of the full cross-entropy: embeddings that begin
     * at the item vectors, d_model 128, one layer, 512 sampled items.
     */
    private static SasRecConfig best(long seed) {
        return new SasRecConfig(
                Loss.SAMPLED, Start.VECTORS, new Model(128, 1, 2, 256, 50), 512, 50,
                new Optimization(128, 1e-3, false, 0, 0.5), new ValidationConfig(4000, 2),
                new ExecutionConfig(4, 256, 60), seed);
    }

    /** As it is published: d_model 64, 2 layers, 50 items, dropout 0.5, random embeddings. */
    private static SasRecConfig plain(Loss loss, long seed) {
        return new SasRecConfig(
                loss, Start.RANDOM, new Model(64, 2, 2, 256, 50), 1, 200, new Optimization(256, 1e-3, false, 0, 0.5),
                new ValidationConfig(4000, 10), new ExecutionConfig(4, 256, 60), seed);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("sasrec: " + message);
    }
}
