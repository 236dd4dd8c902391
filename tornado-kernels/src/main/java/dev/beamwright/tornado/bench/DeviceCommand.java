package dev.beamwright.tornado.bench;

import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.cli.BenchCommand;
import dev.beamwright.recsys.decode.Generator;
import dev.beamwright.recsys.decode.Query;
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
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.run.Version;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.recsys.train.Trainer;
import dev.beamwright.tensor.AttentionSpec;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.BeamSpec;
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Step;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tornado.Lab;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code beamwright bench device}: kernels, a training step and beam search on the device, beside plain loops and the
 * Vector API in the same process. On the device each is a captured body, run again and again on what lies there.
 */
@Command(
        name = "device",
        mixinStandardHelpOptions = true,
        description = "Measures kernels, training steps and beam search on the TornadoVM device, beside the CPU.",
        footer = {"", "Writes device.json and device.svg into the folder of --out."})
public final class DeviceCommand implements BenchCommand.Benchmark {
    @Spec
    private CommandSpec spec;

    @Option(names = "--quick", description = "tiny sizes, to try the program out")
    private boolean quick;

    @Option(names = "--no-cpu", description = "leave out the CPU's columns")
    private boolean noCpu;

    @Option(
            names = "--out",
            paramLabel = "FOLDER",
            defaultValue = "benchmarks/results",
            description = "default: ${DEFAULT-VALUE}")
    private Path out;

    private Backend tornado;
    private final List<DeviceResults.Row> rows = new ArrayList<>();
    private final List<Tensor> made = new ArrayList<>();
    private double copyRate, productRate, taskSeconds;

    @Override
    public Integer call() {
        try {
            tornado = Backends.named("tornado");
        } catch (IllegalArgumentException e) {
            throw new UserError("bench device: " + e.getMessage() + "; 'beamwright devices' says what is missing");
        }
        Progress progress = Progress.stderr();
        progress.say("device: " + Lab.device());
        try (Arena memory = Arena.ofShared()) {
            if (Lab.cuda()) tensorCoresAreRight(memory);
            limits(memory, progress);
            kernels(memory, progress);
        }
        for (String backbone : List.of("decoder", "encoder-decoder")) wholes(backbone, progress);
        DeviceResults results = write(true);
        Json.writeAtomically(out.resolve("device.svg"), results.bars().getBytes(StandardCharsets.UTF_8));
        results.print(spec.commandLine().getOut());
        return 0;
    }

    /** After each row, so that what was measured is kept when the time runs out. */
    private DeviceResults write(boolean complete) {
        var results = new DeviceResults(
                Instant.now().toString(), Version.current().commit(), Lab.device(), Lab.gpu() ? "gpu" : "cpu",
                Lab.version(), Runtime.version().toString(), Parallel.threads(), quick, complete, copyRate / 1e9,
                productRate / 1e9, taskSeconds * 1e6, List.copyOf(rows));
        Json.write(out.resolve("device.json"), results);
        return results;
    }

    /** No speed of wrong numbers: products of 16 bits against those of single precision, in all transpositions. */
    private void tensorCoresAreRight(Arena memory) {
        int m = 128, n = 192, k = 64;
        Tensor exact = filled(memory, m, n), rounded = filled(memory, m, n);
        for (String name : List.of("bf16", "fp16")) {
            Backend other = Lab.withProducts(tornado, name);
            for (int form = 0; form < 4; form++) {
                boolean ta = (form & 1) != 0, tb = (form & 2) != 0;
                Tensor a = ta ? filled(memory, k, m) : filled(memory, m, k);
                Tensor b = tb ? filled(memory, n, k) : filled(memory, k, n);
                tornado.matmul(exact, a, ta, b, tb, false);
                other.matmul(rounded, a, ta, b, tb, false);
                for (int i = 0; i < m * n; i++) {
                    if (Math.abs(exact.get(i) - rounded.get(i)) < 0.05) continue; // of sums of about 2
                    throw new UserError(String.format(
                            Locale.ROOT, "bench device: product in %s, transposed %b %b: element %d is %g, not %g",
                            name,
                            ta, tb, i, rounded.get(i), exact.get(i)));
                }
            }
        }
    }

