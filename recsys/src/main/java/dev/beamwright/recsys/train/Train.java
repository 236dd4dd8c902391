package dev.beamwright.recsys.train;

import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Guide;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.prm.Guided;
import dev.beamwright.recsys.prm.PathLoss;
import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.SafeTensors;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The training stage: epochs over the training samples, after each a validation by beam search, the best model kept.
 *
 * <p>Everything random comes from keys folded with epoch and step, and a checkpoint holds parameters, moments and the
 * place in the epoch; so a run that was killed goes on as if it had not been.
 */
public final class Train implements AutoCloseable {
    private static final int VERIFIED_STEPS = 20;
    private static final int FEWEST_STEPS = 8; // of an epoch, unless the batch is told
    private static final int SMALLEST_BATCH = 8;
    private static final int WIDENING = 4; // K+ in validation, in widths of the beam

    /**
     * What is trained, and where its files are.
     *
     * @param name of the command and of the settings' file
     */
    private record Stage(String name, String best, String last, String metrics, String firstSteps) {
        /** The model, with or without a process reward model. */
        static final Stage MODEL = new Stage("train", "model/best.safetensors", "model/last.safetensors",
                "model/metrics.jsonl", "model/first-steps.json");
        /** A process reward model on a model that is trained already. */
        static final Stage PRM = new Stage("train-prm", "model/prm.safetensors", "model/prm-last.safetensors",
                "model/prm-metrics.jsonl", "model/prm-first-steps.json");

        List<String> files() {
            return List.of(last, best, metrics, firstSteps);
        }
    }

    /**
     * Where training stands; stored in the checkpoint.
     *
     * @param epoch counted from 0; the one that is under way
     * @param step of this epoch, the next to be made
     * @param steps made in all
     * @param nll of this epoch so far, summed over targets, as {@link ObjectiveLoss} reports it
     * @param targets of this epoch so far
     * @param prefixWeights of the objective, see {@link ObjectiveLoss#prefixWeights()}
     * @param bestEpoch whose model is kept, counted from 1; 0 for none yet
     * @param bestNdcg its NDCG@10 in validation, of a widened beam if there is a process reward model
     * @param bestLoss its loss in validation; null for none yet, and where the loss does not choose
     * @param finished whether training is over
     */
    record State(
            int epoch,
            int step,
            long steps,
            double[] nll,
            long targets,
            double[] prefixWeights,
            int bestEpoch,
            double bestNdcg,
            @Nullable Double bestLoss,
            boolean finished) {
        static State start(int losses) {
            return new State(0, 0, 0, new double[losses], 0, new double[0], 0, -1, null, false);
        }

        /** Whether an epoch is better than the best so far: by its loss, or, where that is null, by its NDCG@10. */
        boolean isBehind(double ndcg, Double loss) {
            if (loss == null) return ndcg > bestNdcg || ndcg == 0 && bestNdcg == 0; // of models that know nothing the last
            return bestLoss == null || Double.compare(loss, bestLoss) < 0; // NaN is the worst
        }
    }

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

    /** The checksum of the parameters after one of the first steps, for {@code verify}. */
    record FirstStep(long step, double loss, String checksum) {}

    /** What {@code model/first-steps.json} holds. */
    record FirstSteps(String backend, List<FirstStep> steps) {}

    /** What training came to. */
    public record Summary(int epochs, int bestEpoch, double bestNdcg10, String checksum, long parameters) {}

    /** The settings of a training by rollouts, in a run that has gone through one. */
    public static final String REINFORCED = "config/reinforce.json";

    private final TrainConfig config;
    private final Stage stage;
    private final RunFolder run;
    private final Backend backend;
    private final Progress progress;
    private final Arena memory = Arena.ofShared();
    private final Key key;
    private final GenerativeModel model;
    private final String modelChecksum; // of a model that is not trained; else null
    private final Guided trained;
    private final ObjectiveLoss loss;
    private final Trainer<Guided> trainer;
    private final List<Sample> samples;
    private final List<Case> validation;
    private final int stepsPerEpoch;
    private State state;

