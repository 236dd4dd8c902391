package dev.beamwright.recsys.semanticid;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.optim.AdamW;
import dev.beamwright.autograd.optim.Schedule;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Linear;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * RQ-VAE, a residual quantiser that is learned (Lee et al., "Autoregressive image generation using residual
 * quantization", CVPR 2022; for semantic IDs Rajput et al., "Recommender systems with generative retrieval", NeurIPS
 * 2023). An encoder maps a vector to a short latent one, each level takes the code nearest to what the levels above left
 * over of it, and a decoder maps the sum of the codes back. Loss, per item:
 *
 * <pre>
 * |x - decoder(ẑ)|² + Σ_level |constant(r) - e|² + commitment · |r - constant(e)|²        each a mean over columns
 * </pre>
 *
 * <p>with r the residual before the level, e its code's vector and ẑ = Σ e. Codebooks begin as the clusters of the
 * untrained encoder's residuals; a code that nothing chose in an epoch begins anew at the residual of some item.
 */
public record RqVae(int[] widths, Settings settings) implements Quantizer {
    /** How the gradient passes the choice of codes. */
    public enum Gradient {
        /** As if the choice were not there (van den Oord et al., 2017). */
        STRAIGHT_THROUGH,
        /**
         * As if the latent vector had been turned and stretched onto ẑ by a fixed map (Fifty et al., "Restructuring
         * vector quantization with the rotation trick", ICLR 2025).
         */
        ROTATION
    }

    /**
     * How it is trained.
     *
     * @param hidden columns of the encoder's hidden layers; the decoder has the same in reverse
     * @param latent columns of the latent vector
     * @param commitment weight of the loss that draws the latent vector to its codes
     * @param balanced whether the last level is spread evenly over its codes, in training and at the end
     * @param epochs passes over the items
     * @param batch items of one step
     * @param rate the highest learning rate
     */
    public record Settings(
            int[] hidden,
            int latent,
            double commitment,
            Gradient gradient,
            boolean balanced,
            int epochs,
            int batch,
            double rate) {
        /** Two hidden layers of 256 and 128 columns, 32 latent ones, 500 epochs. */
        public static final Settings DEFAULT =
                new Settings(new int[] {256, 128}, 32, 0.25, Gradient.STRAIGHT_THROUGH, false, 500, 1024, 1e-3);

        public Settings {
            if (latent < 1 || Arrays.stream(hidden).anyMatch(h -> h < 1)) {
                throw new UserError("rq-vae: hidden and latent columns must be at least 1");
            }
            if (epochs < 1 || batch < 1 || !(rate > 0) || commitment < 0) {
                throw new UserError("rq-vae: epochs and batch must be at least 1, the rate above 0, commitment not"
                        + " below 0");
            }
        }

        /** The same with other settings that are often asked for. */
        public Settings with(Gradient gradient, boolean balanced, int epochs) {
            return new Settings(hidden, latent, commitment, gradient, balanced, epochs, batch, rate);
        }
    }

    /** Linear layers with ReLU between them. */
    record Perceptron(List<Linear> layers) implements Layer {
        static Perceptron of(Initializer init, int... columns) {
            return new Perceptron(IntStream.range(1, columns.length)
                    .mapToObj(i -> Linear.withBias(init, columns[i - 1], columns[i], Math.sqrt(2)))
                    .toList());
        }

        Variable apply(Tape tape, Variable x) {
            for (int i = 0; i < layers.size(); i++) {
                x = layers.get(i).apply(tape, x);
                if (i < layers.size() - 1) x = Ops.relu(tape, x);
            }
            return x;
        }
    }

    /** @param codebooks one (width, latent) for each level */
    record Network(Perceptron encoder, Perceptron decoder, List<Variable> codebooks) implements Layer {}

    @Override
    public Quantized quantize(Tensor vectors, Backend backend, Key key, SegmentAllocator memory, Progress progress) {
        try (
                Arena arena = Arena.ofShared();
                Workspace workspace = new Workspace()) {
            Tensor x = standardized(vectors, arena);
            Network network = network(x, backend, key, workspace, arena, progress);
            train(network, x, backend, key, workspace, arena, progress);
            return codes(network, x, backend, workspace, memory);
        }
    }