    // ---- the device's limits

    private void limits(Arena memory, Progress progress) {
        int n = quick ? 1 << 16 : 1 << 24, side = quick ? 256 : 2048;
        Tensor a = filled(memory, n), b = filled(memory, n), nothing = Tensor.zeros(memory, Shape.of(1));
        Timed copy = onDevice(() -> tornado.addBias(b, a, nothing), true);
        copyRate = 8.0 * n / copy.seconds;
        progress.say(String.format(Locale.ROOT, "copy: %.1f GB/s", copyRate / 1e9));
        Tensor x = filled(memory, side, side), y = filled(memory, side, side), z = filled(memory, side, side);
        Timed product = onDevice(() -> tornado.matmul(z, x, false, y, false, false), true);
        productRate = 2.0 * side * side * side / product.seconds;
        progress.say(String.format(Locale.ROOT, "product of %d³: %.1f GFLOP/s", side, productRate / 1e9));
        Tensor small = filled(memory, 128);
        Timed few = onDevice(() -> repeat(10, () -> tornado.accumulate(small, 0.5f, small)), false);
        Timed many = onDevice(() -> repeat(110, () -> tornado.accumulate(small, 0.5f, small)), false);
        taskSeconds = (many.seconds - few.seconds) / 100;
        progress.say(String.format(Locale.ROOT, "one more task: %.1f µs", taskSeconds * 1e6));
    }

    private static void repeat(int times, Runnable body) {
        for (int i = 0; i < times; i++) body.run();
    }

    // ---- kernels

    private void kernels(Arena memory, Progress progress) {
        int t = quick ? 96 : 4096, c = quick ? 32 : 128, hidden = quick ? 64 : 1024, vocabulary = quick ? 48 : 1024;
        Tensor x = filled(memory, t, c), w = filled(memory, hidden, c), y = filled(memory, t, hidden);
        Tensor dw = filled(memory, hidden, c), dx = filled(memory, t, c);
        for (int side : quick ? new int[] {64} : new int[] {2048, 4096}) {
            Tensor left = filled(memory, side, side), right = filled(memory, side, side);
            Tensor result = filled(memory, side, side);
            row(
                    "product of " + side + "³", 2.0 * side * side * side, 0,
                    b -> b.matmul(result, left, false, right, false, false), side, progress);
        }
        double product = 2.0 * t * c * hidden;
        row("product, weights transposed", product, 0, b -> b.matmul(y, x, false, w, true, false), progress);
        row("product, as it stands", product, 0, b -> b.matmul(dx, y, false, w, false, false), progress);
        row("product, rows transposed", product, 0, b -> b.matmul(dw, y, true, x, false, false), progress);

        int heads = quick ? 2 : 6, dim = quick ? 16 : 64, length = quick ? 24 : 64, width = heads * dim;
        int[] cuts = new int[t / length + 1];
        for (int i = 0; i < cuts.length; i++) cuts[i] = i * length;
        Tensor offsets = Tensor.of(memory, Shape.of(cuts.length), cuts);
        Tensor q = filled(memory, t, width), kv = filled(memory, t, 2 * width), o = filled(memory, t, width);
        Tensor lse = filled(memory, t, heads), dq = filled(memory, t, width), dkv = filled(memory, t, 2 * width);
        var spec = new AttentionSpec(heads, dim, 0.125f, false, offsets, offsets, null);
        double scores = 2.0 * t * length * width;
        row("attention", 2 * scores, 0, b -> b.attention(o, lse, q, kv, null, spec), progress);
        row(
                "attention, way back", 7 * scores, 0,
                b -> b.attentionBackward(dq, dkv, null, q, o, lse, q, kv, null, spec), progress);

        Tensor weight = filled(memory, c), rstd = filled(memory, t), x2 = filled(memory, t, c);
        Tensor dweight = filled(memory, c);
        double row = 4.0 * t * c;
        row("rms norm", 0, 2 * row, b -> b.rmsNorm(x2, rstd, x, weight, 1e-6f), progress);
        row("rms norm, way back", 0, 4 * row, b -> b.rmsNormBackward(dx, dweight, x2, x, rstd, weight), progress);
        Tensor key = Tensor.of(memory, Shape.of(2), 1, 2);
        row("dropout and sum", 0, 3 * row, b -> b.addDropout(x2, x, dx, new Dropout(.1f, key, 1)), progress);
        Tensor ids = Tensor.of(memory, Shape.of(t), numbers(t, vocabulary));
        Tensor table = filled(memory, vocabulary, c), dtable = filled(memory, vocabulary, c);
        row("gather", 0, 2 * row, b -> b.gather(x2, table, ids), progress);
        row("gather, way back", 0, row + 8.0 * vocabulary * c, b -> b.gatherBackward(dtable, x, ids), progress);
        int codes = quick ? 32 : 256;
        Tensor logits = filled(memory, t, codes), dlogits = filled(memory, t, codes), nll = filled(memory, t);
        Tensor loss = filled(memory, 1), weights = filled(memory, t), targets = Tensor.of(memory, Shape.of(t),
                numbers(t, codes));
        row(
                "cross-entropy and gradient", 0, 8.0 * t * codes,
                b -> b.crossEntropy(loss, nll, dlogits, logits, targets, weights), progress);
        searches(memory, progress);
        int n = quick ? 1 << 12 : 1 << 22;
        Tensor p = filled(memory, n), g = filled(memory, n), m = filled(memory, n), v = filled(memory, n);
        Tensor state = Tensor.of(memory, Shape.of(4), 1e-3f, 1, 1, 1);
        row("AdamW", 0, 32.0 * n, b -> b.adamW(p, g, m, v, state, .9f, .999f, 1e-8f, .01f), progress);
    }

