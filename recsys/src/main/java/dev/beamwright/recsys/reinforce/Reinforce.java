package dev.beamwright.recsys.reinforce;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Targets;
import dev.beamwright.recsys.reinforce.GroupLoss.Stat;
import dev.beamwright.recsys.run.Chart;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Checkpoint;
import dev.beamwright.transformer.Noise;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The second stage of training: a trained run is copied into a run of its own, and its model learns from its own
 * rollouts over the training prompts: every item of a training sequence but the first is the target of one, or only those
 * that the first training held out.
 *
 * <p>Every N steps the same validation users are asked; the best model by NDCG@10 and the last one are kept. The model
 * of the beginning is measured too, but never counts as the best: what it knows of confidence is nothing.
 *
 * <p>Everything random comes from keys folded with steps, and a checkpoint holds parameters, moments and counts; so a
 * training that was killed goes on as if it had not been.
 */
public final class Reinforce implements AutoCloseable {
    /** The settings of the stage, beside {@code config/train.json}, which tells of the model's first training. */
    public static final String CONFIG = Train.REINFORCED;

    private static final String BEST = "model/best.safetensors";
    private static final String LAST = "model/last.safetensors";
    private static final String METRICS = "model/metrics.jsonl";
    private static final int ENTROPY_CASES = 256;

    /**
     * Where training stands; stored in the checkpoint.
     *
     * @param step updates made
     * @param sums what was counted since the last validation, see {@link GroupLoss.Stat}
     * @param norms of the gradients since then
     * @param bestStep whose model is kept; 0 for none yet
     * @param bestNdcg its NDCG@10 in validation
     * @param startNdcg that of the beginning
     * @param lastNdcg that of the last validation
     * @param seconds of training so far, validations counted
     */
    record State(
            int step,
            double[] sums,
            double norms,
            int bestStep,
            double bestNdcg,
            double startNdcg,
            double lastNdcg,
            double seconds,
            boolean finished) {}

    /**
     * One line of {@code model/metrics.jsonl}. All but the validation are means since the line before; null where there
     * was nothing to take a mean of.
     *
     * @param validationHr10 share of validation users whose target was among ten
     * @param validationHr1 and of those who had it first
     * @param entropy of the next code, in nats: mean over validation prompts and levels along the model's own best path
     * @param hit share of prompts with their target in the group
     * @param active share of prompts that had a gradient
     * @param rank place of the target, from 0, over hits
     * @param reward mean reward of a group
     * @param rewardDeviation deviation within a group
     * @param alpha mean weight by difficulty, over hits
     * @param topWrong the wrong items' share that the surest of them has, over hits
     * @param policyLoss mean over prompts
     * @param kl mean over active prompts
     * @param confidenceLoss mean over hits; over preferences where it learns from these
     * @param clipped codes whose ratio was clipped, a step
     * @param sureCorrect mean confidence of correct items
     * @param norm of the gradient before clipping
     */
    public record StepMetrics(
            int step,
            double rate,
            double validationHr10,
            double validationNdcg10,
            double validationHr1,
            int validationCases,
            double entropy,
            @Nullable Double hit,
            @Nullable Double active,
            @Nullable Double rank,
            @Nullable Double reward,
            @Nullable Double rewardDeviation,
            @Nullable Double alpha,
            @Nullable Double topWrong,
            @Nullable Double policyLoss,
            @Nullable Double kl,
            @Nullable Double confidenceLoss,
            @Nullable Double clipped,
            @Nullable Double sureCorrect,
            @Nullable Double surePartial,
            @Nullable Double sureWrong,
            @Nullable Double norm,
            double seconds) {}

    /**
     * What training came to.
     *
     * @param startNdcg10 in validation, before the first step
     */
    public record Summary(
            int steps,
            int bestStep,
            double startNdcg10,
            double bestNdcg10,
            double lastNdcg10,
            String checksum,
            long parameters) {}

    private final ReinforceConfig config;
    private final TrainConfig first;
    private final RunFolder run;
    private final Backend backend;
    private final Progress progress;
    private final Arena memory = Arena.ofShared();
    private final Key key;
    private final Policy policy;
    private final GroupLoss loss;
    private final Trainer<Policy> trainer;
    private final List<Sample> prompts;
    private final List<Case> validation;
    private State state;
    private volatile boolean stopping;

