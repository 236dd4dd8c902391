package dev.beamwright.benchmarks;

import dev.beamwright.benchmarks.Row.Contestant;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BackendProvider;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Parallel;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Measures rows. Everybody in a row is warmed up, and then measured once in every round, one after the other: whatever
 * else the machine does meets all alike. What counts are the medians over the rounds, and the ratios of these.
 */
final class Lab implements Closer, AutoCloseable {
    /** Our work: its operands are made once, for a backend. */
    @FunctionalInterface
    interface Work {
        /** Makes the operands; what they need is closed with the lab. */
        Runnable make(Backend backend, Lab lab);
    }

    private static final long PAUSE = 40; // milliseconds in which a peer's threads stop waiting for work

    private final Peers peers;
    private final Progress progress;
    private final boolean quick;
    private final int rounds;
    private final List<String> notes = new ArrayList<>();
    private final List<AutoCloseable> toClose = new ArrayList<>();
    private Arena memory;

    /**
     * @param quick whether to measure so briefly that only the program itself is tried out
     * @param rounds for each row
     */
    Lab(Peers peers, boolean quick, int rounds, Progress progress) {
        this.peers = peers;
        this.quick = quick;
        this.rounds = rounds;
        this.progress = progress;
    }

    /** Memory for the operands of the row at hand. */
    Arena memory() {
        return memory;
    }

    /** Closes something after the row at hand. */
    @Override
    public <T extends AutoCloseable> T closing(T what) {
        toClose.add(what);
        return what;
    }

    // ---- who is measured

    /** The fastest backend of the CPU that can run here. */
    static Backend backend() {
        return Backends.available().stream()
                .map(BackendProvider::name)
                .filter(n -> n.equals("vector") || n.equals("scalar"))
                .findFirst()
                .map(Backends::named)
                .orElseThrow();
    }

    /**
     * Our work: by the fastest backend with all threads and with one, and by plain loops with one unless that would
     * last too long.
     */
    List<Contestant> ours(Work work, boolean scalar) {
        List<Contestant> ours = new ArrayList<>();
        Backend best = backend();
        Runnable run = work.make(best, this);
        for (int threads : Parallel.threads() == 1 ? new int[] {1} : new int[] {Parallel.threads(), 1}) {
            ours.add(ours(best.name(), threads, run));
        }
        if (scalar && !best.name().equals("scalar")) {
            ours.add(ours("scalar", 1, work.make(Backends.named("scalar"), this)));
        }
        return ours;
    }

    private static Contestant ours(String form, int threads, Runnable run) {
        return new Contestant(Result.OURS, form, threads, times -> {
            double[] seconds = new double[1];
            Parallel.limited(threads, () -> seconds[0] = Timing.seconds(run, times));
            return seconds[0];
        });
    }

    /** A peer that does the work of a command; nothing if it is not installed. */
    List<Contestant> peer(String name, String form, String command) {
        Optional<Peer> peer = peers.get(name);
        int threads = name.equals(Peers.NETLIB) ? 1 : Parallel.threads();
        return peer.map(p -> new Contestant(name, form, threads, times -> p.seconds(command, times))).stream().toList();
    }

    /** A peer in a fresh process of its own each time. */
    List<Contestant> freshPeer(String name, String form, Fresh measure) {
        if (peers.get(name).isEmpty()) return List.of();
        return List.of(new Contestant(name, form, Parallel.threads(), _ -> {
            try (Peer p = peers.start(name)) {
                return measure.of(p);
            }
        }));
    }

    /** Measures in a fresh process. */
    @FunctionalInterface
    interface Fresh {
        /** What is measured. */
        double of(Peer peer) throws Peer.Missing;
    }

    /**
     * The seconds that so many operations would take at the machine's peak, measured like everybody else;
     * nothing where there is no Vector API to measure it with.
     */
    List<Contestant> peak(double flop) {
        if (!backend().name().startsWith("vector")) return List.of();
        return List.of(new Contestant(Result.PEAK, "register loop", Parallel.threads(), _ -> flop / Peak.flops()));
    }