    /**
     * The same settings with batches so small that an epoch of a run's data has {@link #FEWEST_STEPS} steps, but of
     * {@link #SMALLEST_BATCH} samples at least: a few hundred users in steps of a hundred would leave a model untrained.
     */
    public static TrainConfig fitted(TrainConfig config, RunFolder run) {
        int[][] learnt = Samples.learnt(Prepared.load(run).split().train(), config.holdOut());
        long samples = config.model().sharesHistory()
                ? Samples.windows(learnt, config.model().maxItems()).size()
                : Arrays.stream(learnt).mapToLong(s -> Math.max(0, s.length - 1)).sum();
        if (samples > (FEWEST_STEPS - 1) * (long) config.batch()) return config;
        long batch = Math.max(SMALLEST_BATCH, Long.highestOneBit(samples / FEWEST_STEPS));
        return config.withBatch((int) Math.min(batch, config.batch()));
    }

    private Train(TrainConfig config, Stage stage, RunFolder run, Backend backend, Progress progress) {
        this.config = config;
        this.stage = stage;
        this.run = run;
        this.backend = backend;
        this.progress = progress;
        Prepared prepared = Prepared.load(run);
        SemanticIds ids = SemanticIds.load(run, prepared.data().items());
        Key seed = Key.of(config.seed());
        key = config.stage() == 1 ? seed : seed.fold("stage").fold(config.stage());
        model = TrainedModel.create(config.model(), ids, key, memory);
        int maxItems = config.model().maxItems();
        int[][] sequences = prepared.split().train();
        if (stage == Stage.PRM && config.holdOut() > 0) {
            samples = Samples.heldOut(sequences, config.holdOut(), maxItems); // a frozen model remembers the others
        } else {
            int[][] learnt = Samples.learnt(sequences, config.holdOut());
            samples = model.sharesHistory() ? Samples.windows(learnt, maxItems) : Samples.prefixes(learnt, maxItems);
        }
        if (samples.isEmpty()) throw new UserError(run.root() + ": there is nothing to train on");
        stepsPerEpoch = (samples.size() + config.batch() - 1) / config.batch();
        validation = Case.some(prepared.split().validation(), config.validationCases(), seed.fold("validation"));
        PrmConfig p = config.prm();
        var prm = p == null ? null : TrainedModel.createPrm(p, config.model(), model, key, memory);
        if (stage == Stage.PRM) {
            TrainedModel.load(model, run, Stage.MODEL.best());
            modelChecksum = Checkpoint.checksum(Checkpoint.parameters(model).values());
            trained = Guided.onFrozen(model, prm);
        } else {
            modelChecksum = null;
            if (config.first() != null) TrainedModel.load(model, run, Start.FILE);
            trained = Guided.trained(model, prm);
        }
        loss = new ObjectiveLoss(
                config.objective().objective(config.softmax(), config.beam()),
                ids.levels(),
                p == null ? null : new PathLoss(p, config.likelihood()),
                p == null ? 0 : p.weight());
        trainer = Trainer.of(backend, trained, loss, config, (long) stepsPerEpoch * config.epochs(), memory);
        state = State.start(trained.model() != null && prm != null ? 2 * ids.levels() : ids.levels());
    }

    /**
     * Trains a run, or goes on with it where it was stopped.
     *
     * @param restart whether what was trained before is forgotten
     */
    public static Summary run(
            TrainConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        return run(Stage.MODEL, config, run, backend, restart, progress);
    }

    /**
     * Begins a run of its own from the best model of another and trains it, with another objective for example; or goes on
     * where it was stopped.
     *
     * @param config its {@link TrainConfig#first} are the settings of {@code from}
     * @param from the trained run, which stays as it is
     * @param run made if it is not there
     * @param restart whether what was trained so before is forgotten
     */
    public static Summary from(
            TrainConfig config, RunFolder from, RunFolder run, Backend backend, boolean restart, Progress progress) {
        Start.make(from, run, config, restart);
        return run(Stage.MODEL, config, run, backend, restart, progress);
    }

    /**
     * Trains a process reward model on the best model of a run, which stays as it is; or goes on where it was stopped.
     *
     * @param config see {@link TrainConfig#forPrm}
     * @param restart whether a process reward model that was trained so before is forgotten
     */
    public static Summary prm(
            TrainConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        if (config.prm() == null) throw new IllegalArgumentException("no settings of a process reward model");
        return run(Stage.PRM, config, run, backend, restart, progress);
    }