    private Reinforce(ReinforceConfig config, RunFolder run, Backend backend, Progress progress) {
        this.config = config;
        this.run = run;
        this.backend = backend;
        this.progress = progress;
        first = run.config("train", TrainConfig.class);
        Prepared prepared = Prepared.load(run);
        SemanticIds ids = SemanticIds.load(run, prepared.data().items());
        key = Key.of(config.seed()).fold("reinforce");
        GenerativeModel model = started(ids);
        Confidence confidence = config.confidence().active()
                ? Confidence.of(model, config.confidenceGain(), key, memory)
                : null;
        policy = new Policy(model, confidence);
        int[][] sequences = prepared.split().train();
        prompts = first.holdOut() == 0
                ? Samples.prefixes(sequences, model.maxItems())
                : Samples.heldOut(sequences, first.holdOut(), model.maxItems());
        if (prompts.isEmpty()) throw new UserError(run.root() + ": there is nothing to train on");
        validation = Case.some(
                prepared.split().validation(), config.validationCases(), Key.of(0).fold("validation"));
        loss = new GroupLoss(backend, config, first.likelihood(), config.needsReference() ? started(ids) : null);
        trainer = trainer(backend, policy, loss, config, memory);
        state = new State(0, new double[Stat.values().length], 0, 0, -1, 0, 0, 0, false);
    }

    /** The trainer of a policy. */
    public static Trainer<Policy> trainer(
            Backend backend, Policy policy, Trainer.Loss<Policy> loss, ReinforceConfig config, Arena memory) {
        long warmup = Math.round(config.warmup() * config.steps());
        var settings = new Trainer.Settings(
                new AdamW.Config(
                        (float) config.rate(), 0.9f, 0.999f, 1e-8f, (float) config.decay(), (float) config.clip()),
                Schedule.cosine(warmup, config.steps(), 0),
                config.dropout(),
                config.shards(),
                config.microTokens(),
                policy.model().space().levels());
        return new Trainer<>(backend, policy, loss, settings, memory);
    }

    private GenerativeModel started(SemanticIds ids) {
        GenerativeModel model = TrainedModel.create(first.model(), ids, Key.of(first.seed()), memory);
        TrainedModel.load(model, run, Start.FILE);
        return model;
    }

    /** The settings by which a run was made, or null if it was not made here. */
    public static ReinforceConfig configOf(RunFolder run) {
        return run.has(CONFIG) ? Json.read(run.file(CONFIG), ReinforceConfig.class) : null;
    }

    /**
     * Trains, or goes on where it was stopped.
     *
     * @param config its {@code from} may be null where the run was begun before
     * @param run a folder of its own; made if it is not there
     * @param restart whether what was trained before is forgotten
     */
    public static Summary run(
            ReinforceConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        ReinforceConfig stored = configOf(run);
        if (stored == null && config.from() == null) {
            throw new UserError("--objective " + config.name() + " begins from a trained run: add --from RUN, and give"
                    + " the folder of a new run for the result");
        }
        ReinforceConfig full = config.from() == null ? config.startingFrom(stored.from()) : config;
        if (restart || stored == null) {
            if (stored == null && run.hasModel()) {
                throw new UserError(run.root() + ": is a trained run already; give the folder of a new run for the"
                        + " result");
            }
            RunFolder from = RunFolder.open(Path.of(full.from()));
            Start.make(from, run, from.config("train", TrainConfig.class), restart);
            for (String file : List.of(LAST, BEST, METRICS)) run.delete(file);
            Json.write(run.file(CONFIG), full);
        } else if (!full.equals(stored)) {
            throw new UserError(run.root() + ": was trained with other settings (" + CONFIG + "); give the same to go"
                    + " on, or --restart to begin anew");
        } else if (run.has(BEST) && !run.has(LAST) && lines(run).size() != 1) { // one: it was killed just there
            throw new UserError(
                    run.root() + ": has a model, but not " + LAST + ", from which training would go on; bring"
                            + " that back, or give --restart to begin anew");
        }
        try (var stage = new Reinforce(full, run, backend, progress)) {
            return stage.train();
        }
    }

    // ---- steps

