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
import dev.beamwright.recsys.run.Bars;
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
import dev.beamwright.tensor.Dropout;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Step;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tornado.Lab;
import java.io.PrintWriter;
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

    /**
     * What was measured of one thing; seconds are medians, null where it was not measured.
     *
     * @param flops arithmetic operations of one run, 0 where they are not what counts
     * @param bytes read and written by one run at the least, 0 where they are not what counts
     * @param brains the device's with operands rounded to bfloat16, on tensor cores
     * @param halves the same with half precision
     * @param library cuBLAS in single precision
     * @param firstRun seconds of the first run on the device: compiling, and copying parameters to it
     * @param share of what the device was measured to be able to do, in the same run
     * @param launch share of the time that starting the tasks takes, of what consists of many
     */
    public record Row(
            String name,
            double flops,
            double bytes,
            Double scalar,
            Double vector1,
            Double vector,
            Double device,
            Double brains,
            Double halves,
            Double library,
            double firstRun,
            int tasks,
            Double share,
            Double launch) {
        String rate() {
            if (launch != null) return String.format(Locale.ROOT, "launches %.0f%%", 100 * launch);
            if (flops > 0) return String.format(Locale.ROOT, "%.1f GFLOP/s", flops / device / 1e9);
            return bytes > 0 ? String.format(Locale.ROOT, "%.1f GB/s", bytes / device / 1e9) : "";
        }
    }

    /**
     * All of it.
     *
     * @param copyGBs what copying reached, in GB/s, read and written counted
     * @param productGFLOPs what the greatest product reached
     * @param taskMicroseconds what one more task in a captured body costs
     */
    public record Results(
            String date,
            String commit,
            String device,
            String sdk,
            String jdk,
            int threads,
            boolean quick,
            double copyGBs,
            double productGFLOPs,
            double taskMicroseconds,
            List<Row> rows) {}

    private Backend tornado;
    private final List<Row> rows = new ArrayList<>();
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
        var results = new Results(
                Instant.now().toString(), Version.current().commit(), Lab.device(), Lab.version(),
                Runtime.version().toString(), Parallel.threads(), quick, copyRate / 1e9, productRate / 1e9,
                taskSeconds * 1e6, rows);
        Json.write(out.resolve("device.json"), results);
        Json.writeAtomically(out.resolve("device.svg"), bars().getBytes(StandardCharsets.UTF_8));
        print(spec.commandLine().getOut());
        return 0;
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
        int n = quick ? 1 << 12 : 1 << 22;
        Tensor p = filled(memory, n), g = filled(memory, n), m = filled(memory, n), v = filled(memory, n);
        Tensor state = Tensor.of(memory, Shape.of(4), 1e-3f, 1, 1, 1);
        row("AdamW", 0, 32.0 * n, b -> b.adamW(p, g, m, v, state, .9f, .999f, 1e-8f, .01f), progress);
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
            if (quick) scalar = onCpu(() -> work.on(plain), 1);
            one = onCpu(() -> work.on(vector), 1);
            all = onCpu(() -> work.on(vector), Parallel.threads());
        }
        Timed device = onDevice(() -> work.on(tornado), true);
        double share = flops > 0 ? flops / device.seconds / productRate : bytes / device.seconds / copyRate;
        Double brains = null, halves = null, library = null;
        if (Lab.cuda() && name.startsWith("product")) {
            Backend bf16 = Lab.withProducts(tornado, "bf16"), fp16 = Lab.withProducts(tornado, "fp16");
            brains = onDevice(() -> work.on(bf16), true).seconds;
            halves = onDevice(() -> work.on(fp16), true).seconds;
            Runnable cublas = side == 0 ? null : CuBlas.product(side);
            if (cublas != null) {
                cublas.run();
                library = median(cublas);
            }
        }
        add(
                new Row(
                        name, flops, bytes, scalar, one, all, device.seconds, brains, halves, library, device.first,
                        device.tasks, share, null),
                progress);
    }

    private void add(Row r, Progress progress) {
        rows.add(r);
        progress.say(line(r));
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
            if (s < 32) histories.add(sequence);
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
                        first[0] = seconds(step);
                        tasks = Lab.tasksAndGraphs(tornado)[0];
                        seconds[0] = median(step);
                        first[1] = seconds(search);
                        seconds[1] = median(search);
                    } else {
                        if (quick) one = onCpu(step, 1);
                        all = onCpu(step, Parallel.threads());
                        beamAll = onCpu(search, Parallel.threads());
                    }
                }
            }
        }
        String size = quick ? "tiny " + backbone : decoder ? "llama" : "TIGER";
        int searched = Lab.tasksAndGraphs(tornado)[0];
        whole("step of " + size, one, all, seconds[0], first[0], tasks, progress);
        whole("beam search of " + size, null, beamAll, seconds[1], first[1], searched, progress);
    }

    private void whole(
            String name, Double one, Double all, double seconds, double first, int tasks, Progress progress) {
        double launch = Math.min(1, tasks * taskSeconds / seconds);
        add(new Row(name, 0, 0, null, one, all, seconds, null, null, null, first, tasks, null, launch), progress);
    }

    // ---- timing

    private record Timed(double seconds, double first, int tasks) {}

    /** A captured body; with {@code many} it is made of ten runs of the work, whose share is reported. */
    private Timed onDevice(Runnable work, boolean many) {
        int times = many ? 10 : 1;
        made.forEach(tornado::written); // what an earlier body left on the device may be read by this one
        Step step = tornado.capture(() -> repeat(times, work));
        double first = seconds(step::run);
        int tasks = Lab.tasksAndGraphs(tornado)[0];
        return new Timed(median(step::run) / times, first, tasks / times);
    }

    private static double onCpu(Runnable work, int threads) {
        double[] seconds = new double[1];
        Parallel.limited(threads, () -> {
            // Half a second for the JVM's compiler.
            for (double warm = 0; warm < 0.5;) warm += seconds(work);
            seconds[0] = median(work);
        });
        return seconds[0];
    }

    /** The median of at least three runs, and of as many as fit into half a second. */
    private static double median(Runnable work) {
        List<Double> all = new ArrayList<>();
        double sum = 0;
        while (all.size() < 3 || (sum < 0.5 && all.size() < 200)) {
            double s = seconds(work);
            all.add(s);
            sum += s;
        }
        all.sort(null);
        return all.get(all.size() / 2);
    }

    private static double seconds(Runnable work) {
        long began = System.nanoTime();
        work.run();
        return (System.nanoTime() - began) / 1e9;
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

    // ---- what is shown

    private static String line(Row r) {
        return String.format(
                Locale.ROOT, "%-28s %9s %9s %9s %9s %9s %9s %9s  %-16s %5s %6.2f s %4d", r.name, ms(r.scalar),
                ms(r.vector1), ms(r.vector), ms(r.device), ms(r.brains), ms(r.halves), ms(r.library), r.rate(),
                r.share == null ? "" : String.format(Locale.ROOT, "%.0f%%", 100 * r.share), r.firstRun, r.tasks);
    }

    private static String ms(Double seconds) {
        return seconds == null ? "-" : String.format(Locale.ROOT, "%.3f", 1e3 * seconds);
    }

    private void print(PrintWriter to) {
        to.printf(
                Locale.ROOT, "%s%ncopy %.1f GB/s, product %.1f GFLOP/s, one more task %.1f µs%n%nmilliseconds%n"
                        + "%-28s %9s %9s %9s %9s %9s %9s %9s  %-16s %5s %8s %4s%n",
                Lab.device(), copyRate / 1e9, productRate / 1e9, taskSeconds * 1e6, "", "plain Java", "Vector, 1",
                "Vector, " + Parallel.threads(), "device", "bf16", "fp16", "cuBLAS", "rate", "share", "first", "tasks");
        for (Row r : rows) to.println(line(r));
        to.flush();
    }

    private String bars() {
        List<Bars.Bar> bars = new ArrayList<>();
        for (Row r : rows) {
            if (r.share == null) continue;
            String text = String.format(Locale.ROOT, "%.0f%%, %s", 100 * r.share, r.rate());
            bars.add(new Bars.Bar(r.name, 100 * r.share, null, null, text, false, null));
        }
        return new Bars("Share of what the device reached in copying or in a large product, %", bars).svg();
    }
}