    /** The vectors less their mean, and scaled by one number so that a column has a variance of 1 on the average. */
    private static Tensor standardized(Tensor vectors, SegmentAllocator memory) {
        int rows = vectors.shape().rows(), columns = vectors.shape().dim(-1);
        float[] x = vectors.toArray();
        double[] mean = new double[columns];
        for (int i = 0; i < x.length; i++) mean[i % columns] += (double) x[i] / rows;
        double squares = 0;
        for (int i = 0; i < x.length; i++) squares += (x[i] - mean[i % columns]) * (x[i] - mean[i % columns]);
        double scale = squares == 0 ? 1 : Math.sqrt(x.length / squares);
        for (int i = 0; i < x.length; i++) x[i] = (float) ((x[i] - mean[i % columns]) * scale);
        return Tensor.of(memory, vectors.shape(), x);
    }

    /** An untrained network; its codebooks are clusters of what the encoder makes of the vectors. */
    private Network network(
            Tensor x, Backend backend, Key key, Workspace workspace, SegmentAllocator memory, Progress progress) {
        int[] hidden = settings.hidden();
        int[] columns = new int[hidden.length + 2];
        columns[0] = x.shape().dim(-1);
        System.arraycopy(hidden, 0, columns, 1, hidden.length);
        columns[hidden.length + 1] = settings.latent();
        int[] back = new int[columns.length];
        for (int i = 0; i < back.length; i++) back[i] = columns[columns.length - 1 - i];
        var init = new Initializer(memory, key.fold("parameters"));
        var network = new Network(Perceptron.of(init, columns), Perceptron.of(init, back), new ArrayList<>());
        Tensor residual = Tensor.uninitialized(memory, Shape.of(x.shape().rows(), settings.latent()), DType.F32);
        try (Tape tape = Tape.inference(backend, workspace)) {
            residual.data().copyFrom(network.encoder().apply(tape, Variable.constant(x)).value().data());
        }
        for (int level = 0; level < widths.length; level++) {
            String name = "clustering level " + (level + 1) + " of " + widths.length;
            KMeans clusters = KMeans.fit(
                    residual, widths[level], backend, key.fold("clusters").fold(level), memory, progress, name);
            Variable codebook = Variable.parameter(memory, widths[level], settings.latent());
            codebook.value().data().copyFrom(clusters.centroids().data());
            network.codebooks().add(codebook);
            ResidualKMeans.subtract(residual, clusters, backend);
        }
        return network;
    }

    private void train(
            Network network,
            Tensor x,
            Backend backend,
            Key key,
            Workspace workspace,
            SegmentAllocator memory,
            Progress progress) {
        int rows = x.shape().rows(), steps = (rows + settings.batch() - 1) / settings.batch();
        long total = (long) steps * settings.epochs();
        var optimizer = new AdamW(
                List.copyOf(network.parameters().values()),
                new AdamW.Config((float) settings.rate(), 0.9f, 0.999f, 1e-8f, 0, 1),
                Schedule.cosine(total / 50, total, 0.01),
                memory);
        try (Progress.Bar bar = progress.start("training RQ-VAE", settings.epochs())) {
            for (int epoch = 0; epoch < settings.epochs(); epoch++) {
                int[] order = key.fold("epoch").fold(epoch).permutation(rows);
                int[][] used = Arrays.stream(widths).mapToObj(int[]::new).toArray(int[][]::new);
                double loss = 0;
                for (int step = 0; step < steps; step++) {
                    int from = step * settings.batch(), to = Math.min(rows, from + settings.batch());
                    try (Tape tape = Tape.training(backend, workspace)) {
                        Variable batch = rows(tape, x, Arrays.copyOfRange(order, from, to));
                        Variable z = network.encoder().apply(tape, batch);
                        Levels levels = levels(tape, network, z);
                        Variable decoded = network.decoder().apply(tape, through(tape, z, levels.sum()));
                        Variable all =
                                Ops.add(tape, levels.loss(), Ops.squaredError(tape, decoded, batch, 1f / batch.size()));
                        tape.backward(all);
                        loss += all.value().get(0) * (to - from) / rows;
                        for (int l = 0; l < widths.length; l++) for (int c : levels.codes().get(l)) used[l][c]++;
                    }
                    optimizer.step(backend);
                }
                int dead = Arrays.stream(used).mapToInt(u -> (int) Arrays.stream(u).filter(n -> n == 0).count()).sum();
                // Towards the end a code has no time left to find its place.
                if (dead > 0 && epoch < 0.9 * settings.epochs()) {
                    int[] some = Arrays.copyOf(order, Math.min(rows, settings.batch()));
                    restart(network, optimizer, x, some, used, backend, key.fold("restart").fold(epoch), workspace);
                }
                bar.step(epoch + 1, String.format(Locale.ROOT, "loss %.4f, %d codes unused", loss, dead));
            }
        }
    }

