package dev.beamwright.recsys.baseline;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.embedding.ItemVectors;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * SASRec in a score card: trained the first time it is asked for, with early stopping by the validation questions, and
 * stored in the run.
 *
 * <pre>
 * config/&lt;name&gt;.json            its settings, written with the usual ones if it is not there; who changes them gets
 *                               another model
 * baselines/&lt;name&gt;.safetensors  the parameters of the best epoch
 * </pre>
 */
public final class TrainedSasRec implements Ranker, AutoCloseable {
    /** One name for each loss: the cross-entropy over all items, binary, and over sampled items. */
    public static final List<String> NAMES = List.of("sasrec", "sasrec-bce", "sasrec-sampled");

    private static final int CASES = 16; // that one thread scores at once

    private final String name;
    private final SasRecConfig config;
    private final Backend backend;
    private final SasRec model;
    private final int items;
    private final Arena memory = Arena.ofShared();
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    /**
     * An untrained model.
     *
     * @param start what the items' embeddings begin from, see {@link SasRec#of}
     */
    TrainedSasRec(String name, SasRecConfig config, int items, double[][] start, Backend backend) {
        this.name = name;
        this.config = config;
        this.items = items;
        this.backend = backend;
        model = SasRec.of(config, items, start, Key.of(config.seed()).fold("parameters"), memory);
    }

