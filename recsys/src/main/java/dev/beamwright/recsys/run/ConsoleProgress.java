package dev.beamwright.recsys.run;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Progress as text: a bar that is redrawn in place on a terminal, a plain line every ten seconds elsewhere. */
final class ConsoleProgress implements Progress {
    private static final int WIDTH = 24; // of the bar, in characters
    private static final int LINE = 110; // longest line drawn in place: a wrapped one could not be redrawn
    private static final String CLEAR = "\r\033[K"; // back to the margin, and clear to the end of the line

    private final PrintStream out;
    private final boolean terminal;
    private TextBar drawn; // the bar that stands on the current line, if any

    ConsoleProgress(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    @Override
    public synchronized void say(String line) {
        if (drawn != null) out.print(CLEAR);
        out.println(Visible.lines(line));
        if (drawn != null) drawn.draw();
    }

    @Override
    public Bar start(String what, long total) {
        return new TextBar(what, total);
    }

    /** Java only tells about standard input and output; Linux tells about standard error too. */
    static boolean stderrIsTerminal() {
        if (System.console() == null || !System.console().isTerminal() || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        Path link = Path.of("/proc/self/fd/2");
        try {
            return !Files.isSymbolicLink(link) || Files.readSymbolicLink(link).startsWith("/dev");
        } catch (IOException e) {
            return false;
        }
    }

    /** Seconds as "0.4 s", "12 s", "3:05" or "1:02:03". */
    static String time(double seconds) {
        if (seconds < 10) return String.format(Locale.ROOT, "%.1f s", seconds);
        long s = Math.round(seconds);
        if (s < 60) return s + " s";
        if (s < 3600) return String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60);
        return String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    }

    private final class TextBar implements Bar {
        private final String what;
        private final long total;
        private final long begin = System.nanoTime();
        private long shown = begin;
        private long done;
        private long first = -1, firstAt; // what the first report said, and when: what goes on begins in the middle
        private String note = "";
        private boolean closed;

        TextBar(String what, long total) {
            this.what = what;
            this.total = total;
        }

        @Override
        public void step(long done, String note) {
            synchronized (ConsoleProgress.this) {
                this.done = done;
                this.note = note;
                long now = System.nanoTime();
                if (first < 0) {
                    first = done;
                    firstAt = now;
                }
                if (closed || now - shown < (terminal ? 100_000_000L : 10_000_000_000L)) return;
                shown = now;
                if (terminal) {
                    drawn = this;
                    draw();
                } else {
                    out.println(Visible.line(line(false)));
                }
            }
        }

        @Override
        public void close() {
            synchronized (ConsoleProgress.this) {
                if (closed) return;
                closed = true;
                if (drawn != null) out.print(CLEAR);
                drawn = null;
                out.println(Visible.line(line(true)));
            }
        }

        private void draw() {
            String line = Visible.line(line(false));
            out.print(CLEAR + (line.length() <= LINE ? line : line.substring(0, LINE - 1) + "…"));
            out.flush();
        }

        private String line(boolean last) {
            double seconds = (System.nanoTime() - begin) / 1e9;
            StringBuilder s = new StringBuilder(what);
            if (total > 0 && !(last && done >= total)) {
                double share = Math.clamp((double) done / total, 0, 1);
                if (terminal && !last) {
                    int full = (int) (share * WIDTH);
                    s.append(" [").repeat("=", full).repeat(" ", WIDTH - full).append(']');
                }
                s.append(String.format(Locale.ROOT, " %,d of %,d (%.0f %%)", done, total, 100 * share));
                s.append(", ").append(time(seconds));
                if (!last && share > 0.01 && done > first) {
                    double left = (System.nanoTime() - firstAt) / 1e9 * (total - done) / (done - first);
                    s.append(", about ").append(time(left)).append(" left");
                }
            } else {
                if (done > 0) s.append(String.format(Locale.ROOT, " %,d", done));
                s.append(", ").append(time(seconds));
            }
            return note.isEmpty() ? s.toString() : s.append(", ").append(note).toString();
        }
    }
}