    /** One level of a beam search: attention to prompts of 64 tokens and to two ancestors, and the choice of children. */
    private void searches(Arena memory, Progress progress) {
        int users = quick ? 4 : 256, beam = quick ? 3 : 20, n = users * beam, tokens = quick ? 8 : 64, codes = 256;
        int heads = quick ? 2 : 6, width = heads * (quick ? 16 : 64);
        int[] cuts = new int[users + 1], user = new int[n], places = new int[n];
        for (int i = 0; i <= users; i++) cuts[i] = i * tokens;
        for (int i = 0; i < n; i++) user[i] = i / beam;
        for (int i = 0; i < n; i++) places[i] = i % beam;
        Tensor out = filled(memory, n, width), q = filled(memory, n, width);
        Tensor prompts = filled(memory, users * tokens, 2 * width),
                offsets = Tensor.of(memory, Shape.of(users + 1), cuts);
        List<Tensor> levels = List.of(filled(memory, n, 2 * width), filled(memory, n, 2 * width));
        Tensor ancestors = Tensor.of(memory, Shape.of(n, 2), numbers(2 * n, n)),
                of = Tensor.of(memory, Shape.of(n), user);
        row(
                "beam's attention", 4.0 * n * width * (tokens + 2), 0,
                b -> b.beamAttention(out, q, prompts, offsets, of, levels, ancestors, null, heads, 0.125f), progress);
        int[] ends = new int[beam + 1], columns = new int[beam * codes];
        for (int i = 0; i <= beam; i++) ends[i] = i * codes;
        Arrays.setAll(columns, i -> i % codes);
        var spec = new BeamSpec(
                beam, beam, Tensor.of(memory, Shape.of(beam + 1), ends),
                Tensor.of(memory, Shape.of(columns.length), columns),
                null, null, false, 1, 0);
        Tensor logits = filled(memory, n, codes), before = filled(memory, n), scores = filled(memory, n);
        Tensor at = Tensor.of(memory, Shape.of(n), places), nodes = Tensor.of(memory, Shape.of(n), user);
        Tensor parents = Tensor.of(memory, Shape.of(n), user), tokensOf = Tensor.of(memory, Shape.of(n), user);
        row(
                "choice of children", 0, 4.0 * n * codes,
                b -> b.extendBeams(nodes, scores, parents, tokensOf, logits, at, before, spec), progress);
    }

