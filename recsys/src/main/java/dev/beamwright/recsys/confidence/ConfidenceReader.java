package dev.beamwright.recsys.confidence;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.run.Gate;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.transformer.Noise;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

/**
 * Asks a model how sure it is of items that it recommends: the same pass as in training, in which all items of a user are
 * branches of one history. It reads the histories once more than the beam search did.
 */
public final class ConfidenceReader implements AutoCloseable {
    private static final int USERS = 8;

    private final Backend backend;
    private final GenerativeModel model;
    private final Confidence confidence;
    private final Gate gate = new Gate("this reader of confidences");
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    public ConfidenceReader(Backend backend, GenerativeModel model, Confidence confidence) {
        this.backend = backend;
        this.model = model;
        this.confidence = confidence;
    }

    /**
     * The confidence of each item of each user.
     *
     * @param histories oldest first
     * @param users the number of each user, {@link Sample#NOBODY} for one who is not known
     * @param items by user; may be empty
     * @return by user and item, in (0, 1)
     */
    public double[][] read(List<int[]> histories, int[] users, int[][] items) {
        return gate.inside(() -> readAll(histories, users, items));
    }

    private double[][] readAll(List<int[]> histories, int[] users, int[][] items) {
        double[][] all = new double[users.length][0];
        int[] asked = IntStream.range(0, users.length).filter(u -> items[u].length > 0).toArray();
        Parallel.run((asked.length + USERS - 1) / USERS, b -> {
            int[] some = Arrays.copyOfRange(asked, b * USERS, Math.min(asked.length, (b + 1) * USERS));
            Workspace memory = idle.poll();
            if (memory == null) memory = new Workspace();
            try (Tape tape = Tape.inference(backend, memory)) {
                double[] c = read(tape, some, histories, users, items);
                int at = 0;
                for (int u : some) all[u] = Arrays.copyOfRange(c, at, at += items[u].length);
            }
            idle.add(memory);
        });
        return all;
    }

    private double[] read(Tape tape, int[] some, List<int[]> histories, int[] users, int[][] items) {
        List<Sample> samples = new ArrayList<>();
        for (int u : some) {
            int[] history = histories.get(u);
            int[] read = Arrays.copyOfRange(
                    history, Math.max(0, history.length - model.maxItems()), history.length + 1);
            read[read.length - 1] = items[u][0]; // something has to stand in the place of the target
            samples.add(new Sample(users[u], read, read.length - 1));
        }
        int[] targets = IntStream.range(0, some.length).toArray();
        int[][] candidates = Arrays.stream(some).mapToObj(u -> items[u]).toArray(int[][]::new);
        List<Variable> states =
                model.forward(tape, samples, Noise.none()).candidates(targets, candidates, confidence.ask(tape));
        return Confidence.values(confidence.logits(tape, states.getLast()).value().toArray());
    }

    /** Waits for running calls; later ones get an {@link IllegalStateException}. A second time it does nothing. */
    @Override
    public void close() {
        gate.close(() -> {
            for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
        });
    }
}
