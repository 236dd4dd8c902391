package dev.beamwright.recsys.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/**
 * UTF-8 in which a byte that is none becomes a low surrogate by itself, 0xDC00 + byte, which UTF-8 cannot say otherwise
 * (Python's "surrogateescape", PEP 383). So a bad byte spoils its own line and not the file.
 */
final class Utf8Reader extends Reader {
    private static final int BYTES = 1 << 16;

    private final InputStream in;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    private final ByteBuffer bytes = ByteBuffer.allocate(BYTES).flip();
    private boolean ended;

    Utf8Reader(InputStream in) {
        this.in = in;
    }

    /** Whether a character stands for such a byte. */
    static boolean isByte(char c) {
        return c >= 0xDC80 && c <= 0xDCFF;
    }

    @Override
    public int read(char[] to, int offset, int length) throws IOException {
        CharBuffer chars = CharBuffer.wrap(to, offset, length);
        if (length < 2) throw new IllegalArgumentException("room for a surrogate pair is needed");
        while (chars.position() == 0 || chars.hasRemaining() && bytes.hasRemaining()) {
            CoderResult result = decoder.decode(bytes, chars, ended);
            if (result.isError()) {
                for (int i = 0; i < result.length() && chars.hasRemaining(); i++) {
                    chars.put((char) (0xDC00 + (bytes.get() & 0xff)));
                }
            } else if (result.isOverflow()) {
                break;
            } else if (chars.position() > 0) {
                break;
            } else if (ended) {
                return -1;
            } else {
                fill();
            }
        }
        return chars.position();
    }

    private void fill() throws IOException {
        bytes.compact();
        int n = in.read(bytes.array(), bytes.position(), bytes.remaining());
        if (n < 0) ended = true;
        else bytes.position(bytes.position() + n);
        bytes.flip();
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
