package dev.beamwright.recsys.reinforce;

import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.ClippedPolicy;
import dev.beamwright.recsys.objective.ConfidenceOrder;
import dev.beamwright.recsys.objective.ConfidenceOrder.Kind;
import dev.beamwright.recsys.objective.Counters;
import dev.beamwright.recsys.objective.RolloutLoss;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.Batches;
import dev.beamwright.recsys.train.Checkpoints;
import dev.beamwright.recsys.train.MetricsLog;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.recsys.train.TrainingRun;
import dev.beamwright.recsys.train.TrainingState;
import dev.beamwright.recsys.train.Validation;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Training by rollouts as the loop sees it. Steps take prompts: every item of a training sequence but the first is the
 * target of one, or only those that the first training held out. A batch of prompts serves
 * {@link ReinforceConfig.RolloutConfig#iterations} steps; only between batches can training be resumed.
 *
 * <p>The start model counts as the best until it is surpassed, unless a confidence is trained, of which it knows nothing.
 */
final class RolloutStage implements TrainingRun.Stage<RolloutStage.Found>, AutoCloseable {
    /** What a validation found. */
    record Found(Validation validation, double entropy) implements TrainingRun.Validated {
        @Override
        public double ndcg10() {
            return validation.ndcg10();
        }
    }

    private final ReinforceConfig config;
    private final TrainConfig first;
    private final RunFolder run;
    private final Backend backend;
    private final Progress progress;
    private final Arena memory = Arena.ofShared();
    private final Key key;
    private final Policy policy;
    private final Rollouts loss;
    private final Trainer<Policy> trainer;
    private final Batches prompts;
    private final int promptCount;
    private final List<Case> validation;
    final Checkpoints checkpoints;
    final TrainingRun<Found> training;

    RolloutStage(ReinforceConfig config, RunFolder run, Backend backend, Progress progress) {
        this.config = config;
        this.run = run;
        this.backend = backend;
        this.progress = progress;
        first = run.config("train", TrainConfig.class);
        Prepared prepared = Prepared.load(run);
        SemanticIds ids = SemanticIds.load(run, prepared.data().items());
        key = Key.of(config.seed()).fold("reinforce");
        GenerativeModel model = started(ids);
        Confidence confidence = config.objective().asksConfidence()
                ? Confidence.of(model, config.confidenceGain(), key, memory)
                : null;
        policy = new Policy(model, confidence);
        int[][] sequences = prepared.split().train();
        List<Sample> all = first.holdOut() == 0
                ? Samples.prefixes(sequences, model.maxItems())
                : Samples.heldOut(sequences, first.holdOut(), model.maxItems());
        if (all.isEmpty()) throw new UserError(run.root() + ": there is nothing to train on");
        promptCount = all.size();
        prompts = new Batches(all, config.optimization().batchSize(), true, key);
        validation = Case.some(
                prepared.split().validation(), config.validation().cases(), Key.of(0).fold("validation"));
        loss = new Rollouts(
                backend, config.objective(), config.rollouts().groupSize(), first.likelihood(),
                config.objective().needsReference() ? started(ids) : null);
        trainer = Reinforce.trainer(backend, policy, loss, config, memory);
        checkpoints = new Checkpoints(run, Reinforce.FILES, backend, policy.named(), trainer.optimizer(),
                TrainedModel.facts(model.space(), null));
        var plan = new TrainingRun.Plan(
                config.name(), config.steps(), config.rollouts().validateEvery(),
                validation.isEmpty() ? 0 : config.validation().patience(),
                config.execution().checkpointSeconds(),
                confidence == null ? TrainingRun.Start.CANDIDATE : TrainingRun.Start.COMPARED);
        training = new TrainingRun<>(plan, this, checkpoints, backend.name(), progress);
    }

    private GenerativeModel started(SemanticIds ids) {
        GenerativeModel model = TrainedModel.create(first.model(), ids, Key.of(first.seed()), memory);
        TrainedModel.load(model, run, RunFolder.START);
        return model;
    }

    /** What is trained, on how much, and for how long. */
    String description() {
        return String.format(
                Locale.ROOT,
                "%s from %s: %,d parameters, %,d prompts, groups of %d, %d steps of %d prompts; backend %s",
                config.name(),
                config.from(),
                policy.size(),
                promptCount,
                config.rollouts().groupSize(),
                config.steps(),
                config.optimization().batchSize(),
                backend.name());
    }

    long size() {
        return policy.size();
    }

    /** Refuses the metadata of a checkpoint of another model. */
    void check(Map<String, String> metadata) {
        TrainedModel.checkIds(run, Reinforce.FILES.last(), policy.model().space(), metadata);
    }

    @Override
    public Trainer.Report step(long step) {
        if (resumable(step)) loss.nextBatch();
        long batch = step / config.rollouts().iterations();
        return trainer.step(prompts.get(batch), key.fold("step").fold(batch));
    }

    /** Between two batches: then nothing of the present groups has to be kept. */
    @Override
    public boolean resumable(long step) {
        return step % config.rollouts().iterations() == 0;
    }

    @Override
    public void resume(long step, double[] carried) {
        trainer.optimizer().resumeAt(step);
    }

    /** Mean over prompts of the policy's loss, or the preference's. */
    @Override
    public double loss(TrainingState.Sums sums) {
        return sums.counters().get(RolloutLoss.POLICY_LOSS) / sums.counters().get(Rollouts.PROMPTS);
    }

    @Override
    public Found validate(IntConsumer done) {
        var beam = SearchConfig.beam(config.rollouts().validationBeamSize(), first.likelihood());
        Validation v = Validation.of(backend, policy.model(), beam, validation, done);
        return new Found(
                v,
                v.found().isEmpty()
                        ? 0
                        : CodeEntropy.mean(backend, policy.model(), first.likelihood(), validation, v.found()));
    }

    @Override
    public void log(TrainingState state, Found found, boolean kept, double seconds) {
        new MetricsLog(run, Reinforce.FILES.metrics()).append(metrics(state, found));
        Validation v = found.validation();
        progress.say(String.format(
                Locale.ROOT, "step %d: validation HR@10 %.4f, NDCG@10 %.4f, HR@1 %.4f, entropy %.3f%s%s", state.step(),
                v.recall10(), v.ndcg10(), v.hr1(), found.entropy(), kept ? " (best)" : "", statistics(state.sums())));
    }

    private StepMetrics metrics(TrainingState state, Found found) {
        TrainingState.Sums s = state.sums();
        Counters c = s.counters();
        Validation v = found.validation();
        boolean any = s.steps() > 0;
        return new StepMetrics(
                (int) state.step(), trainer.optimizer().rate(), v.recall10(), v.ndcg10(), v.hr1(), validation.size(),
                found.entropy(), c.mean(Rollouts.HITS, Rollouts.PROMPTS), c.mean(Rollouts.ACTIVE, Rollouts.PROMPTS),
                c.mean(Rollouts.RANK, Rollouts.HITS), c.mean(Rollouts.REWARD, Rollouts.PROMPTS),
                c.mean(Rollouts.DEVIATION, Rollouts.PROMPTS), c.mean(Rollouts.ALPHA, Rollouts.HITS),
                c.mean(Rollouts.TOP_WRONG, Rollouts.HITS), c.mean(RolloutLoss.POLICY_LOSS, Rollouts.PROMPTS),
                c.has(ClippedPolicy.KL) ? c.mean(ClippedPolicy.KL, Rollouts.ACTIVE) : null,
                policy.confidence() == null ? null : c.mean(ConfidenceOrder.CONFIDENCE_LOSS, Rollouts.HITS),
                any ? (Double) (c.get(ClippedPolicy.CLIPPED) / s.steps()) : null,
                confidence(c, Kind.CORRECT), confidence(c, Kind.PARTIAL), confidence(c, Kind.WRONG),
                any ? (Double) (s.norms() / s.steps()) : null, state.seconds());
    }

    /** The mean confidence in items of a kind. */
    private static Double confidence(Counters counters, Kind kind) {
        return counters.mean(kind.confidence(), kind.items());
    }

    private static String statistics(TrainingState.Sums s) {
        Double hit = s.counters().mean(Rollouts.HITS, Rollouts.PROMPTS);
        Double correct = confidence(s.counters(), Kind.CORRECT), wrong = confidence(s.counters(), Kind.WRONG);
        String text = hit == null ? "" : String.format(Locale.ROOT, "; target in %.0f %% of groups", 100 * hit);
        if (correct == null || wrong == null) return text;
        return text + String.format(Locale.ROOT, ", confidence %.3f right, %.3f wrong", correct, wrong);
    }

    @Override
    public void close() {
        trainer.close();
        loss.close();
        memory.close();
    }
}
