package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.run.Visible;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An input file: UTF-8 text, compressed by gzip or not (its first two bytes tell). Whatever goes wrong while it is read
 * becomes one line with the file, the line and the mend.
 *
 * @param path where it lies; for bundled data its place in the jar
 * @param bundled whether it is part of the program
 * @param shown its name in messages
 */
record Source(String path, boolean bundled, String shown) {
    /** By what standard input is named. */
    static final String STANDARD_INPUT = "-";

    private static final int LONGEST_QUOTE = 60; // characters of the user's text in a message
    private static final int LONGEST_HEAD = 1 << 16; // characters of a line by which a format is told

    /** A file of the user's, or standard input, which is kept in a file meanwhile. */
    static Source of(String name) {
        if (name.equals(STANDARD_INPUT)) return standardInput();
        Path file = Path.of(name);
        if (Files.isDirectory(file)) {
            throw new UserError(file + ": this is a folder; name the file in it");
        }
        if (!Files.exists(file)) throw new UserError(file + ": there is no such file; check the name and the folder");
        if (!Files.isRegularFile(file)) {
            throw new UserError(file + ": is no regular file, and it must be read more than once; save it to one"
                    + " first, or give it as standard input by --data -");
        }
        refusePacked(file, name);
        return new Source(file.toString(), false, name);
    }

    private static Source standardInput() {
        try {
            Path file = Files.createTempFile("beamwright", ".data");
            file.toFile().deleteOnExit();
            try (OutputStream out = Files.newOutputStream(file)) {
                System.in.transferTo(out);
            }
            refusePacked(file, "standard input");
            return new Source(file.toString(), false, "standard input");
        } catch (IOException e) {
            throw new UserError("standard input: cannot be kept in a file: " + e, e);
        }
    }

    /** Says what a file is that cannot be text. One that cannot be opened is told of when it is read. */
    private static void refusePacked(Path file, String shown) {
        byte[] begin;
        try (InputStream in = Files.newInputStream(file)) {
            begin = in.readNBytes(4);
        } catch (IOException e) {
            return;
        }
        String first = new String(begin, StandardCharsets.ISO_8859_1);
        String what = switch (first.startsWith("BZh") ? "BZh" : first) {
            case "PK\3\4" -> "a zip archive or a spreadsheet; unpack it, or save it as CSV";
            case "PAR1" -> "Parquet; write it as CSV";
            case "\u0028\u00b5\u002f\u00fd" -> "packed by zstd; unpack it, or pack it by gzip";
            case "\u00fd7zX" -> "packed by xz; unpack it, or pack it by gzip";
            case "BZh" -> "packed by bzip2; unpack it, or pack it by gzip";
            default -> null;
        };
        if (what != null) throw new UserError(shown + ": is " + what);
    }

    /** A file that comes with the program. */
    static Source bundled(String name) {
        return new Source(name, true, "bundled " + Path.of(name).getFileName());
    }

    /** The file's name without its folder. */
    String name() {
        return Path.of(shown).getFileName().toString();
    }

    /** The file's bytes, uncompressed. */
    InputStream open() throws IOException {
        InputStream in = new BufferedInputStream(bytes(), 1 << 16);
        in.mark(2);
        boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
        in.reset();
        if (gzip) return new GZIPInputStream(in, 1 << 16);
        if (path.endsWith(".gz") && in.read() >= 0) {
            in.close();
            throw new ZipException("not gzip");
        }
        return in;
    }

    private InputStream bytes() throws IOException {
        if (!bundled) return Files.newInputStream(Path.of(path));
        InputStream in = Source.class.getResourceAsStream(path);
        if (in == null) throw new FileNotFoundException(path);
        return in;
    }

