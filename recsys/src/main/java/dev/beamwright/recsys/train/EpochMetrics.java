package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Nullable;

/**
 * One line of {@code model/metrics.jsonl} or {@code model/prm-metrics.jsonl}.
 *
 * @param loss mean over targets and levels of the negative log-likelihood, or of the loss of a process reward model
 *     that is trained alone
 * @param prefixWeights at the end of the epoch, for objectives that have such; else empty
 * @param validationLoss what is made small, of the validation users' targets; null where it does not choose the epoch
 * @param validationRecall10 of a beam search; where there is a process reward model, of one that is widened to four
 *     times its width
 * @param prmLossByLevel of a process reward model that is trained with the model; else empty
 * @param plainRecall10 of the plain beam where the other is widened, and the model is trained; else null
 * @param plainNdcg10 likewise
 */
public record EpochMetrics(
        int epoch,
        long steps,
        double loss,
        double[] lossByLevel,
        double rate,
        double[] prefixWeights,
        @Nullable Double validationLoss,
        double validationRecall10,
        double validationNdcg10,
        int validationCases,
        double seconds,
        double[] prmLossByLevel,
        @Nullable Double plainRecall10,
        @Nullable Double plainNdcg10) {}
