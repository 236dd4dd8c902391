package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.UserError;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An input file: UTF-8 text, compressed by gzip or not (its first two bytes tell). Whatever goes wrong while it is read
 * becomes one line with the file, the line and the mend.
 *
 * @param path where it lies; for bundled data its place in the jar
 * @param bundled whether it is part of the program
 */
record Source(String path, boolean bundled) {
    private static final int LONGEST_QUOTE = 60; // characters of the user's text in a message

    /** A file of the user's. */
    static Source of(Path file) {
        if (Files.isDirectory(file)) {
            throw new UserError(file + ": this is a folder; name the file in it");
        }
        if (!Files.exists(file)) throw new UserError(file + ": there is no such file; check the name and the folder");
        if (!Files.isRegularFile(file)) {
            throw new UserError(
                    file + ": is no regular file, and it must be read more than once; save it to one first");
        }
        refusePacked(file);
        return new Source(file.toString(), false);
    }

    /** Says what a file is that cannot be text. One that cannot be opened is told of when it is read. */
    private static void refusePacked(Path file) {
        byte[] begin;
        try (InputStream in = Files.newInputStream(file)) {
            begin = in.readNBytes(4);
        } catch (IOException e) {
            return;
        }
        String what = switch (new String(begin, StandardCharsets.ISO_8859_1)) {
            case "PK\3\4" -> "a zip archive or a spreadsheet; unpack it, or save it as CSV";
            case "PAR1" -> "Parquet; write it as CSV";
            case "\u0028\u00b5\u002f\u00fd" -> "packed by zstd; unpack it, or pack it by gzip";
            case "\u00fd7zX" -> "packed by xz; unpack it, or pack it by gzip";
            case "BZh9", "BZh1" -> "packed by bzip2; unpack it, or pack it by gzip";
            default -> null;
        };
        if (what != null) throw new UserError(file + ": is " + what);
    }

    /** A file that comes with the program. */
    static Source bundled(String name) {
        return new Source(name, true);
    }

    /** The file's name without its folder. */
    String name() {
        return Path.of(path).getFileName().toString();
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

    /** The file's text; bytes that are no UTF-8 are an error. */
    BufferedReader reader() throws IOException {
        return new BufferedReader(new InputStreamReader(open(), StandardCharsets.UTF_8.newDecoder()), 1 << 16);
    }

    /** The first lines that are not blank, at most {@code n}. */
    String[] head(int n) {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader = reader()) {
            for (String line; lines.size() < n && (line = reader.readLine()) != null;) {
                if (lines.isEmpty() && line.startsWith("\uFEFF")) line = line.substring(1);
                if (!line.isBlank()) lines.add(line);
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
            case CharacterCodingException _ -> notUtf8(e);
            case EOFException _ -> error(line, "the compressed file ends too early", "copy or download it again");
            case ZipException z when path.endsWith(".gz") && z.getMessage().equals("not gzip") ->
                new UserError(this + ": named .gz, but it is not compressed by gzip; remove the .gz from its name", e);
            case ZipException z ->
                new UserError(this + ": damaged gzip (" + z.getMessage() + "); copy or download it again", e);
            default -> new UserError(this + ": cannot be read: " + e, e);
        };
    }

    /** Reads once more to find the first line that is no UTF-8. */
    private UserError notUtf8(IOException cause) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        long line = 1;
        try (InputStream in = open()) {
            for (int b; (b = in.read()) >= 0;) {
                if (b != '\n') {
                    text.write(b);
                    continue;
                }
                if (!isUtf8(text.toByteArray())) break;
                text.reset();
                line++;
            }
        } catch (IOException e) {
            return new UserError(this + ": cannot be read: " + e, cause);
        }
        byte[] bytes = text.toByteArray();
        int mark = bytes.length < 2 ? 0 : bytes[0] + bytes[1]; // of UTF-16: FF FE or FE FF
        boolean wide = line == 1 && mark == (byte) 0xff + (byte) 0xfe;
        String shown = new String(bytes, wide ? StandardCharsets.UTF_16 : StandardCharsets.UTF_8);
        return error(
                line,
                "'" + cut(shown) + "' is not UTF-8 text",
                "convert the file, for instance by iconv -f " + (wide ? "utf-16" : "latin1") + " -t utf-8");
    }

    private static boolean isUtf8(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Text of the user's as it may stand in a message: short, and on one line. */
    static String cut(String text) {
        String s = text.length() <= LONGEST_QUOTE ? text : text.substring(0, LONGEST_QUOTE) + "…";
        return s.replaceAll("\\p{Cntrl}", " ");
    }

    @Override
    public String toString() {
        return bundled ? "bundled " + name() : path;
    }
}