    private static Summary run(
            Stage stage, TrainConfig config, RunFolder run, Backend backend, boolean restart, Progress progress) {
        String anew = "begin anew with 'beamwright " + stage.name() + " " + run.root() + " --restart'";
        boolean best = run.has(stage.best()), last = run.has(stage.last());
        if (!restart && (best || last) && !config.equals(run.config(stage.name(), TrainConfig.class))) {
            throw new UserError(
                    run.root() + ": was trained with other settings (config/" + stage.name() + ".json); give the same"
                            + " to go on, take another folder, or " + anew);
        }
        if (!restart && best && !last && lines(run, stage, 2).lines().count() != 1) { // one: it was killed just there
            throw new UserError(run.root() + ": has a model, but not " + stage.last() + ", from which training would go"
                    + " on; bring that back, or " + anew + " and the same settings");
        }
        try (var train = new Train(config, stage, run, backend, progress)) {
            if (restart || !last) for (String file : stage.files()) run.delete(file);
            return train.train();
        }
    }

    /**
     * Repeats a run's first steps, and those of a process reward model that was trained by itself, and says whether every
     * bit of the parameters came out the same.
     */
    public static boolean verify(RunFolder run, Backend backend, Progress progress) {
        if (!verify(Stage.MODEL, run, backend, progress)) return false;
        if (!run.has(Stage.PRM.last())) return true;
        progress.say("the process reward model:");
        return verify(Stage.PRM, run, backend, progress);
    }

    private static Map<String, String> metadata(Path checkpoint) {
        try {
            return SafeTensors.metadata(checkpoint);
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; train again with --restart", e);
        }
    }

    private static boolean verify(Stage stage, RunFolder run, Backend backend, Progress progress) {
        TrainConfig config = run.config(stage.name(), TrainConfig.class);
        FirstSteps first = Json.read(run.need(stage.firstSteps(), stage.name()), FirstSteps.class);
        if (!first.backend().equals(backend.name())) {
            throw new UserError(run.root() + ": was trained on the backend '" + first.backend() + "', this is '"
                    + backend.name() + "'; bits are the same on the same backend only");
        }
        try (var train = new Train(config, stage, run, backend, progress)) {
            if (stage == Stage.PRM) train.checkModel(metadata(run.file(stage.last())));
            for (FirstStep expected : first.steps()) {
                Trainer.Report report = train.step(train.epochOrder(0), (int) expected.step() - 1);
                String checksum = train.checksum();
                if (!checksum.equals(expected.checksum())) {
                    progress.say("step " + expected.step() + ": checksum " + checksum + ", the run had "
                            + expected.checksum());
                    return false;
                }
                progress.say(String.format(
                        Locale.ROOT, "step %d: loss %.6f, same bits", expected.step(), train.meanLoss(report)));
            }
            return true;
        }
    }

    /** Says so where a second stage learns from what a stage before it was trained on. */
    public static void warnOfSeenTargets(TrainConfig first, RunFolder run, Progress progress) {
        boolean seen = false;
        for (TrainConfig f = first; f != null; f = f.first()) seen |= f.holdOut() < first.holdOut();
        if (first.holdOut() == 0 || seen) {
            progress.say("the model was trained on all of these targets, and little is learnt from what it remembers:"
                    + " consider a first training with --hold-out 1");
        } else if (run.has(REINFORCED)) {
            progress.say("what the first training held out was learnt by rollouts since, and little is learnt from what"
                    + " a model remembers: consider to begin from the first training's run");
        }
    }

    private void warnOfRedIds() {
        Path report = run.file("tokens/report.json");
        if (!Files.exists(report) || !Json.readTree(report).path("verdict").asString().equals("RED")) return;
        progress.say("the verdict on these semantic IDs is red, and no training mends that; 'beamwright inspect "
                + run.root() + "' tells why");
    }

