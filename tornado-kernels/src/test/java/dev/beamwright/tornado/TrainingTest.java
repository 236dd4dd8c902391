package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.model.Softmax;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Fifty steps of training on the device follow those on the CPU, and the same steps are the same bits again. */
class TrainingTest {
    static final int ITEMS = 40, LEVELS = 3, STEPS = 50;

    /** Items with codes of which no two are the same. */
    static SemanticIds ids() {
        int[] order = Key.of(2).permutation(5 * 4 * 6);
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) codes[i] = new int[] {order[i] / 24, order[i] / 6 % 4, order[i] % 6};
        return new SemanticIds(new int[] {5, 4, 6}, codes);
    }

    static ModelConfig config(String backbone) {
        return backbone.equals("decoder")
                ? new ModelConfig("decoder", 16, 1, 0, 2, 8, 24, true, false, 10_000, 0, 8)
                : new ModelConfig("encoder-decoder", 16, 1, 1, 2, 8, 24, false, true, 1, 0, 8);
    }

    /** Histories of different lengths that have the same number of tokens in all, or a smaller batch. */
    static List<Sample> batch(int step, boolean wholeSequences, boolean small) {
        Key key = Key.of(9).fold(step);
        int[] lengths = small ? new int[] {4, 3} : new int[] {2, 7, 5, 3, 8, 4};
        List<Sample> samples = new ArrayList<>();
        for (int s = 0; s < lengths.length; s++) {
            int n = lengths[(s + step) % lengths.length];
            int[] items = new int[n];
            // The next item mostly follows from the one before, so that there is something to learn.
            items[0] = key.below(100 + s, ITEMS);
            for (int i = 1; i < n; i++) {
                boolean chance = key.below(1000 + 10 * s + i, 5) == 0;
                items[i] = chance ? key.below(2000 + 10 * s + i, ITEMS) : (items[i - 1] * 7 + 3) % ITEMS;
            }
            samples.add(new Sample(s, items, wholeSequences ? 0 : n - 1));
        }
        return samples;
    }

    /** The cross-entropy; all a device needs to know is that it can be captured. */
    record Loss(TargetObjective objective, Likelihood likelihood) implements Trainer.Loss<GenerativeModel> {
        @Override
        public Objective.Result of(
                Tape tape, GenerativeModel model, List<Sample> samples, Noise noise, float weight, Key key) {
            return objective.loss(MicroBatch.of(tape, model, likelihood, samples, noise, weight, new double[0], key));
        }

        @Override
        public boolean recordable() {
            return objective.recordable();
        }
    }

    /** The losses of all steps, then the gradient's norm of each. */
    static double[][] losses(Backend backend, GenerativeModel model, Softmax softmax, Arena memory) {
        var settings = new Trainer.Settings(
                new AdamW.Config(3e-3f, 0.9f, 0.98f, 1e-8f, 0.05f, 1), Schedule.cosine(5, 60, 0.05), 0.1, 1, 100_000,
                LEVELS);
        double[][] found = new double[2][STEPS];
        var loss = new Loss(new CrossEntropy(), new Likelihood(softmax, 1));
        try (var trainer = new Trainer<>(backend, model, loss, settings, memory)) {
            for (int step = 0; step < STEPS; step++) {
                // Another captured step over the same parameters; once is enough to see.
                boolean small = model.sharesHistory() && step % 10 == 7;
                Trainer.Report r = trainer.step(batch(step, model.sharesHistory(), small), Key.of(3).fold(step));
                found[0][step] = Arrays.stream(r.nll()).sum() / r.targets() / LEVELS;
                found[1][step] = r.norm();
            }
        }
        return found;
    }

    @ParameterizedTest
    @CsvSource({"decoder, CHILDREN", "encoder-decoder, LEVEL"})
    void lossesFollowTheCpu(String backbone, Softmax softmax) {
        try (Arena memory = Arena.ofShared()) {
            GenerativeModel onCpu = TrainedModel.create(config(backbone), ids(), Key.of(4), memory);
            GenerativeModel onDevice = TrainedModel.create(config(backbone), ids(), Key.of(4), memory);
            double[][] expected = losses(Backends.named("scalar"), onCpu, softmax, memory);
            Backend device = Backends.named("tornado");
            double[][] actual = losses(device, onDevice, softmax, memory);
            double worst = 0;
            for (int step = 0; step < STEPS; step++) {
                worst = Math.max(worst, Math.abs(actual[0][step] / expected[0][step] - 1));
            }
            System.out.printf(
                    "%s: loss %.4f -> %.4f on the CPU, %.4f -> %.4f on the device; largest relative difference %.2g%n",
                    backbone, expected[0][0], expected[0][STEPS - 1], actual[0][0], actual[0][STEPS - 1], worst);
            for (int step = 0; step < STEPS; step++) {
                assertThat(actual[0][step]).as("loss %s", step).isCloseTo(expected[0][step], within(1e-4));
                assertThat(actual[1][step]).as("norm %s", step).isCloseTo(expected[1][step], within(1e-3));
            }
            onDevice.parameters().forEach((name, v) -> device.read(v.value(), () -> {
                float[] e = onCpu.parameters().get(name).value().toArray(), a = v.value().toArray();
                for (int i = 0; i < a.length; i++) assertThat(a[i]).as(name).isCloseTo(e[i], within(2e-3f));
            }));
            var beam = SearchConfig.beam(10, softmax);
            recommendationsAgree(backbone, beam, onCpu, onDevice, device);
            if (backbone.equals("decoder")) sameSeedSameBits(backbone, beam, actual, onDevice, device);
        }
    }

    /** Another model from the same seed, trained and searched in the same way, is the same to the last bit. */
    private static void sameSeedSameBits(
            String backbone, SearchConfig beam, double[][] losses, GenerativeModel model, Backend device) {
        try (Arena memory = Arena.ofShared()) {
            GenerativeModel again = TrainedModel.create(config(backbone), ids(), Key.of(4), memory);
            int[] first = bits(losses, model, beam, device);
            int[] second = bits(losses(device, again, beam.likelihood().softmax(), memory), again, beam, device);
            System.out.printf("%s: another run from the same seed: %d numbers, the same bits%n", backbone,
                    first.length);
            assertThat(second).isEqualTo(first);
        }
    }

    private static int[] bits(double[][] losses, GenerativeModel model, SearchConfig beam, Backend device) {
        var bits = IntStream.builder();
        for (double[] values : losses) for (double v : values) bits.add(Float.floatToRawIntBits((float) v));
        model.parameters().forEach((name, v) -> device.read(v.value(), () -> {
            for (float f : v.value().toArray()) bits.add(Float.floatToRawIntBits(f));
        }));
        List<int[]> histories = batch(1000, true, false).stream().map(Sample::items).toList();
        try (var generator = new Generator(device, model)) {
            for (Search.Result r : generator.recommend(beam, Query.of(histories).hideSeen(true), null)) {
                for (int item : r.items()) bits.add(item);
                for (float score : r.scores()) bits.add(Float.floatToRawIntBits(score));
            }
        }
        return bits.build().toArray();
    }

    /** The ten best of each history, by the model trained on the CPU and by the one trained on the device. */
    private static void recommendationsAgree(
            String backbone, SearchConfig beam, GenerativeModel onCpu, GenerativeModel onDevice, Backend device) {
        List<int[]> histories = batch(1000, true, false).stream().map(Sample::items).toList();
        try (
                var cpu = new Generator(Backends.named("scalar"), onCpu);
                var other = new Generator(device, onDevice)) {
            Search.Result[] expected = cpu.recommend(beam, Query.of(histories).hideSeen(true), null);
            Search.Result[] actual = other.recommend(beam, Query.of(histories).hideSeen(true), null);
            int common = 0, all = 0;
            double worst = 0;
            for (int u = 0; u < expected.length; u++) {
                assertThat(actual[u].scores()).hasSameSizeAs(expected[u].scores());
                for (int i = 0; i < expected[u].items().length; i++) {
                    int item = expected[u].items()[i];
                    if (Arrays.stream(actual[u].items()).anyMatch(a -> a == item)) common++;
                    all++;
                    worst = Math.max(worst, Math.abs(actual[u].scores()[i] - expected[u].scores()[i]));
                }
            }
            System.out.printf("%s: top 10 share %d of %d items; largest difference of scores %.2g%n", backbone, common,
                    all, worst);
            assertThat(common).isGreaterThanOrEqualTo(all * 9 / 10);
            assertThat(worst).isLessThan(1e-3);
        }
    }
}