    private interface Work {
        void on(Backend b);
    }

    private void row(String name, double flops, double bytes, Work work, Progress progress) {
        row(name, flops, bytes, work, 0, progress);
    }

    /** @param side of a product that cuBLAS makes, too; else 0 */
    private void row(String name, double flops, double bytes, Work work, int side, Progress progress) {
        Double scalar = null, one = null, all = null;
        if (!noCpu) {
            Backend plain = Backends.named("scalar"), vector = Backends.named("vector");
            if (quick || name.equals("attention") || name.startsWith("product, weights")) {
                scalar = Timing.onCpu(() -> work.on(plain), 1);
            }
            one = Timing.onCpu(() -> work.on(vector), 1);
            all = Timing.onCpu(() -> work.on(vector), Parallel.threads());
        }
        Timed device = onDevice(() -> work.on(tornado), true);
        double share = flops > 0 ? flops / device.seconds / productRate : bytes / device.seconds / copyRate;
        Double bf16Ms = null, fp16Ms = null, library = null;
        if (Lab.cuda() && name.startsWith("product")) {
            Backend bf16 = Lab.withProducts(tornado, "bf16"), fp16 = Lab.withProducts(tornado, "fp16");
            bf16Ms = 1e3 * onDevice(() -> work.on(bf16), true).seconds;
            fp16Ms = 1e3 * onDevice(() -> work.on(fp16), true).seconds;
            Runnable cublas = side == 0 ? null : CuBlas.product(side);
            if (cublas != null) {
                cublas.run();
                library = 1e3 * Timing.median(cublas);
            }
        }
        add(
                new DeviceResults.Row(
                        name, flops, bytes, scalar, one, all, 1e3 * device.seconds, bf16Ms, fp16Ms, library,
                        1e3 * device.first, device.tasks, share, null, 0),
                progress);
    }

    private void add(DeviceResults.Row r, Progress progress) {
        rows.add(r);
        write(false);
        progress.say(DeviceResults.line(r));
    }

    // ---- a whole training step, and beam search

    private record Loss(TargetObjective objective, Likelihood likelihood) implements Trainer.Loss<GenerativeModel> {
        @Override
        public Objective.Result of(
                dev.beamwright.autograd.Tape tape,
                GenerativeModel model,
                List<Sample> samples,
                dev.beamwright.transformer.Noise noise,
                float weight,
                Key key) {
            return objective.loss(MicroBatch.of(tape, model, likelihood, samples, noise, weight, new double[0], key));
        }

        @Override
        public boolean recordable() {
            return objective.recordable();
        }
    }