    private Summary train() {
        run.saveConfig(stage.name(), config);
        if (run.has(stage.last())) resume();
        if (!state.finished()) {
            RunInfo.write(run, stage.name(), Map.of("seed", config.seed(), "backend", backend.name()));
        }
        progress.say(String.format(
                Locale.ROOT,
                "%s: %,d parameters, %d levels; %,d samples, %d steps an epoch; objective %s; backend %s",
                stage == Stage.PRM ? "process reward model" : "model",
                trained.size(),
                model.space().levels(),
                samples.size(),
                stepsPerEpoch,
                stage == Stage.PRM ? "InfoNCE" : config.objective().describe(),
                backend.name()));
        if (stage == Stage.PRM) warnOfSeenTargets(config, run, progress);
        else warnOfRedIds();
        if (stage == Stage.MODEL && config.first() != null && state.steps() == 0) {
            double[] start = validate(false);
            progress.say(String.format(
                    Locale.ROOT, "before: validation Recall@10 %.4f, NDCG@10 %.4f", start[0], start[1]));
        }
        while (!state.finished()) epoch();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", trained.size());
        if (config.prm() != null) facts.put("prmParameters", trained.prm().size());
        facts.put("epochs", state.epoch());
        facts.put("bestEpoch", state.bestEpoch());
        facts.put("validationNdcg10", state.bestNdcg());
        if (state.bestLoss() != null) facts.put("validationLoss", state.bestLoss());
        facts.put("trainingSeconds", seconds());
        RunInfo.write(run, stage.name(), facts);
        return new Summary(state.epoch(), state.bestEpoch(), state.bestNdcg(), checksum(), trained.size());
    }

    private void epoch() {
        int epoch = state.epoch();
        long began = System.nanoTime(), saved = began;
        int[] order = epochOrder(epoch);
        List<FirstStep> first = firstSteps();
        try (Progress.Bar bar = progress.start("epoch " + (epoch + 1) + "/" + config.epochs(), stepsPerEpoch)) {
            while (state.step() < stepsPerEpoch) {
                Trainer.Report report = step(order, state.step());
                double[] nll = state.nll().clone();
                for (int l = 0; l < nll.length; l++) nll[l] += report.nll()[l];
                state = new State(
                        epoch,
                        state.step() + 1,
                        state.steps() + 1,
                        nll,
                        state.targets() + report.targets(),
                        loss.prefixWeights(),
                        state.bestEpoch(),
                        state.bestNdcg(),
                        state.bestLoss(),
                        false);
                if (!Double.isFinite(report.norm())) {
                    throw new UserError(run.root() + ": the gradient is not finite at step " + state.steps()
                            + "; train with a lower --rate or with --clip");
                }
                bar.step(state.step(), String.format(Locale.ROOT, "loss %.3f", mean(nll, state.targets())));
                if (state.steps() <= VERIFIED_STEPS) {
                    first.add(new FirstStep(state.steps(), meanLoss(report), checksum()));
                    if (state.steps() == VERIFIED_STEPS || state.step() == stepsPerEpoch) keepFirstSteps(first);
                }
                if (System.nanoTime() - saved > config.checkpointSeconds() * 1_000_000_000L
                        && state.step() < stepsPerEpoch) {
                    if (state.steps() < VERIFIED_STEPS) keepFirstSteps(first);
                    save(stage.last(), true);
                    saved = System.nanoTime();
                }
            }
        }
        endOfEpoch(epoch, began);
    }

    private void endOfEpoch(int epoch, long began) {
        boolean widened = config.prm() != null;
        double[] recallAndNdcg = validate(widened);
        double[] plain = widened && stage == Stage.MODEL ? validate(false) : null;
        double ndcg = recallAndNdcg[1];
        Double validationLoss = config.best() == TrainConfig.Best.LOSS && !validation.isEmpty() ? measure() : null;
        boolean better = state.isBehind(ndcg, validationLoss) || validation.isEmpty(); // then the last is kept
        int best = better ? epoch + 1 : state.bestEpoch();
        boolean never = !validation.isEmpty() && validationLoss == null && Math.max(ndcg, state.bestNdcg()) == 0;
        boolean patienceOver = config.patience() > 0 && epoch + 1 - (never ? 1 : best) >= config.patience();
        boolean finished = patienceOver || epoch + 1 == config.epochs();
        double[] byLevel = Arrays.stream(state.nll()).map(n -> n / state.targets()).toArray();
        int levels = model.space().levels();
        double loss = mean(state.nll(), state.targets());
        append(new EpochMetrics(
                epoch + 1,
                state.steps(),
                loss,
                Arrays.copyOf(byLevel, levels),
                trainer.optimizer().rate(),
                state.prefixWeights(),
                validationLoss,
                recallAndNdcg[0],
                ndcg,
                validation.size(),
                (System.nanoTime() - began) / 1e9,
                Arrays.copyOfRange(byLevel, levels, byLevel.length),
                plain == null ? null : plain[0],
                plain == null ? null : plain[1]));
        progress.say(String.format(
                Locale.ROOT,
                "epoch %d: loss %.4f, validation Recall@10 %.4f, NDCG@10 %.4f%s%s%s",
                epoch + 1,
                loss,
                recallAndNdcg[0],
                ndcg,
                validationLoss == null ? "" : String.format(Locale.ROOT, ", loss %.4f", validationLoss),
                better ? " (best)" : "",
                plain == null
                        ? ""
                        : String.format(
                                Locale.ROOT, "; plain beam %.4f, %.4f; loss of paths %.4f", plain[0], plain[1],
                                Arrays.stream(byLevel, levels, byLevel.length).sum() / levels)));
        state = new State(
                epoch + 1,
                0,
                state.steps(),
                new double[state.nll().length],
                0,
                state.prefixWeights(),
                best,
                better ? ndcg : state.bestNdcg(),
                better ? validationLoss : state.bestLoss(),
                finished);
        if (better) save(stage.best(), false);
        save(stage.last(), true);
        if (patienceOver) progress.say("no better epoch for " + config.patience() + ": training stops");
    }