    /**
     * The model of a run, trained if it is not there yet.
     *
     * @param name one of {@link #NAMES}
     * @param seed of its training; a model of another one is trained again
     */
    public static TrainedSasRec of(
            String name, RunFolder run, Prepared prepared, long seed, Backend backend, Progress progress) {
        String settings = "config/" + name + ".json", file = "baselines/" + name + ".safetensors";
        if (!run.has(settings)) run.saveConfig(name, SasRecConfig.defaults(loss(name), seed));
        SasRecConfig config = run.config(name, SasRecConfig.class).withSeed(seed);
        run.saveConfig(name, config);
        int items = prepared.data().items().size();
        boolean vectors = config.start() == SasRecConfig.Start.VECTORS && run.has(Tokenize.VECTORS);
        double[][] start = vectors ? vectors(config, run, items) : null;
        var sasRec = new TrainedSasRec(name, config, items, start, backend);
        String origin = Json.line(config) + " on " + Arrays.deepHashCode(prepared.split().train())
                + (vectors ? " from " + Hash.sha256(run.file(Tokenize.VECTORS)) : "");
        try {
            Map<String, Tensor> parameters = Checkpoint.parameters(sasRec.model);
            if (run.has(file) && origin.equals(Checkpoint.load(run.file(file), parameters).get("origin")))
                return sasRec;
        } catch (IOException e) {
            progress.say(e.getMessage() + "; " + name + " is trained again");
        }
        if (run.has(file)) { // what was loaded in part or under other settings must not remain
            sasRec.close();
            sasRec = new TrainedSasRec(name, config, items, start, backend);
        }
        if (config.start() == SasRecConfig.Start.VECTORS && !vectors) {
            progress.say(name + ": the run has no " + Tokenize.VECTORS + "; embeddings begin at random");
        }
        Summary summary = sasRec.train(prepared.split(), progress);
        try {
            Checkpoint.save(run.file(file), Checkpoint.parameters(sasRec.model), Map.of("origin", origin));
        } catch (IOException e) {
            throw new UserError(run.file(file) + ": cannot be written: " + e, e);
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("seed", config.seed());
        facts.put("backend", backend.name());
        facts.put("parameters", sasRec.model.size());
        facts.put("epochs", summary.epochs());
        facts.put("bestEpoch", summary.bestEpoch());
        facts.put("validationNdcg10", summary.bestNdcg10());
        facts.put("trainingSeconds", summary.seconds());
        RunInfo.write(run, name, facts);
        return sasRec;
    }

    /** What the embeddings begin from: the run's item vectors, reduced to the model's width. */
    private static double[][] vectors(SasRecConfig config, RunFolder run, int items) {
        try (Arena arena = Arena.ofShared()) {
            Tensor vectors = ItemVectors.imported(run.file(Tokenize.VECTORS).toString(), items, arena);
            return ItemVectors.principal(vectors, config.width(), Key.of(config.seed()).fold("start"));
        }
    }

    private static SasRecConfig.Loss loss(String name) {
        return SasRecConfig.Loss.values()[NAMES.indexOf(name)];
    }

    /** What training came to. */
    record Summary(int epochs, int bestEpoch, double bestNdcg10, double seconds) {}

    /** Trains until the validation questions are answered no better, and keeps the best epoch's parameters. */
    Summary train(Split split, Progress progress) {
        long began = System.nanoTime();
        List<Sample> samples = samples(split.train());
        if (samples.isEmpty()) throw new UserError(name + ": no user has two items in the training part");
        Key key = Key.of(config.seed());
        List<Case> validation = Case.some(split.validation(), config.validationCases(), key.fold("validation"));
        int steps = (samples.size() + config.batch() - 1) / config.batch(), epoch = 0, best = 0;
        double bestNdcg = -1;
        Map<String, Tensor> parameters = Checkpoint.parameters(model);
        List<float[]> kept = List.of();
        try (
                Arena arena = Arena.ofShared();
                var trainer = new Trainer<>(
                        backend,
                        model,
                        (tape, m, batch, noise, weight, k) -> m.loss(tape, batch, config, noise, weight, k),
                        settings((long) config.epochs() * steps),
                        arena);
                Progress.Bar bar = progress.start("training " + name, (long) config.epochs() * steps)) {
            for (; epoch < config.epochs() && epoch - best < config.patience(); epoch++) {
                int[] order = Samples.order(samples.size(), key.fold("epoch").fold(epoch));
                double loss = 0;
                long targets = 0;
                for (int step = 0; step < steps; step++) {
                    List<Sample> batch = new ArrayList<>();
                    int to = Math.min(order.length, (step + 1) * config.batch());
                    for (int i = step * config.batch(); i < to; i++) batch.add(samples.get(order[i]));
                    Trainer.Report report =
                            trainer.step(batch, key.fold("step").fold(trainer.optimizer().steps()));
                    loss += report.nll()[0];
                    targets += report.targets();
                    bar.step((long) epoch * steps + step + 1, note(epoch, loss / targets, bestNdcg));
                }
                double ndcg = ndcg10(validation);
                if (ndcg > bestNdcg) {
                    bestNdcg = ndcg;
                    best = epoch + 1;
                    kept = parameters.values().stream().map(Tensor::toArray).toList();
                }
            }
        }
        int p = 0;
        for (Tensor parameter : parameters.values()) parameter.copyFrom(kept.get(p++));
        progress.say(String.format(
                Locale.ROOT,
                "%s: %,d parameters, %d epochs, best epoch %d with validation NDCG@10 %.4f",
                name,
                model.size(),
                epoch,
                best,
                bestNdcg));
        return new Summary(epoch, best, bestNdcg, (System.nanoTime() - began) / 1e9);
    }

    /** The checksum of the parameters. */
    String checksum() {
        return Checkpoint.checksum(Checkpoint.parameters(model).values());
    }

    private static String note(int epoch, double loss, double bestNdcg) {
        String note = String.format(Locale.ROOT, "epoch %d, loss %.3f", epoch + 1, loss);
        return bestNdcg < 0 ? note : note + String.format(Locale.ROOT, ", best NDCG@10 %.4f", bestNdcg);
    }

    private Trainer.Settings settings(long steps) {
        var optimizer = new AdamW.Config((float) config.rate(), 0.9f, 0.999f, 1e-8f, (float) config.decay(), 0);
        Schedule schedule = config.cosine() ? Schedule.cosine(steps / 20, steps, 0.02) : Schedule.constant(0);
        return new Trainer.Settings(
                optimizer, schedule, config.dropout(), config.shards(), config.microTokens(), 1);
    }

    /** Windows of the sequences; each item that has one before it is a target once. */
    private List<Sample> samples(int[][] train) {
        return Samples.windows(train, config.maxItems() + 1).stream()
                .map(s -> new Sample(s.user(), s.items(), Math.max(1, s.from())))
                .filter(s -> s.targets() > 0)
                .toList();
    }

    private double ndcg10(List<Case> cases) {
        double sum = 0;
        for (int from = 0; from < cases.size(); from += batch()) {
            List<Case> some = cases.subList(from, Math.min(cases.size(), from + batch()));
            List<Ranking> answers = rank(some, false, 10);
            for (int i = 0; i < some.size(); i++) {
                double rank = answers.get(i).rank(some.get(i).target(), null);
                if (rank < 11) sum += Math.log(2) / Math.log(rank + 1);
            }
        }
        return cases.isEmpty() ? 0 : sum / cases.size();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int batch() {
        return Math.clamp((1 << 22) / items, 1, 256); // scores of 32 MB
    }

    @Override
    public List<Ranking> rank(List<Case> cases, boolean seenMask, int depth) {
        var answers = new Ranking[cases.size()];
        Parallel.run((cases.size() + CASES - 1) / CASES, block -> {
            int from = block * CASES, to = Math.min(cases.size(), from + CASES);
            Workspace workspace = idle.poll();
            if (workspace == null) workspace = new Workspace();
            try (Tape tape = Tape.inference(backend, workspace)) {
                List<int[]> read = new ArrayList<>();
                for (Case c : cases.subList(from, to)) if (c.position() > 0) read.add(c.latest(config.maxItems()));
                float[] scores = read.isEmpty()
                        ? new float[0]
                        : model.scores(tape, read).value().toArray();
                for (int i = from, row = 0; i < to; i++) {
                    int[] history = cases.get(i).history();
                    double[] own = new double[items]; // nothing is known of what follows an empty history
                    for (int j = 0; history.length > 0 && j < items; j++) own[j] = scores[row * items + j];
                    if (history.length > 0) row++;
                    if (seenMask) for (int seen : history) own[seen] = Double.NEGATIVE_INFINITY;
                    answers[i] = new Ranking.Scores(own);
                }
            }
            idle.add(workspace);
        });
        return List.of(answers);
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
        memory.close();
    }
}
