package dev.beamwright.benchmarks;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.objective.ApaoPairwise;
import dev.beamwright.recsys.objective.ApaoPointwise;
import dev.beamwright.recsys.objective.Bear;
import dev.beamwright.recsys.objective.CrossEntropy;
import dev.beamwright.recsys.objective.MicroBatch;
import dev.beamwright.recsys.objective.Objective;
import dev.beamwright.recsys.objective.TargetObjective;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.transformer.Noise;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What a training step costs under each objective, as a multiple of a step of cross-entropy over the same softmax. All
 * take turns in one run, on the same batches; the time is that of the processor, on one thread, so that other work on
 * the machine disturbs little. Run it with {@code -Dbeamwright.threads=1}.
 *
 * <p>The catalogue is random: 12,000 items of 4 levels with 256 codes each; a batch has 64 sequences of 10 items. The
 * model is the default one, a decoder of 4 layers and 128 columns.
 */
public final class ObjectiveCost {
    private static final int ITEMS = 12_000, SEQUENCES = 64, LENGTH = 10;

    private ObjectiveCost() {}

    /** Arguments: rounds (20 unless given), and negatives of APAO pairwise (0 leaves it out; 100 unless given). */
    public static void main(String[] args) {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 20;
        int negatives = args.length > 1 ? Integer.parseInt(args[1]) : 100;
        Backend backend = Backends.best();
        for (Softmax softmax : Softmax.values()) {
            System.out.printf("softmax over %s, backend %s, %d rounds%n", softmax, backend.name(), rounds);
            measure(backend, softmax, objectives(negatives), rounds);
        }
    }

    private static Map<String, TargetObjective> objectives(int negatives) {
        Map<String, TargetObjective> all = new LinkedHashMap<>();
        all.put("ce", new CrossEntropy());
        all.put("ce again", new CrossEntropy());
        all.put("apao-pointwise", new ApaoPointwise());
        all.put("bear, code form, B 20", bear(Bear.Form.CODE, true, 20));
        all.put("bear, code form, B 50", bear(Bear.Form.CODE, true, 50));
        all.put("bear, paper form", bear(Bear.Form.PAPER, true, 20));
        all.put("bear, paper form, not detached", bear(Bear.Form.PAPER, false, 20));
        if (negatives > 0) {
            all.put("apao-pairwise, " + negatives + " negatives", new ApaoPairwise(.2, 1e-4, negatives, 1));
        }
        return all;
    }

    private static Bear bear(Bear.Form form, boolean detached, int width) {
        Bear d = new Bear();
        return new Bear(d.lambda(), d.xi(), width, form, detached, 1);
    }

    private static void measure(
            Backend backend, Softmax softmax, Map<String, TargetObjective> objectives, int rounds) {
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) {
            Key key = Key.of(1).fold(i);
            codes[i] = IntStream.range(0, 4).map(l -> key.below(l, 256)).toArray();
        }
        var ids = new SemanticIds(new int[] {256, 256, 256, 256}, codes);
        var sizes = new ModelConfig("decoder", 128, 4, 4, 32, 256, false, 50);
        List<Sample> batch = new ArrayList<>();
        for (int s = 0; s < SEQUENCES; s++) {
            Key key = Key.of(2).fold(s);
            batch.add(new Sample(IntStream.range(0, LENGTH).map(i -> key.below(i, ITEMS)).toArray(), 0));
        }
        var clock = ManagementFactory.getThreadMXBean();
        try (Arena memory = Arena.ofShared()) {
            Map<String, Trainer<GenerativeModel>> trainers = new LinkedHashMap<>();
            objectives.forEach((name, objective) -> {
                GenerativeModel model = TrainedModel.create(sizes, ids, Key.of(3), memory);
                var settings = new Trainer.Settings(
                        new AdamW.Config(1e-3f, .9f, .98f, 1e-8f, .05f, 1), Schedule.cosine(10, 1_000_000, .05), .2, 1,
                        512, 4);
                trainers.put(name, new Trainer<>(backend, model, loss(objective, objective.likelihood(softmax)),
                        settings, memory));
            });
            Map<String, double[]> seconds = new LinkedHashMap<>();
            objectives.keySet().forEach(name -> seconds.put(name, new double[rounds]));
            for (int round = -5; round < rounds; round++) { // the first ones warm up
                for (var t : trainers.entrySet()) {
                    long began = clock.getCurrentThreadCpuTime();
                    t.getValue().step(batch, Key.of(4).fold(round));
                    if (round >= 0) {
                        seconds.get(t.getKey())[round] = (clock.getCurrentThreadCpuTime() - began) / 1e9;
                    }
                }
            }
            double[] base = seconds.get("ce");
            seconds.forEach((name, s) -> {
                double[] ratios = IntStream.range(0, rounds).mapToDouble(r -> s[r] / base[r]).toArray();
                System.out.printf(
                        Locale.ROOT,
                        "  %-34s %8.2f ms a step, %6.3f of cross-entropy (quartiles %.3f to %.3f)%n",
                        name,
                        1000 * quantile(s, .5),
                        quantile(ratios, .5),
                        quantile(ratios, .25),
                        quantile(ratios, .75));
            });
            trainers.values().forEach(Trainer::close);
        }
    }

    private static Trainer.Loss<GenerativeModel> loss(TargetObjective objective, Likelihood likelihood) {
        return new Trainer.Loss<>() {
            @Override
            public Objective.Result of(
                    Tape tape,
                    GenerativeModel model,
                    List<Sample> samples,
                    Noise noise,
                    float weight,
                    Key key) {
                return objective
                        .loss(MicroBatch.of(tape, model, likelihood, samples, noise, weight, new double[0], key));
            }

            @Override
            public int extraRows() {
                return objective.extraRows(4);
            }
        };
    }

    private static double quantile(double[] values, double q) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[(int) Math.round(q * (sorted.length - 1))];
    }
}
