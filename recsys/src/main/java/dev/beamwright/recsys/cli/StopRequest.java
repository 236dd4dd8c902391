package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ctrl-C and SIGTERM. While a training is under way ({@link Progress#interruptible()}) they let it end after the step in
 * hand; at any other time the process ends at once, as every Java program does.
 */
final class StopRequest {
    private static final AtomicInteger TRAININGS = new AtomicInteger();
    private static final CountDownLatch ENDED = new CountDownLatch(1);
    private static volatile boolean requested;

    private StopRequest() {}

    /** From now on signals are noticed; to be called once, by the process that does the work. */
    static void install() {
        Runtime.getRuntime().addShutdownHook(new Thread(StopRequest::signalled, "stop request"));
    }

    /** The program has said its last words, and nothing keeps the process. */
    static void ended() {
        ENDED.countDown();
    }

    private static void signalled() {
        if (ENDED.getCount() == 0) return; // the usual end
        requested = true;
        if (TRAININGS.get() == 0) return;
        System.err.println("beamwright: stopping after the step in hand");
        try {
            ENDED.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        System.out.flush();
        Runtime.getRuntime().halt(Main.INTERRUPTED); // whichever signal it was
    }

    /** Progress on standard error, of work that ends when it is requested. */
    static Progress progress() {
        Progress stderr = Progress.stderr();
        return new Progress() {
            @Override
            public void say(String line) {
                stderr.say(line);
            }

            @Override
            public Bar start(String what, long total) {
                return stderr.start(what, total);
            }

            @Override
            public Interruptible interruptible() {
                TRAININGS.incrementAndGet();
                return new Interruptible() {
                    @Override
                    public boolean stopRequested() {
                        return requested;
                    }

                    @Override
                    public void close() {
                        TRAININGS.decrementAndGet();
                    }
                };
            }
        };
    }

    /** The command that resumes what these arguments began, to be pasted into a shell. */
    static String resuming(String... args) {
        List<String> words = new ArrayList<>(List.of("beamwright"));
        for (String arg : args) {
            if (arg.equals("--restart")) continue; // would begin anew
            words.add(arg.matches("[\\w@%+=:,./-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'");
        }
        return String.join(" ", words);
    }
}