    /** The file's text; a byte that is not UTF-8 is marked as {@link Utf8Reader} does. UTF-16 is refused. */
    BufferedReader reader() throws IOException {
        InputStream in = open();
        try {
            byte[] begin = in.readNBytes(1 << 12);
            refuseWide(begin);
            InputStream all = new SequenceInputStream(new ByteArrayInputStream(begin), in);
            return new BufferedReader(new Utf8Reader(all), 1 << 16);
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /** Text of two or four bytes a character begins with a mark, or has a zero in every other byte and more. */
    private void refuseWide(byte[] begin) {
        int zeros = 0, even = 0;
        for (int i = 0; i < begin.length; i++) {
            if (begin[i] != 0) continue;
            zeros++;
            if (i % 2 == 0) even++;
        }
        int mark = begin.length < 2 ? 0 : (begin[0] & 0xff) << 8 | begin[1] & 0xff;
        boolean four = zeros > begin.length / 2;
        if (mark != 0xfffe && mark != 0xfeff && (begin.length < 8 || 4 * zeros < begin.length)) return;
        if (zeros == begin.length) {
            throw error(1, "it begins with nothing but zeros, so it is no text", "copy or download it again");
        }
        boolean little = mark == 0xfffe || mark != 0xfeff && 2 * even < zeros;
        String name = (four ? "utf-32" : "utf-16") + (mark == 0xfffe || mark == 0xfeff ? "" : little ? "le" : "be");
        Charset charset = four ? (little ? Charset.forName("UTF-32LE") : Charset.forName("UTF-32BE"))
                : little ? StandardCharsets.UTF_16LE
                : StandardCharsets.UTF_16BE;
        String text = new String(begin, charset).lines().findFirst().orElse("");
        throw error(1, "'" + cut(text) + "' is not UTF-8 but " + name.toUpperCase(Locale.ROOT) + " text",
                "convert the file, for instance by iconv -f " + name + " -t utf-8");
    }

    /** The first lines that are not blank, at most {@code n}; a long one ends early. */
    String[] head(int n) {
        List<String> lines = new ArrayList<>();
        try (Lines all = new Lines(reader(), LONGEST_HEAD)) {
            for (Lines.Line line; lines.size() < n && (line = all.next()) != null;) {
                if (!line.text().isBlank()) lines.add(line.text());
            }
        } catch (IOException e) {
            throw unreadable(e, 0);
        }
        return lines.toArray(String[]::new);
    }

    /** The SHA-256 of the file as it lies there, in hexadecimal. */
    String sha256() {
        try (InputStream in = bytes()) {
            return Hash.sha256(in);
        } catch (IOException e) {
            throw unreadable(e, 0);
        }
    }

    /** An error at a line of this file, from 1; 0 for none in particular. */
    UserError error(long line, String what, String mend) {
        return new UserError(this + (line > 0 ? ":" + line : "") + ": " + what + "; " + mend);
    }

    /** What an exception while reading means, after {@code line} lines could be read. */
    UserError unreadable(IOException e, long line) {
        return switch (e) {
            case EOFException _ -> error(line, "the compressed file ends too early", "copy or download it again");
            case ZipException z when path.endsWith(".gz") && z.getMessage().equals("not gzip") ->
                new UserError(this + ": named .gz, but it is not compressed by gzip; remove the .gz from its name", e);
            case ZipException z ->
                new UserError(this + ": damaged gzip (" + z.getMessage() + "); copy or download it again", e);
            default -> new UserError(this + ": cannot be read: " + e, e);
        };
    }

    /** What helps where a line is no text. */
    static String mend(String fault) {
        return fault.contains("UTF-8") ? "convert the file, for instance by iconv -f latin1 -t utf-8" : "mend the line";
    }

    /** Text of the user's as it may stand in a message: short, on one line, with a mark for what is not shown. */
    static String cut(String text) {
        return Visible.line(text.length() <= LONGEST_QUOTE ? text : text.substring(0, LONGEST_QUOTE) + "…");
    }

    @Override
    public String toString() {
        return shown;
    }
}