    // ---- measuring

    /** Measures a row. */
    Result measure(Row row) {
        memory = Arena.ofShared();
        notes.clear();
        double load = Host.load();
        try {
            List<Contestant> all = new ArrayList<>(row.who().list(this));
            int most = Math.min(rounds, row.mostRounds());
            int[] times = new int[all.size()];
            double[][] samples = new double[all.size()][most];
            try (Progress.Bar bar = progress.start(row.group() + ": " + row.name(), (most + 1L) * times.length)) {
                for (int i = 0; i < times.length; i++) {
                    times[i] = row.warm() ? warmUp(all.get(i), i == 0) : 1;
                    bar.step(i + 1, all.get(i) + " is warm");
                }
                for (int round = 0; round < most; round++) {
                    for (int i = 0; i < times.length; i++) {
                        if (times[i] == 0) continue;
                        pause();
                        Optional<Double> measured = measure(all.get(i), times[i]);
                        if (measured.isEmpty()) times[i] = 0;
                        else samples[i][round] = measured.get();
                        String found = measured.map(m -> Table.quantity(m, row.unit())).orElse("failed");
                        bar.step((round + 1L) * times.length + i + 1, all.get(i) + " " + found);
                    }
                }
            }
            List<Result.Entry> entries = new ArrayList<>();
            for (int i = 0; i < times.length; i++) {
                Contestant c = all.get(i);
                if (times[i] > 0) entries.add(Result.Entry.of(c.who(), c.form(), c.threads(), samples[i]));
            }
            List<String> told = new ArrayList<>(peers.versions());
            told.addAll(peers.missing());
            told.addAll(notes);
            return new Result(
                    Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), Host.here(), load, quick, most,
                    row.group(), row.name(), row.unit(), row.amount(), row.rate(), entries, row.goals(), told);
        } finally {
            release();
        }
    }

    /** Runs until it does not get faster any more. Returns how many runs make one measurement, or 0 for a peer that cannot. */
    private int warmUp(Contestant c, boolean first) {
        double lasts = !c.who().equals(Result.OURS) ? 0.2 : first ? 1 : 0.4, target = 0.1;
        if (quick) {
            lasts /= 5;
            target /= 10;
        }
        double best = Double.POSITIVE_INFINITY;
        long begin = System.nanoTime(), improved = begin;
        int least = c.who().equals(Result.OURS) ? 2 : 1; // a peer makes a run more when it meets the work first
        for (int i = 0; i < least || since(improved) < lasts && since(begin) < 8 * lasts; i++) {
            Optional<Double> measured = measure(c, 1);
            if (measured.isEmpty()) return 0;
            if (measured.get() < 0.97 * best) improved = System.nanoTime();
            best = Math.clamp(measured.get(), 1e-9, best);
        }
        return Math.clamp(Math.round(target / best), 1, 100_000);
    }

    private static double since(long nanoTime) {
        return (System.nanoTime() - nanoTime) / 1e9;
    }

    private Optional<Double> measure(Contestant c, int times) {
        try {
            return Optional.of(c.meter().measure(times));
        } catch (Peer.Missing e) {
            String note = c + " failed: " + e.getMessage();
            notes.add(note);
            progress.say(note);
            return Optional.empty();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Our work of a row, by the fastest backend, over and over for about so many seconds; for a profile. */
    void run(Row row, double seconds, Runnable whenWarm) {
        memory = Arena.ofShared();
        try {
            Contestant ours = row.who().list(this).stream()
                    .filter(c -> c.who().equals(Result.OURS))
                    .findFirst()
                    .orElseThrow();
            warmUp(ours, true);
            whenWarm.run();
            for (long begin = System.nanoTime(); since(begin) < seconds;) measure(ours, 1);
        } finally {
            release();
        }
    }

    private void release() {
        peers.forget();
        for (AutoCloseable c : toClose.reversed()) {
            try {
                c.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        toClose.clear();
        memory.close();
    }

    @Override
    public void close() {
        peers.close();
    }
}