    /**
     * What the levels make of latent vectors.
     *
     * @param codes for each level, by row
     * @param residuals for each level, (rows, latent): what it coded
     * @param sum of the codes' vectors, (rows, latent)
     */
    private record Levels(List<int[]> codes, List<Tensor> residuals, Tensor sum, Variable loss) {}

    private Levels levels(Tape tape, Network network, Variable z) {
        Backend backend = tape.backend();
        List<int[]> codes = new ArrayList<>();
        List<Tensor> residuals = new ArrayList<>();
        Tensor sum = tape.allocate(z.shape());
        backend.fill(sum, 0);
        Variable loss = null, residual = z;
        for (int level = 0; level < widths.length; level++) {
            Variable codebook = network.codebooks().get(level);
            Tensor chosen = tape.allocateInts(z.dim(0));
            if (settings.balanced() && level == widths.length - 1) {
                chosen.copyFrom(Balanced.assign(residual.value(), codebook.value(), backend));
            } else {
                backend.nearest(chosen, null, residual.value(), codebook.value());
            }
            codes.add(chosen.toIntArray());
            residuals.add(residual.value());
            Variable code = Ops.gather(tape, codebook, chosen);
            Tensor minus = tape.allocate(z.shape());
            backend.fill(minus, 0);
            backend.accumulate(minus, -1, code.value());
            backend.accumulate(sum, 1, code.value());
            float weight = 1f / z.size();
            Variable both = Ops.add(
                    tape,
                    Ops.squaredError(tape, code, Variable.constant(residual.value()), weight),
                    Ops.squaredError(
                            tape,
                            residual,
                            Variable.constant(code.value()),
                            (float) settings.commitment() * weight));
            loss = loss == null ? both : Ops.add(tape, loss, both);
            residual = Ops.add(tape, residual, Variable.constant(minus));
        }
        return new Levels(codes, residuals, sum, loss);
    }

    /** What the codes stand for, with a gradient that reaches the latent vectors z (rows, latent) all the same. */
    private Variable through(Tape tape, Variable z, Tensor sum) {
        return tape.record(sum, dy -> {
            switch (settings.gradient()) {
                case STRAIGHT_THROUGH -> tape.backend().accumulate(z.grad(), 1, dy);
                case ROTATION -> turnBack(z.grad(), dy, z.value(), sum);
            }
        });
    }

