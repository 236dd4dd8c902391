package dev.beamwright.benchmarks;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.confidence.Confidence;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.Grpo;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.Ugr;
import dev.beamwright.recsys.reinforce.Policy;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.reinforce.ReinforceConfig;
import dev.beamwright.recsys.reinforce.Rollouts;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.Samples;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * What an update by rollouts costs beside a step of the first training, and what it saves that the items of a group share
 * their prompt. All take turns in one run, on the model and the training data of a trained run; the time is that of the
 * processor, on one thread, so run it with {@code -Dbeamwright.threads=1}.
 */
public final class ReinforceCost {
    private ReinforceCost() {}

    /** Arguments: the folder of a trained run, and rounds (10 unless given). */
    public static void main(String[] args) {
        RunFolder run = RunFolder.open(Path.of(args[0]));
        int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 10;
        Backend backend = Backends.best();
        Prepared prepared = Prepared.load(run);
        TrainConfig config = run.config("train", TrainConfig.class);
        int[][] sequences = prepared.split().train();
        List<Sample> windows = Samples.windows(sequences, config.model().maxItems());
        List<Sample> prompts = Samples.prefixes(sequences, config.model().maxItems());
        ReinforceConfig grpo = ReinforceConfig.of(new Grpo(), args[0], 1);
        ReinforceConfig ugr = ReinforceConfig.of(new Ugr(), args[0], 1);
        try (Arena memory = Arena.ofShared()) {
            Map<String, IntConsumer> steps = new LinkedHashMap<>();
            GenerativeModel model = model(run, prepared, config, memory);
            var settings = new Trainer.Settings(
                    new AdamW.Config(1e-9f, .9f, .98f, 1e-8f, 0, 1), Schedule.constant(0),
                    config.optimization().dropout(),
                    config.execution().shards(), config.execution().microTokens(), model.space().levels());
            var likelihood = config.likelihood();
            var first = new Trainer<GenerativeModel>(
                    backend, model,
                    (tape, m, s, noise, weight, key) -> new CrossEntropy()
                            .loss(MicroBatch.of(tape, m, likelihood, s, noise, weight, new double[0], key)),
                    settings, memory);
            steps.put("first training, " + config.optimization().batchSize() + " sequences",
                    r -> first.step(chosen(windows, config.optimization().batchSize(), r), Key.of(r)));
            var search = new BeamSearch(model, SearchConfig.beam(grpo.rollouts().groupSize(), likelihood));
            var workspace = new Workspace();
            steps.put("rollouts alone, 16 prompts", r -> {
                List<Sample> batch = chosen(prompts, 16, r);
                try (Tape tape = Tape.inference(backend, workspace)) {
                    search.search(
                            tape,
                            Query.of(
                                    batch.stream().map(p -> Arrays.copyOf(p.items(), p.from())).toList(),
                                    batch.stream().mapToInt(Sample::user).toArray()),
                            null);
                }
            });
            for (boolean skipping : new boolean[] {true, false}) {
                for (boolean shared : new boolean[] {true, false}) {
                    String how =
                            (skipping ? "" : ", every prompt sent") + (shared ? "" : ", a prompt for each rollout");
                    steps.put("grpo" + how,
                            step(backend, run, prepared, config, grpo, prompts, shared, skipping, memory));
                    if (shared) {
                        steps.put("ugr" + how, step(
                                backend, run, prepared, config, ugr, prompts, shared, skipping, memory));
                    }
                }
            }
            measure(steps, rounds);
        }
    }

    private static GenerativeModel model(RunFolder run, Prepared prepared, TrainConfig config, Arena memory) {
        SemanticIds ids = SemanticIds.load(run, prepared.data().items());
        GenerativeModel model = TrainedModel.create(config.model(), ids, Key.of(config.seed()), memory);
        TrainedModel.load(model, run, "model/best.safetensors");
        return model;
    }

    private static IntConsumer step(
            Backend backend,
            RunFolder run,
            Prepared prepared,
            TrainConfig config,
            ReinforceConfig r,
            List<Sample> prompts,
            boolean shared,
            boolean skipping,
            Arena memory) {
        GenerativeModel model = model(run, prepared, config, memory);
        var policy = new Policy(model,
                r.objective().asksConfidence() ? Confidence.of(model, r.confidenceGain(), Key.of(1), memory) : null);
        var loss = new Rollouts(
                backend, r.objective(), r.rollouts().groupSize(), config.likelihood(), null, shared, skipping);
        Trainer<Policy> trainer = Reinforce.trainer(backend, policy, loss, r, memory);
        return round -> {
            loss.nextBatch();
            trainer.step(chosen(prompts, r.optimization().batchSize(), round), Key.of(round));
        };
    }

    /** The same samples in the same round, whoever asks. */
    private static List<Sample> chosen(List<Sample> samples, int n, int round) {
        Key key = Key.of(7).fold(round);
        return new ArrayList<>(IntStream.range(0, n).mapToObj(i -> samples.get(key.below(i, samples.size()))).toList());
    }

    private static void measure(Map<String, IntConsumer> steps, int rounds) {
        var clock = ManagementFactory.getThreadMXBean();
        Map<String, double[]> seconds = new LinkedHashMap<>();
        steps.keySet().forEach(name -> seconds.put(name, new double[rounds]));
        for (int round = -3; round < rounds; round++) { // the first ones warm up
            for (var step : steps.entrySet()) {
                long began = clock.getCurrentThreadCpuTime();
                step.getValue().accept(round);
                if (round >= 0) seconds.get(step.getKey())[round] = (clock.getCurrentThreadCpuTime() - began) / 1e9;
            }
        }
        double base = Double.NaN;
        for (var e : seconds.entrySet()) {
            double[] sorted = e.getValue().clone();
            Arrays.sort(sorted);
            double median = sorted[rounds / 2];
            if (Double.isNaN(base)) base = median;
            System.out.printf(
                    Locale.ROOT, "%-55s %8.1f ms, %5.2f of the first training (from %.1f to %.1f ms)%n", e.getKey(),
                    1000 * median, median / base, 1000 * sorted[0], 1000 * sorted[rounds - 1]);
        }
    }
}