    private int[] epochOrder(int epoch) {
        return Samples.order(samples.size(), key.fold("epoch").fold(epoch));
    }

    private Trainer.Report step(int[] order, int step) {
        List<Sample> batch = new ArrayList<>();
        int to = Math.min(order.length, (step + 1) * config.batch());
        for (int i = step * config.batch(); i < to; i++) batch.add(samples.get(order[i]));
        Trainer.Report report = trainer.step(batch, key.fold("dropout").fold(trainer.optimizer().steps()));
        loss.stepped(report);
        return report;
    }

    /** Recall@10 and NDCG@10, of the plain beam or of one that the process reward model prunes. */
    private double[] validate(boolean widened) {
        if (validation.isEmpty()) return new double[] {0, 0};
        int width = Math.max(10, config.beam());
        var beam = SearchConfig.beam(width, config.likelihood())
                .withGuide(widened ? new Guide(Widening.of(WIDENING * width), trained.prm()) : null);
        double recall = 0, ndcg = 0;
        try (
                var generator = new Generator(backend, model, beam);
                var bar = progress.start("validation", validation.size())) {
            Search.Result[] results = generator.recommend(
                    Query.of(
                            validation.stream().map(c -> c.latest(model.maxItems())).toList(),
                            validation.stream().mapToInt(Case::user).toArray()),
                    done -> bar.step(done, ""));
            for (int i = 0; i < results.length; i++) {
                int[] items = results[i].items();
                for (int rank = 0; rank < Math.min(10, items.length); rank++) {
                    if (items[rank] != validation.get(i).target()) continue;
                    recall++;
                    ndcg += Math.log(2) / Math.log(rank + 2);
                }
            }
        }
        return new double[] {recall / validation.size(), ndcg / validation.size()};
    }

    /** The loss of the validation users' targets, against the same negatives after every epoch. */
    private double measure() {
        List<Sample> asked = new ArrayList<>();
        for (Case c : validation) {
            asked.add(Samples.target(c.user(), c.sequence(), c.position(), config.model().maxItems()));
        }
        return trainer.measure(asked, key.fold("validation loss"));
    }

    // ---- files

    /** Refuses a checkpoint of a process reward model that was trained on another model than the run's. */
    private void checkModel(Map<String, String> metadata) {
        if (modelChecksum == null || modelChecksum.equals(metadata.get("model"))) return;
        throw new UserError(
                run.file(stage.last()) + ": was trained on another model than the one that is there now; begin"
                        + " anew with 'beamwright " + stage.name() + " " + run.root() + " --restart'");
    }

    private void resume() {
        try {
            Map<String, Tensor> tensors = tensors(true);
            Map<String, String> metadata = TrainedModel.load(run, stage.last(), model.space(), tensors);
            tensors.values().forEach(backend::written);
            checkModel(metadata);
            String text = metadata.get("state");
            if (text == null)
                throw new IOException(run.file(stage.last()) + ": says nothing of the state of the training");
            state = Json.parse(text, State.class, run.file(stage.last()));
        } catch (IOException e) {
            throw new UserError(e.getMessage() + "; begin anew with 'beamwright " + stage.name() + " " + run.root()
                    + " --restart'", e);
        }
        trainer.optimizer().resumeAt(state.steps());
        loss.resumeWith(state.prefixWeights());
        cutMetrics(state.epoch());
        if (state.finished() && !isReadable(stage.best())) {
            throw new UserError(run.root() + ": training is finished, but " + stage.best()
                    + " is missing or damaged; bring it back, or train again with --restart"
                    + (stage == Stage.MODEL ? " (--checkpoint last takes the last model meanwhile)" : ""));
        }
        progress.say(
                state.finished()
                        ? "training is finished already"
                        : "goes on at epoch " + (state.epoch() + 1) + ", step " + (state.step() + 1));
    }