    /**
     * {@code dz += λ Rᵀ dy} in each row, with {@code λ = |y| / |z|} and the rotation
     * {@code R = 1 - 2 r rᵀ + 2 ŷ ẑᵀ, r = (ẑ + ŷ) / |ẑ + ŷ|} that turns the direction ẑ of z into the direction ŷ of y.
     */
    static void turnBack(Tensor dz, Tensor dy, Tensor z, Tensor y) {
        int rows = z.shape().rows(), n = z.shape().dim(-1);
        double[] from = new double[n], to = new double[n], middle = new double[n];
        for (long row = 0; row < rows; row++) {
            double lengthZ = unit(z, row, from), lengthY = unit(y, row, to), length = 0;
            for (int i = 0; i < n; i++) {
                middle[i] = from[i] + to[i];
                length += middle[i] * middle[i];
            }
            boolean turns = lengthZ > 0 && lengthY > 0 && length > 1e-8; // opposite directions have no one rotation
            double scale = turns ? lengthY / lengthZ : 1, ofMiddle = 0, ofTo = 0;
            for (int i = 0; turns && i < n; i++) {
                ofMiddle += middle[i] * dy.get(row * n + i) / length;
                ofTo += to[i] * dy.get(row * n + i);
            }
            for (int i = 0; i < n; i++) {
                double turned = dy.get(row * n + i) - 2 * middle[i] * ofMiddle + 2 * from[i] * ofTo;
                dz.set(row * n + i, (float) (dz.get(row * n + i) + scale * turned));
            }
        }
    }

    /** Writes a row's direction; returns its length. */
    private static double unit(Tensor x, long row, double[] direction) {
        double squares = 0;
        for (int i = 0; i < direction.length; i++) {
            direction[i] = x.get(row * direction.length + i);
            squares += direction[i] * direction[i];
        }
        double length = Math.sqrt(squares);
        for (int i = 0; i < direction.length; i++) direction[i] = length == 0 ? 0 : direction[i] / length;
        return length;
    }

    /**
     * Moves each code that was not used to the residual of a row drawn from some, another one for each code of a level
     * while there are any, and lets the optimizer forget where the code was going.
     */
    private void restart(
            Network network,
            AdamW optimizer,
            Tensor x,
            int[] some,
            int[][] used,
            Backend backend,
            Key key,
            Workspace workspace) {
        List<Variable> parameters = List.copyOf(network.parameters().values());
        try (Tape tape = Tape.inference(backend, workspace)) {
            Levels levels = levels(tape, network, network.encoder().apply(tape, rows(tape, x, some)));
            long bytes = 4L * settings.latent();
            for (int level = 0; level < widths.length; level++) {
                Tensor residual = levels.residuals().get(level);
                Variable codebook = network.codebooks().get(level);
                int parameter = parameters.indexOf(codebook), drawn = 0;
                int[] order = key.fold(level).permutation(some.length);
                for (int code = 0; code < widths[level]; code++) {
                    if (used[level][code] > 0) continue;
                    long from = order[drawn++ % order.length] * bytes, to = code * bytes;
                    MemorySegment.copy(residual.data(), from, codebook.value().data(), to, bytes);
                    optimizer.firstMoments().get(parameter).data().asSlice(to, bytes).fill((byte) 0);
                    optimizer.secondMoments().get(parameter).data().asSlice(to, bytes).fill((byte) 0);
                }
            }
        }
    }

    private static Variable rows(Tape tape, Tensor x, int[] rows) {
        Tensor y = tape.allocate(Shape.of(rows.length, x.shape().dim(-1)));
        tape.backend().gather(y, x, tape.ints(rows));
        return Variable.constant(y);
    }

    /** The codes of all items. */
    private Quantized codes(Network network, Tensor x, Backend backend, Workspace workspace, SegmentAllocator memory) {
        try (Tape tape = Tape.inference(backend, workspace)) {
            Levels levels = levels(tape, network, network.encoder().apply(tape, Variable.constant(x)));
            int[][] codes = new int[x.shape().rows()][widths.length];
            for (int l = 0; l < widths.length; l++) {
                for (int item = 0; item < codes.length; item++) codes[item][l] = levels.codes().get(l)[item];
            }
            Tensor last = levels.residuals().getLast(), codebook = network.codebooks().getLast().value();
            return new Quantized(new SemanticIds(widths, codes), copy(last, memory), copy(codebook, memory));
        }
    }

    private static Tensor copy(Tensor x, SegmentAllocator memory) {
        return Tensor.of(memory, x.shape(), x.toArray());
    }
}
