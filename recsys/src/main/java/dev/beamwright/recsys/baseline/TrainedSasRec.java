package dev.beamwright.recsys.baseline;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.data.Split;
import dev.beamwright.recsys.decode.ItemPrior;
import dev.beamwright.recsys.embedding.ItemVectors;
import dev.beamwright.recsys.embedding.Projection;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Checkpoint;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * SASRec in a score card: trained the first time it is asked for, with early stopping by the validation questions, and
 * stored in the run.
 *
 * <pre>
 * config/&lt;name&gt;.json                  its settings, written with the usual ones if it is not there; who changes them
 *                                     gets another model
 * baselines/&lt;name&gt;.safetensors        the parameters of the best epoch
 * baselines/&lt;name&gt;-last.safetensors   all that its training resumes from
 * baselines/&lt;name&gt;-metrics.jsonl      a line for each epoch
 * baselines/&lt;name&gt;-first-steps.json   checksums of the first steps, for verify
 * </pre>
 */
public final class TrainedSasRec implements Ranker {
    /**
     * The best settings that were found, which is what a model should be compared with; and from random embeddings the
     * cross-entropy over all items, and the binary one of the paper.
     */
    public static final List<String> NAMES = List.of("sasrec", "sasrec-ce", "sasrec-bce");

    private static final int CASES = 16; // that one thread scores at once

    private final String name;
    private final SasRecConfig config;
    private final Backend backend;
    private final SasRec model;
    private final int items;
    private final Repeats repeats;
    private final Arena memory = Arena.ofShared();
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    /**
     * An untrained model.
     *
     * @param start what the items' embeddings begin from, see {@link SasRec#of}
     * @param repeats how likely seen items return
     */
    TrainedSasRec(
            String name, SasRecConfig config, int items, float[][] start, Repeats repeats, Backend backend) {
        this.name = name;
        this.repeats = repeats;
        this.config = config;
        this.items = items;
        this.backend = backend;
        model = SasRec.of(config.model(), items, start, Key.of(config.seed()).fold("parameters"), memory);
    }

    /**
     * The model of a run; trained if it is not there yet, and further where its training was stopped.
     *
     * @param name one of {@link #NAMES}
     * @param seed of its training; a model of another one is trained again
     */
    public static TrainedSasRec of(
            String name, RunFolder run, Prepared prepared, long seed, Backend backend, Progress progress) {
        if (!run.has(settings(name))) run.saveConfig(name, SasRecConfig.named(name, seed));
        SasRecConfig config = run.config(name, SasRecConfig.class).withSeed(seed);
        run.saveConfig(name, config);
        if (config.start() == SasRecConfig.Start.VECTORS && !run.has(RunFolder.VECTORS)) {
            progress.say(name + ": the run has no " + RunFolder.VECTORS + "; embeddings begin at random");
        }
        TrainedSasRec sasRec = untrained(name, config, run, prepared, backend);
        try {
            sasRec.train(run, prepared.split(), progress);
            return sasRec;
        } catch (RuntimeException e) {
            sasRec.close();
            throw e;
        }
    }

    /** Its embeddings begin from the run's item vectors, reduced to the model's width, if its settings say so. */
    private static TrainedSasRec untrained(
            String name, SasRecConfig config, RunFolder run, Prepared prepared, Backend backend) {
        int items = prepared.data().items().size();
        Repeats repeats = Repeats.of(prepared.split().train());
        if (!beginsFromVectors(config, run)) return new TrainedSasRec(name, config, items, null, repeats, backend);
        try (Arena arena = Arena.ofShared()) {
            Tensor vectors = ItemVectors.imported(run.file(RunFolder.VECTORS).toString(), items, arena);
            float[][] start = Projection.of(
                    vectors, config.model().dModel(), backend, Key.of(config.seed()).fold("start"));
            return new TrainedSasRec(name, config, items, start, repeats, backend);
        }
    }

    /** Whether the embeddings begin from the run's item vectors. */
    static boolean beginsFromVectors(SasRecConfig config, RunFolder run) {
        return config.start() == SasRecConfig.Start.VECTORS && run.has(RunFolder.VECTORS);
    }

    private static String settings(String name) {
        return RunFolder.config(name);
    }

    /** Trains until the validation questions are answered no better, and takes the best epoch's parameters. */
    void train(RunFolder run, Split split, Progress progress) {
        try (var training = new SasRecTraining(this, model, config, run, split, backend, progress)) {
            training.train();
        }
    }

    /** Whether a run has such a model whose first steps can be repeated. */
    public static boolean isVerifiable(String name, RunFolder run) {
        return run.has(SasRecTraining.files(name).firstSteps());
    }

    /** Repeats the first steps of its training, and says whether every bit came out the same. */
    public static boolean verify(String name, RunFolder run, Backend backend, Progress progress) {
        SasRecConfig config = run.config(name, SasRecConfig.class);
        Prepared prepared = Prepared.load(run);
        try (
                var sasRec = untrained(name, config, run, prepared, backend);
                var training = new SasRecTraining(
                        sasRec, sasRec.model, config, run, prepared.split(), backend, progress)) {
            return training.verify();
        }
    }

    /** The checksum of the parameters. */
    String checksum() {
        return Checkpoint.checksum(Checkpoint.parameters(model).values());
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
    public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
        return rank(cases, ItemPrior.of(repeats, seen));
    }

    /** The same model, with what is known besides it. */
    public Ranker with(String name, ItemPrior prior) {
        return new Ranker() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public int batch() {
                return TrainedSasRec.this.batch();
            }

            @Override
            public Map<String, Object> settings(int depth) {
                return prior.settings();
            }

            @Override
            public List<Ranking> rank(List<Case> cases, SeenItems seen, int depth) {
                return TrainedSasRec.this.rank(cases, prior.with(seen));
            }
        };
    }

    private List<Ranking> rank(List<Case> cases, ItemPrior prior) {
        var answers = new Ranking[cases.size()];
        Parallel.run((cases.size() + CASES - 1) / CASES, block -> {
            int from = block * CASES, to = Math.min(cases.size(), from + CASES);
            Workspace workspace = idle.poll();
            if (workspace == null) workspace = new Workspace();
            try (Tape tape = Tape.inference(backend, workspace)) {
                List<int[]> read = new ArrayList<>();
                for (Case c : cases.subList(from, to))
                    if (c.position() > 0) read.add(c.latest(config.model().maxItems()));
                float[] scores = read.isEmpty()
                        ? new float[0]
                        : model.scores(tape, read).value().toArray();
                for (int i = from, row = 0; i < to; i++) {
                    int[] history = cases.get(i).history();
                    double[] own = new double[items]; // nothing is known of what follows an empty history
                    if (history.length > 0) logSoftmax(own, scores, row++ * items);
                    prior.user(history).apply(own);
                    answers[i] = new Ranking.Scores(own);
                }
            }
            idle.add(workspace);
        });
        return List.of(answers);
    }

    /** The log-probabilities of a row of logits that begins at {@code from}. */
    private static void logSoftmax(double[] logProbabilities, float[] logits, int from) {
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (int i = 0; i < logProbabilities.length; i++) max = Math.max(max, logits[from + i]);
        for (int i = 0; i < logProbabilities.length; i++) sum += Math.exp(logits[from + i] - max);
        double denominator = max + Math.log(sum);
        for (int i = 0; i < logProbabilities.length; i++) logProbabilities[i] = logits[from + i] - denominator;
    }

    @Override
    public void close() {
        for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
        memory.close();
    }
}
