package dev.beamwright.recsys.cli;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/**
 * Standard output on which no character of a user's file moves a cursor, changes colours or turns the direction of text:
 * controls but tab and line end, and Unicode's direction marks, become U+FFFD. JSON has none of them, it escapes them.
 */
final class VisibleOutput extends FilterOutputStream {
    private static final byte[] REPLACED = "\uFFFD".getBytes(StandardCharsets.UTF_8);

    private final byte[] begun = new byte[3]; // of a UTF-8 sequence that may turn out to be one of those
    private int length;

    private VisibleOutput(OutputStream out) {
        super(out);
    }

    /**
     * A stream that shows on another, in UTF-8 unless the other has a charset of its own: in the locale C, as in
     * containers, ids would become question marks.
     */
    static PrintStream on(PrintStream out) {
        Charset charset = out.charset();
        boolean utf8 = charset.equals(StandardCharsets.UTF_8) || charset.equals(StandardCharsets.US_ASCII);
        return utf8 ? new PrintStream(new VisibleOutput(out), false, StandardCharsets.UTF_8) : out;
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
        int plain = from;
        for (int i = from; i < from + count; i++) {
            if (length == 0 && isPlain(bytes[i])) continue;
            out.write(bytes, plain, i - plain);
            write(bytes[i]);
            plain = i + 1;
        }
        out.write(bytes, plain, from + count - plain);
    }

    private static boolean isPlain(byte b) {
        return b >= ' ' && b < 0x7f || b == '\n' || b == '\t';
    }

    @Override
    public void write(int b) throws IOException {
        byte next = (byte) b;
        if (length == 0 && isPlain(next)) {
            out.write(next);
            return;
        }
        if (length > 0 && (next & 0xc0) != 0x80) { // what was begun does not go on
            release();
            write(b);
            return;
        }
        begun[length++] = next;
        int lead = begun[0] & 0xff,
                wanted = lead < 0x80 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc0 && lead < 0xe0 ? 2 : 0;
        if (wanted == 0) release();
        else if (length == wanted) {
            if (isHidden()) {
                length = 0;
                out.write(REPLACED);
            } else {
                release();
            }
        }
    }

    private boolean isHidden() {
        if (length == 1) return true; // a control
        String c = new String(begun, 0, length, StandardCharsets.UTF_8);
        return c.codePoints().anyMatch(p -> p >= 0x80 && p < 0xa0 || p == 0x61c || p == 0x200e || p == 0x200f
                || p >= 0x2028 && p <= 0x202e || p >= 0x2066 && p <= 0x2069);
    }

    private void release() throws IOException {
        out.write(begun, 0, length);
        length = 0;
    }

    @Override
    public void flush() throws IOException {
        super.flush();
        if (out instanceof PrintStream p && p.checkError()) throw new IOException("cannot be written");
    }
}
