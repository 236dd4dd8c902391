package dev.beamwright.recsys.run;

import java.util.function.Consumer;

/**
 * Tells how long work is going. Progress goes to standard error, so that standard output holds results only. Where
 * standard error is a terminal a bar is redrawn in place; elsewhere (a file, a pipe) there is a plain line now and then.
 */
public interface Progress {
    /** Says one line. */
    void say(String line);

    /**
     * Begins a piece of work; to be closed when it is done, best by try-with-resources.
     *
     * @param what a word or two, such as "reading interactions"
     * @param total how many steps there will be, or 0 if that is not known
     */
    Bar start(String what, long total);

    /**
     * Begins work that can end between two steps and be resumed later; to be closed when it is done. Until then a request
     * of the user to end the program (Ctrl-C) waits for the work to notice it, save, and throw {@link Stopped}. Nobody
     * requests anything unless the caller provides for it.
     */
    default Interruptible interruptible() {
        return new Interruptible() {
            @Override
            public boolean stopRequested() {
                return false;
            }

            @Override
            public void close() {}
        };
    }

    /** Work that can end between two steps. */
    interface Interruptible extends AutoCloseable {
        /** Whether it should end now. */
        boolean stopRequested();

        @Override
        void close();
    }

    /** One piece of work. May be called from several threads. */
    interface Bar extends AutoCloseable {
        /**
         * Moves to a position. Cheap enough for every batch: it is shown a few times a second at most.
         *
         * @param done how many steps are done by now, all told
         * @param note what else is worth seeing, such as "loss 3.21"; "" for nothing
         */
        void step(long done, String note);

        /** Ends the piece of work and says how long it took. */
        @Override
        void close();
    }

    /** Progress on standard error. */
    static Progress stderr() {
        return new ConsoleProgress(System.err, ConsoleProgress.stderrIsTerminal());
    }

    /** No progress at all, for tests and for calls from other programs. */
    static Progress silent() {
        return lines(_ -> {});
    }

    /** No bars; what is said goes to {@code to}. */
    static Progress lines(Consumer<String> to) {
        return new Progress() {
            @Override
            public void say(String line) {
                to.accept(line);
            }

            @Override
            public Bar start(String what, long total) {
                return new Bar() {
                    @Override
                    public void step(long done, String note) {}

                    @Override
                    public void close() {}
                };
            }
        };
    }
}