    private void wholes(String backbone, Progress progress) {
        boolean decoder = backbone.equals("decoder");
        ModelConfig config = quick
                ? new ModelConfig(backbone, 16, 1, decoder ? 0 : 1, 2, 8, 24, decoder, true, 10_000, 0, 8)
                : decoder ? ModelConfig.llama()
                : ModelConfig.tiger();
        int users = quick ? 8 : 256;
        int items = quick ? 40 : 12_000, codes = quick ? 8 : 256, batch = quick ? 8 : decoder ? 128 : 1024;
        Key key = Key.of(5);
        int[][] ids = new int[items][];
        for (int i = 0; i < items; i++) {
            Key k = key.fold(i);
            ids[i] = new int[] {k.below(0, codes), k.below(1, codes), k.below(2, codes), i % codes};
        }
        int[] widths = {codes, codes, codes, codes};
        List<Sample> samples = new ArrayList<>();
        List<int[]> histories = new ArrayList<>();
        for (int s = 0; s < batch; s++) {
            int n = decoder ? config.maxItems() : config.maxItems() + 1; // with the target behind a full history
            Key k = key.fold("sample").fold(s);
            int[] sequence = new int[n];
            for (int i = 0; i < n; i++) sequence[i] = k.below(i, items);
            samples.add(new Sample(s, sequence, decoder ? 0 : n - 1));
            if (s < users) histories.add(sequence);
        }
        Double one = null, all = null;
        double[] seconds = new double[2], first = new double[2];
        int tasks = 0;
        Double beamAll = null;
        for (Backend b : noCpu ? List.of(tornado) : List.of(Backends.named("vector"), tornado)) {
            try (Arena memory = Arena.ofShared()) {
                GenerativeModel model = TrainedModel.create(config, new SemanticIds(widths, ids), key, memory);
                boolean device = b == tornado;
                var settings = new Trainer.Settings(
                        AdamW.Config.DEFAULT, Schedule.constant(10), 0.1, device ? 1 : 4, device ? 1 << 20 : 512, 4);
                var loss = new Loss(new CrossEntropy(), new Likelihood(Softmax.LEVEL, 1));
                SearchConfig beam = SearchConfig.beam(quick ? 5 : 20, Softmax.LEVEL);
                try (
                        var trainer = new Trainer<>(b, model, loss, settings, memory);
                        var generator = new Generator(b, model)) {
                    Runnable step = () -> trainer.step(samples, key.fold("step"));
                    Runnable search = () -> generator.recommend(beam, Query.of(histories), null);
                    if (device) {
                        first[0] = Timing.seconds(step);
                        tasks = Lab.tasksAndGraphs(tornado)[0];
                        seconds[0] = Timing.median(step);
                        first[1] = Timing.seconds(search);
                        seconds[1] = Timing.median(search);
                    } else {
                        if (quick) one = Timing.onCpu(step, 1);
                        all = Timing.onCpu(step, Parallel.threads());
                        beamAll = Timing.onCpu(search, Parallel.threads());
                    }
                }
            }
        }
        String size = quick ? "tiny " + backbone : decoder ? "llama" : "TIGER";
        int searched = Lab.tasksAndGraphs(tornado)[0];
        whole("step of " + size, one, all, seconds[0], first[0], tasks, batch, progress);
        whole("beam search of " + size, null, beamAll, seconds[1], first[1], searched, histories.size(), progress);
    }

    private void whole(
            String name, Double one, Double all, double seconds, double first, int tasks, int many, Progress progress) {
        double launch = Math.min(1, tasks * taskSeconds / seconds);
        add(
                new DeviceResults.Row(
                        name, 0, 0, null, one, all, 1e3 * seconds, null, null, null, 1e3 * first, tasks, null, launch,
                        many / seconds),
                progress);
    }

    // ---- timing

    private record Timed(double seconds, double first, int tasks) {}

    /** A captured body; with {@code many} it is made of ten runs of the work, whose share is reported. */
    private Timed onDevice(Runnable work, boolean many) {
        int times = many ? 10 : 1;
        made.forEach(tornado::written); // what an earlier body left on the device may be read by this one
        Step step = tornado.capture(() -> repeat(times, work));
        double first = Timing.seconds(step::run);
        int tasks = Lab.tasksAndGraphs(tornado)[0];
        return new Timed(Timing.median(step::run) / times, first, tasks / times);
    }

    private Tensor filled(Arena memory, int... dims) {
        Tensor t = Tensor.zeros(memory, Shape.of(dims));
        made.add(t);
        for (int i = 0, n = (int) t.shape().size(); i < n; i++) t.set(i, (i * 37L % 101 - 50) / 100f);
        return t;
    }

    private static int[] numbers(int n, int bound) {
        int[] numbers = new int[n];
        Arrays.setAll(numbers, i -> (int) (i * 7919L % bound));
        return numbers;
    }
}
