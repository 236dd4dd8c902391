package dev.beamwright.recsys.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/** The lines of a text, none longer than a limit, so that a packed file of one endless line does not fill the memory. */
final class Lines implements Closeable {
    /** The longest line that is kept whole, in characters. */
    static final int LONGEST = 1 << 24;

    /** A line; one that is {@code cut} went on. */
    record Line(long number, String text, boolean cut) {}

    private final Reader in;
    private final int longest;
    private final char[] buffer = new char[1 << 16];
    private final Deque<Line> ahead = new ArrayDeque<>();
    private int at, end;
    private boolean skipFeed; // the line before ended with a carriage return
    private boolean inside; // the line before was cut
    private long read; // lines read from the text

    Lines(Reader in) {
        this(in, LONGEST);
    }

    Lines(Reader in, int longest) {
        this.in = in;
        this.longest = longest;
    }

    /** The next line, or null at the end. */
    Line next() throws IOException {
        return ahead.isEmpty() ? read() : ahead.poll();
    }

    /** The line {@code n} lines after the next one, or null. */
    Line peek(int n) throws IOException {
        while (ahead.size() <= n) {
            Line line = read();
            if (line == null) return null;
            ahead.add(line);
        }
        Iterator<Line> each = ahead.iterator();
        for (int i = 0; i < n; i++) each.next();
        return each.next();
    }

    private Line read() throws IOException {
        StringBuilder text = new StringBuilder();
        boolean dropped = inside, any = false; // the rest of a line that was cut is passed over
        while (true) {
            if (at == end) {
                at = 0;
                end = in.read(buffer, 0, buffer.length);
                if (end < 0) {
                    end = 0;
                    if (!any || dropped) return null;
                    return line(text);
                }
            }
            if (skipFeed && buffer[at] == '\n') {
                skipFeed = false;
                at++;
                continue;
            }
            skipFeed = false;
            any = true;
            int from = at;
            while (at < end && buffer[at] != '\n' && buffer[at] != '\r') at++;
            if (!dropped) text.append(buffer, from, Math.min(at - from, longest + 1 - text.length()));
            if (at < end) {
                skipFeed = buffer[at++] == '\r';
                if (!dropped) return line(text);
                inside = dropped = any = false;
            } else if (text.length() > longest) {
                inside = true;
                return line(text);
            }
        }
    }

    private Line line(StringBuilder text) {
        boolean cut = text.length() > longest;
        if (++read == 1 && !text.isEmpty() && text.charAt(0) == '\uFEFF') text.deleteCharAt(0);
        if (cut) text.setLength(200);
        return new Line(read, text.toString(), cut);
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
