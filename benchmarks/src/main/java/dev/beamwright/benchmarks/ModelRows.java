package dev.beamwright.benchmarks;

import static dev.beamwright.benchmarks.KernelRows.join;

import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.benchmarks.Row.Contestant;
import dev.beamwright.tensor.Parallel;
import java.util.ArrayList;
import java.util.List;

/** Training steps, beam search, and the memory of a training step. */
final class ModelRows {
    private ModelRows() {}

    static List<Row> all(boolean quick) {
        List<Row> rows = new ArrayList<>();
        int batch = quick ? 16 : 256;
        rows.add(tiger(batch, 0.1, new Goal(Peers.TORCH, 2.5), new Goal(Result.PEAK, 0.6)));
        rows.add(tiger(batch, 0, new Goal(Peers.TORCH, 1.3)));
        rows.add(decoder("default preset, 200 tokens", Models.defaults(quick ? 8 : 128), 4, 32, 256));
        rows.add(decoder("256 wide, 6 layers, 128 tokens", Models.decoder(quick ? 4 : 64), 4, 64, 1024));
        for (int users : new int[] {1, quick ? 4 : 64}) {
            for (int beam : new int[] {20, 50}) rows.add(beam(users, beam));
        }
        rows.add(memory(batch));
        return rows;
    }

    /** The TIGER step. Without dropout PyTorch is faster in micro-batches that fit the cache, so it may use them. */
    private static Row tiger(int batch, double dropout, Goal... goals) {
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
                        for (int micro : new int[] {4, 15}) {
                            all.addAll(lab.peer(
                                    Peers.TORCH, "manual, micro-batches of " + micro,
                                    command + " form=manual micro=" + micro));
                            all.addAll(lab.peer(
                                    Peers.TORCH, "SDPA, micro-batches of " + micro,
                                    command + " form=sdpa micro=" + micro));
                        }
                    }
                    all.addAll(lab.peak(flop));
                    return all;
                },
                goals);
    }

    private static Row decoder(String name, Models models, int heads, int dim, int hidden) {
        var m = models.config().model();
        double flop = models.flop();
        String command = "llama-step %d %d %d %d %d %d %d %d dropout=%s".formatted(
                m.width(), m.layers(), heads, dim, hidden, models.codes(), models.items(), models.batch(),
                models.config().dropout());
        return Row.of(
                "steps", "decoder-only, " + name + ", batch " + models.batch(), flop, "FLOP/s",
                lab -> join(
                        lab.ours((backend, l) -> models.step(backend, l), false),
                        lab.peer(Peers.TORCH, "manual", command + " form=manual"),
                        lab.peer(Peers.TORCH, "SDPA", command + " form=sdpa"),
                        lab.peak(flop)),
                new Goal(Peers.TORCH, 2));
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
        return new Row("memory", "TIGER step, batch " + batch + ", dropout 0.1", "B", 0, "", 1, lab -> {
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
