package dev.beamwright.benchmarks;

import static dev.beamwright.benchmarks.KernelRows.join;

import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.benchmarks.Row.Contestant;
import dev.beamwright.tensor.Parallel;
import java.util.ArrayList;
import java.util.List;

/** Training steps, beam search, and the memory of a training step. */
final class ModelRows {
    private static final int ROUNDS = 5; // at the most: a step takes seconds

    private ModelRows() {}

    /**
     * The rows.
     *
     * @param compile whether PyTorch's training steps are also measured compiled
     */
    static List<Row> all(boolean quick, boolean compile) {
        List<Row> rows = new ArrayList<>();
        int batch = quick ? 16 : 256;
        rows.add(tiger(batch, 0.1, compile, new Goal(Peers.TORCH, 2.5), new Goal(Result.PEAK, 0.6)));
        rows.add(tiger(batch, 0, compile, new Goal(Peers.TORCH, 1.3)));
        rows.add(decoder("default preset, 200 tokens", Models.defaults(quick ? 8 : 128), compile));
        rows.add(decoder("256 wide, 6 layers, 128 tokens", Models.decoder(quick ? 4 : 64), compile));
        for (int users : new int[] {1, quick ? 4 : 64}) {
            for (int beam : new int[] {20, 50}) rows.add(beam(users, beam));
        }
        rows.add(memory(batch));
        return rows;
    }

    /** The TIGER step. Without dropout PyTorch is faster in micro-batches that fit the cache, so it may use them. */
    private static Row tiger(int batch, double dropout, boolean compile, Goal... goals) {
        Models tiger = Models.tiger(batch, dropout);
        double flop = tiger.flop();
        String command = "tiger-step batch=" + batch + " dropout=" + dropout;
        return Row.of(
                "steps", "TIGER, batch " + batch + (dropout > 0 ? ", dropout " + dropout : ", no dropout"), flop,
                "FLOP/s",
                lab -> {
                    List<Contestant> all = new ArrayList<>(join(
                            lab.ours((backend, l) -> tiger.step(backend, l), false),
                            lab.peer(Peers.TORCH, "manual", command + " form=manual"),
                            lab.peer(Peers.TORCH, "SDPA", command + " form=sdpa")));
                    if (dropout == 0) {
                        all.addAll(lab.peer(
                                Peers.TORCH, "manual, micro-batches of 15", command + " form=manual micro=15"));
                        all.addAll(lab.peer(
                                Peers.TORCH, "SDPA, micro-batches of 15", command + " form=sdpa micro=15"));
                    }
                    if (compile) all.addAll(compiled(lab, command));
                    all.addAll(lab.peak(flop));
                    return all;
                },
                goals).inRounds(ROUNDS);
    }

    private static List<Contestant> compiled(Lab lab, String command) {
        return lab.peer(Peers.TORCH, "compiled", command + " form=sdpa compile=1");
    }

    private static Row decoder(String name, Models models, boolean compile) {
        var m = models.config().model();
        double flop = models.flop();
        String command = "llama-step %d %d %d %d %d %d %d %d dropout=%s".formatted(
                m.dModel(), m.layers(), m.heads(), m.headDim(), m.ffnDim(), models.codes(), models.items(),
                models.batch(),
                models.config().optimization().dropout());
        return Row.of(
                "steps", "decoder-only, " + name + ", batch " + models.batch(), flop, "FLOP/s",
                lab -> join(
                        lab.ours((backend, l) -> models.step(backend, l), false),
                        lab.peer(Peers.TORCH, "manual", command + " form=manual"),
                        lab.peer(Peers.TORCH, "SDPA", command + " form=sdpa"),
                        compile ? compiled(lab, command) : List.of(),
                        lab.peak(flop)),
                new Goal(Peers.TORCH, 2)).inRounds(ROUNDS);
    }

    private static Row beam(int users, int beam) {
        Models tiger = Models.tiger(users, 0);
        return Row.of(
                "beam", "TIGER, batch " + users + ", beam " + beam, users, "users/s",
                lab -> join(
                        lab.ours((backend, l) -> tiger.search(backend, beam, l), false),
                        lab.peer(Peers.TORCH, "", "tiger-beam " + users + " " + beam)),
                new Goal(Peers.TORCH, 8));
    }

    /** The resident set at its highest, of a fresh process that makes some TIGER steps. */
    private static Row memory(int batch) {
        String command = "tiger-step batch=" + batch + " dropout=0.1 form=";
        return new Row("memory", "TIGER step, batch " + batch + ", dropout 0.1", "B", 0, "", 1, false, lab -> {
            List<Contestant> all = new ArrayList<>();
            all.add(new Contestant(Result.OURS, Lab.backend().name(), Parallel.threads(), _ -> MemoryProbe.ask(batch)));
            for (String form : List.of("manual", "sdpa")) {
                all.addAll(lab.freshPeer(Peers.TORCH, form, peer -> {
                    peer.seconds(command + form, 1);
                    return peer.memory();
                }));
            }
            return all;
        }, List.of(new Goal(Peers.TORCH, 1)));
    }
}
