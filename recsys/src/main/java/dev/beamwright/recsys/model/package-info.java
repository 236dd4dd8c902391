/**
 * The networks that write a semantic ID code by code, and how their logits become probabilities.
 *
 * <p>{@code GenerativeModel} is what all backbones have in common; {@code Likelihood} turns logits into
 * probabilities, the same
 * in training and in decoding; {@code Targets} is what a loss sees of a batch. Uses {@code semanticid} and the module
 * {@code transformer}; knows nothing of losses or searches.
 *
 * <p>Begin with {@code GenerativeModel}, then {@code DecoderOnly}.
 */
package dev.beamwright.recsys.model;