    private boolean isReadable(String file) {
        try {
            SafeTensors.metadata(run.file(file));
            return true;
        } catch (IOException e) {
            return e.getCause() instanceof AccessDeniedException; // what is there is not ours to judge
        }
    }

    private Map<String, Tensor> tensors(boolean moments) {
        Map<String, Tensor> tensors = new LinkedHashMap<>(trained.tensors());
        if (moments) {
            List<String> names = List.copyOf(tensors.keySet());
            for (int i = 0; i < names.size(); i++) {
                tensors.put("adamw.m." + names.get(i), trainer.optimizer().firstMoments().get(i));
                tensors.put("adamw.v." + names.get(i), trainer.optimizer().secondMoments().get(i));
            }
        }
        return tensors;
    }

    private void save(String file, boolean moments) {
        Map<String, String> metadata = new LinkedHashMap<>(Map.of("state", Json.line(state)));
        if (modelChecksum != null) metadata.put("model", modelChecksum);
        Map<String, Tensor> tensors = tensors(moments);
        fetch(tensors);
        TrainedModel.save(run, file, model.space(), tensors, metadata);
    }

    private String checksum() {
        Map<String, Tensor> parameters = trained.tensors();
        fetch(parameters);
        return Checkpoint.checksum(parameters.values());
    }

    /** A device keeps tensors to itself until they are asked for. */
    private void fetch(Map<String, Tensor> tensors) {
        tensors.values().forEach(t -> backend.read(t, () -> {}));
    }

    /** The first steps that were made before training was stopped among them; else none. */
    private List<FirstStep> firstSteps() {
        boolean among = state.epoch() == 0 && state.step() > 0 && state.step() < VERIFIED_STEPS;
        if (!among || !run.has(stage.firstSteps())) return new ArrayList<>();
        return Json.read(run.file(stage.firstSteps()), FirstSteps.class).steps().stream()
                .filter(s -> s.step() <= state.steps())
                .collect(Collectors.toCollection(ArrayList::new));
    }

    private void keepFirstSteps(List<FirstStep> first) {
        if (first.getFirst().step() == 1)
            Json.write(run.file(stage.firstSteps()), new FirstSteps(backend.name(), first));
    }

    private void append(EpochMetrics metrics) {
        Json.writeAtomically(
                run.file(stage.metrics()),
                (lines(run, stage, Integer.MAX_VALUE) + Json.line(metrics) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** How long all epochs took. */
    private double seconds() {
        if (!run.has(stage.metrics())) return 0;
        return Json.readLines(run.file(stage.metrics()), EpochMetrics.class).stream()
                .mapToDouble(EpochMetrics::seconds)
                .sum();
    }

    /** Drops the lines of epochs that the checkpoint has not finished. */
    private void cutMetrics(int epochs) {
        Json.writeAtomically(run.file(stage.metrics()), lines(run, stage, epochs).getBytes(StandardCharsets.UTF_8));
    }

    private static String lines(RunFolder run, Stage stage, int most) {
        if (!run.has(stage.metrics())) return "";
        Json.readLines(run.file(stage.metrics()), EpochMetrics.class); // refuses what is damaged
        return TextFile.lines(run.file(stage.metrics())).stream().limit(most).map(l -> l + "\n")
                .collect(Collectors.joining());
    }

    private double meanLoss(Trainer.Report report) {
        return mean(report.nll(), report.targets());
    }

    /** Mean over targets and levels, of the first loss that is reported. */
    private double mean(double[] nll, long targets) {
        int levels = model.space().levels();
        return Arrays.stream(nll, 0, levels).sum() / Math.max(1, targets) / levels;
    }

    @Override
    public void close() {
        trainer.close();
        memory.close();
    }
}
