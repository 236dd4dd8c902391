package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.run.UserError;

/**
 * The settings of {@link SasRec}; they stand in the run as {@code config/<name>.json}.
 *
 * @param loss what training minimises
 * @param start what the items' embeddings begin from
 * @param width columns of an item
 * @param layers blocks
 * @param heads of each attention; the width is divided among them
 * @param hidden columns inside the feed-forward parts
 * @param dropout share of activations and of attention weights set to zero
 * @param maxItems how many items of a history are read at the most
 * @param negatives items drawn against each target ({@link Loss#BCE}) or against all targets of a micro-batch
 *     ({@link Loss#SAMPLED})
 * @param batch sequences of one step
 * @param rate the learning rate
 * @param cosine whether the rate falls to nought along half a cosine over the epochs, after a rise over the first
 *     twentieth of the steps; otherwise it is constant
 * @param decay weight decay
 * @param epochs passes over the training data at the most
 * @param patience epochs without a better validation NDCG@10 after which training stops
 * @param validationCases how many validation users are asked after each epoch; 0 for all
 * @param shards into how many parts a step's gradient is summed, each by one thread
 * @param microTokens items that go through the network at once
 * @param seed of parameters, order, dropout and negatives
 */
public record SasRecConfig(
        Loss loss,
        Start start,
        int width,
        int layers,
        int heads,
        int hidden,
        double dropout,
        int maxItems,
        int negatives,
        int batch,
        double rate,
        boolean cosine,
        double decay,
        int epochs,
        int patience,
        int validationCases,
        int shards,
        int microTokens,
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
        /** The run's item vectors, {@code tokens/vectors.npy}: centred, reduced to the width, each of length 1. */
        VECTORS
    }

    public SasRecConfig {
        if (start == null) start = Start.RANDOM;
        require(width >= 1 && layers >= 1 && heads >= 1 && hidden >= 1,
                "width, layers, heads and hidden must be 1 or more");
        require(heads < 1 || width % heads == 0, "width " + width + " cannot be divided among " + heads + " heads");
        require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got " + dropout);
        require(maxItems >= 1, "maxItems must be at least 1, got " + maxItems);
        require(negatives >= 1, "negatives must be at least 1, got " + negatives);
        require(batch >= 1 && epochs >= 1 && patience >= 1, "batch, epochs and patience must be 1 or more");
        require(rate > 0 && decay >= 0 && decay < 1, "the rate must be above 0, the decay in [0, 1)");
        require(validationCases >= 0, "validationCases must be 0 (all) or more, got " + validationCases);
        require(shards >= 1 && shards <= 64 && microTokens >= 1, "shards must be in 1 … 64, microTokens 1 or more");
    }

    /** The same with another seed. */
    SasRecConfig withSeed(long seed) {
        return new SasRecConfig(
                loss, start, width, layers, heads, hidden, dropout, maxItems, negatives, batch, rate, cosine, decay,
                epochs, patience, validationCases, shards, microTokens, seed);
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
     * at the item vectors, 128 columns, one layer, 512 sampled items.
     */
    private static SasRecConfig best(long seed) {
        return new SasRecConfig(
                Loss.SAMPLED, Start.VECTORS, 128, 1, 2, 256, 0.5, 50, 512, 128, 1e-3, false, 0, 50, 2, 4000, 4, 256, seed);
    }

    /** As it is published: 64 columns, 2 layers, 50 items, dropout 0.5, random embeddings. */
    private static SasRecConfig plain(Loss loss, long seed) {
        return new SasRecConfig(
                loss, Start.RANDOM, 64, 2, 2, 256, 0.5, 50, 1, 256, 1e-3, false, 0, 200, 10, 4000, 4, 256, seed);
    }

    private static void require(boolean holds, String message) {
        if (!holds) throw new UserError("sasrec: " + message);
    }
}
