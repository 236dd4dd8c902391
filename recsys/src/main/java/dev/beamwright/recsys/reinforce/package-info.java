/**
 * Training by rollouts: GRPO, ranking rewards, UGR (arXiv 2602.11719), DPO and S-DPO.
 *
 * <p>The model learns from lists that its own beam search returns. Uses {@code train}, {@code confidence} and
 * {@code decode}.
 *
 * <p>Begin with {@code Reinforce}, then {@code RolloutStage}.
 */
package dev.beamwright.recsys.reinforce;