    private Summary train() {
        resume();
        progress.say(String.format(
                Locale.ROOT,
                "%s from %s: %,d parameters, %,d prompts, groups of %d, %d steps of %d prompts; backend %s",
                config.name(),
                config.from(),
                policy.size(),
                prompts.size(),
                config.group(),
                config.steps(),
                config.batch(),
                backend.name()));
        Train.warnOfSeenTargets(first, new RunFolder(Path.of(config.from())), progress);
        var done = new CountDownLatch(1);
        Thread hook = new Thread(() -> {
            stopping = true; // the step under way is finished and kept
            try {
                done.await(30, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            if (!state.finished()) steps();
        } finally {
            done.countDown();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the process is ending
            }
        }
        charts();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", policy.size());
        facts.put("steps", state.step());
        facts.put("bestStep", state.bestStep());
        facts.put("startNdcg10", state.startNdcg());
        facts.put("bestNdcg10", state.bestNdcg());
        facts.put("lastNdcg10", state.lastNdcg());
        facts.put("trainingSeconds", state.seconds());
        RunInfo.write(run, "reinforce", facts);
        return new Summary(
                state.step(), state.bestStep(), state.startNdcg(), state.bestNdcg(), state.lastNdcg(),
                Checkpoint.checksum(fetched(policy.named()).values()), policy.size());
    }

    private void steps() {
        long began = System.nanoTime(), saved = began;
        double before = state.seconds();
        if (state.step() == 0) {
            write("");
            validate(before);
        }
        try (Progress.Bar bar = progress.start(config.name(), config.steps())) {
            while (!state.finished()) {
                step();
                bar.step(state.step(), "");
                double seconds = before + (System.nanoTime() - began) / 1e9;
                boolean last = state.step() == config.steps();
                if (state.step() % config.every() == 0 || last) {
                    validate(seconds);
                    saved = System.nanoTime();
                } else
                    if (wholeBatch()
                            && (stopping || System.nanoTime() - saved > config.checkpointSeconds() * 1_000_000_000L)) {
                                state = withSeconds(seconds);
                                save(LAST, true);
                                saved = System.nanoTime();
                            }
                if (stopping && wholeBatch()) {
                    progress.say("stopped after step " + state.step() + "; the same command goes on from there");
                    return;
                }
            }
        }
    }

    /** Whether the next step makes new groups, so that nothing of the present ones has to be kept. */
    private boolean wholeBatch() {
        return state.step() % config.iterations() == 0;
    }

    private void step() {
        if (wholeBatch()) loss.nextBatch();
        int batch = state.step() / config.iterations(), size = Math.min(config.batch(), prompts.size());
        int perEpoch = prompts.size() / size;
        int[] order = Samples.order(prompts.size(), key.fold("epoch").fold(batch / perEpoch));
        List<Sample> chosen = new ArrayList<>();
        for (int i = 0; i < size; i++) chosen.add(prompts.get(order[batch % perEpoch * size + i]));
        Trainer.Report report = trainer.step(chosen, key.fold("step").fold(batch));
        if (!Double.isFinite(report.norm())) {
            throw new UserError(run.root() + ": the gradient is not finite at step " + (state.step() + 1)
                    + "; train with a lower --rate or with --clip");
        }
        double[] sums = state.sums().clone();
        for (int s = 0; s < sums.length; s++) sums[s] += report.nll()[s];
        state = new State(
                state.step() + 1, sums, state.norms() + report.norm(), state.bestStep(), state.bestNdcg(),
                state.startNdcg(), state.lastNdcg(), state.seconds(), false);
    }

    private State withSeconds(double seconds) {
        return new State(
                state.step(), state.sums(), state.norms(), state.bestStep(), state.bestNdcg(), state.startNdcg(),
                state.lastNdcg(), seconds, state.finished());
    }

    // ---- validation

    private void validate(double seconds) {
        Validation v = measure();
        boolean start = state.step() == 0;
        boolean better = !start && (v.ndcg10() > state.bestNdcg() || validation.isEmpty()); // then the last is kept
        int best = better ? state.step() : state.bestStep();
        int waited = (state.step() - best + config.every() - 1) / config.every();
        boolean over = config.patience() > 0 && !start && waited >= config.patience();
        append(metrics(v, seconds));
        progress.say(String.format(
                Locale.ROOT, "step %d: validation HR@10 %.4f, NDCG@10 %.4f, HR@1 %.4f, entropy %.3f%s%s", state.step(),
                v.hr10(), v.ndcg10(), v.hr1(), v.entropy(), better ? " (best)" : "", statistics()));
        state = new State(
                state.step(), new double[Stat.values().length], 0, best, better ? v.ndcg10() : state.bestNdcg(),
                start ? v.ndcg10() : state.startNdcg(), v.ndcg10(), seconds,
                over || state.step() == config.steps());
        if (better) save(BEST, false);
        if (wholeBatch() || state.finished()) save(LAST, true);
        if (over) progress.say("no better validation for " + config.patience() + ": training stops");
    }

    /** What a validation found. */
    private record Validation(double hr10, double ndcg10, double hr1, double entropy) {}

    private Validation measure() {
        if (validation.isEmpty()) return new Validation(0, 0, 0, 0);
        var beam = SearchConfig.beam(config.beam(), first.likelihood());
        double hr10 = 0, ndcg10 = 0, hr1 = 0;
        Search.Result[] results;
        try (var generator = new Generator(backend, policy.model(), beam)) {
            results = generator.recommend(
                    Query.of(
                            validation.stream().map(c -> c.latest(policy.model().maxItems())).toList(),
                            validation.stream().mapToInt(Case::user).toArray()),
                    null);
        }
        for (int i = 0; i < results.length; i++) {
            int[] items = results[i].items();
            for (int rank = 0; rank < Math.min(10, items.length); rank++) {
                if (items[rank] != validation.get(i).target()) continue;
                hr10++;
                ndcg10 += Math.log(2) / Math.log(rank + 2);
                if (rank == 0) hr1++;
            }
        }
        int n = results.length;
        return new Validation(hr10 / n, ndcg10 / n, hr1 / n, entropy(results));
    }

    private double entropy(Search.Result[] results) {
        int n = Math.min(ENTROPY_CASES, results.length), chunk = 16, chunks = (n + chunk - 1) / chunk;
        double[] sums = new double[chunks];
        Parallel.run(chunks, b -> {
            List<Sample> samples = new ArrayList<>();
            for (int i = b * chunk; i < Math.min(n, (b + 1) * chunk); i++) {
                int[] history = validation.get(i).latest(policy.model().maxItems());
                int[] items = Arrays.copyOf(history, history.length + 1);
                items[history.length] = results[i].items()[0];
                samples.add(new Sample(validation.get(i).user(), items, items.length - 1));
            }
            try (
                    var workspace = new Workspace();
                    Tape tape = Tape.inference(backend, workspace)) {
                sums[b] = entropy(tape, policy.model(), samples, first.likelihood());
            }
        });
        return Arrays.stream(sums).sum() / n / policy.model().space().levels();
    }

    /** The sum, over samples of one target and levels, of the entropy of the next code on the target's path. */
    static double entropy(Tape tape, GenerativeModel model, List<Sample> samples, Likelihood likelihood) {
        var space = model.space();
        var trie = space.trie();
        List<Variable> states = model.forward(tape, samples, Noise.none()).states();
        var targets = Targets.of(tape, space, samples);
        double sum = 0;
        for (int level = 0; level < space.levels(); level++) {
            float[] logits = model.logits(tape, level, states.get(level), targets.nodes(level)).value().toArray();
            int columns = space.width(level);
            for (int s = 0; s < samples.size(); s++) {
                int node = trie.node(samples.get(s).items()[samples.get(s).from()], level);
                double denominator = likelihood.logDenominator(logits, s * columns, columns, trie, node);
                boolean all = likelihood.softmax() == dev.beamwright.recsys.model.Softmax.LEVEL;
                int count = all ? columns : trie.children(node);
                for (int c = 0; c < count; c++) {
                    int code = all ? c : trie.code(trie.firstEdge(node) + c);
                    double log = logits[s * columns + code] / likelihood.temperature() - denominator;
                    sum -= StrictMath.exp(log) * log;
                }
            }
        }
        return sum;
    }

    private Double mean(Stat sum, Stat count) {
        double n = state.sums()[count.ordinal()];
        return n == 0 ? null : (Double) (state.sums()[sum.ordinal()] / n);
    }

    private StepMetrics metrics(Validation v, double seconds) {
        int steps = state.step() % config.every() == 0 ? config.every() : state.step() % config.every();
        boolean any = state.step() > 0;
        return new StepMetrics(
                state.step(), trainer.optimizer().rate(), v.hr10(), v.ndcg10(), v.hr1(), validation.size(),
                v.entropy(), mean(Stat.HITS, Stat.PROMPTS), mean(Stat.ACTIVE, Stat.PROMPTS),
                mean(Stat.RANK, Stat.HITS), mean(Stat.REWARD, Stat.PROMPTS), mean(Stat.SPREAD, Stat.PROMPTS),
                mean(Stat.ALPHA, Stat.HITS), mean(Stat.TOP_WRONG, Stat.HITS), mean(Stat.POLICY, Stat.PROMPTS),
                config.kl() > 0 ? mean(Stat.KL, Stat.ACTIVE) : null,
                policy.confidence() == null
                        ? null
                        : mean(Stat.CONFIDENCE, config.preference() ? Stat.ACTIVE : Stat.HITS),
                any ? (Double) (state.sums()[Stat.CLIPPED.ordinal()] / steps) : null,
                mean(Stat.SURE_CORRECT, Stat.CORRECT_ITEMS), mean(Stat.SURE_PARTIAL, Stat.PARTIAL_ITEMS),
                mean(Stat.SURE_WRONG, Stat.WRONG_ITEMS), any ? (Double) (state.norms() / steps) : null, seconds);
    }

    private String statistics() {
        if (state.step() == 0) return "";
        Double hit = mean(Stat.HITS, Stat.PROMPTS), correct = mean(Stat.SURE_CORRECT, Stat.CORRECT_ITEMS);
        Double wrong = mean(Stat.SURE_WRONG, Stat.WRONG_ITEMS);
        String text = hit == null ? "" : String.format(Locale.ROOT, "; target in %.0f %% of groups", 100 * hit);
        if (correct == null || wrong == null) return text;
        return text + String.format(Locale.ROOT, ", confidence %.3f right, %.3f wrong", correct, wrong);
    }

    // ---- files

    private void resume() {
        if (!run.has(LAST)) return;
        try {
            Map<String, Tensor> tensors = tensors(true);
            Map<String, String> metadata = TrainedModel.load(run, LAST, policy.model().space(), tensors);
            tensors.values().forEach(backend::written);
            String text = metadata.get("state");
            if (text == null) throw new IOException(run.file(LAST) + ": says nothing of the state of the training");
            state = Json.parse(text, State.class, run.file(LAST));
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; give --restart to train from the beginning", e);
        }
        trainer.optimizer().resumeAt(state.step());
        StringBuilder kept = new StringBuilder();
        for (String line : lines(run)) {
            if (Json.parse(line, StepMetrics.class, run.file(METRICS)).step() <= state.step())
                kept.append(line).append('\n');
        }
        write(kept.toString());
        progress.say(state.finished() ? "training is finished already" : "goes on after step " + state.step());
    }

    private Map<String, Tensor> tensors(boolean moments) {
        Map<String, Tensor> tensors = policy.named();
        if (moments) {
            List<String> names = List.copyOf(tensors.keySet());
            for (int i = 0; i < names.size(); i++) {
                tensors.put("adamw.m." + names.get(i), trainer.optimizer().firstMoments().get(i));
                tensors.put("adamw.v." + names.get(i), trainer.optimizer().secondMoments().get(i));
            }
        }
        return tensors;
    }

    /** The same; a device keeps tensors to itself until they are asked for. */
    private Map<String, Tensor> fetched(Map<String, Tensor> tensors) {
        tensors.values().forEach(t -> backend.read(t, () -> {}));
        return tensors;
    }

    private void save(String file, boolean moments) {
        TrainedModel.save(
                run, file, policy.model().space(), fetched(tensors(moments)), Map.of("state", Json.line(state)));
    }

    private void append(StepMetrics metrics) {
        write(String.join("", lines(run).stream().map(l -> l + "\n").toList()) + Json.line(metrics) + "\n");
    }

    private void write(String lines) {
        Json.writeAtomically(run.file(METRICS), lines.getBytes(StandardCharsets.UTF_8));
    }

    private static List<String> lines(RunFolder run) {
        return run.has(METRICS) ? TextFile.lines(run.file(METRICS)) : List.of();
    }

    /** {@code plots/validation.svg} and {@code plots/entropy.svg}. */
    private void charts() {
        List<StepMetrics> all = Json.readLines(run.file(METRICS), StepMetrics.class);
        double[] step = all.stream().mapToDouble(StepMetrics::step).toArray();
        String title = first.model().backbone() + "-" + config.name();
        new Chart(title + ": validation", "step", "", List.of(
                new Chart.Line("HR@10", step, all.stream().mapToDouble(StepMetrics::validationHr10).toArray()),
                new Chart.Line("NDCG@10", step, all.stream().mapToDouble(StepMetrics::validationNdcg10).toArray()),
                new Chart.Line("HR@1", step, all.stream().mapToDouble(StepMetrics::validationHr1).toArray())))
                .write(run.file("plots/validation.svg"));
        new Chart(title + ": entropy of the next code", "step", "nats", List.of(
                new Chart.Line("entropy", step, all.stream().mapToDouble(StepMetrics::entropy).toArray())))
                .write(run.file("plots/entropy.svg"));
    }

    @Override
    public void close() {
        trainer.close();
        loss.close();
        memory.close();
    }
}
