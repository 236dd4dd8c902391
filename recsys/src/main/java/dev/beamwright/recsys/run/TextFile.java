package dev.beamwright.recsys.run;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Reads text files whole: regular ones, of a size that can be, in UTF-8. All else is a {@link UserError}. */
public final class TextFile {
    private static final long LARGEST = 1 << 30; // bytes

    private TextFile() {}

    /** The text of a file. */
    public static String read(Path file) {
        try {
            if (Files.isDirectory(file)) throw new UserError(file + ": is a folder, not a file");
            long size = Files.size(file);
            if (!Files.isRegularFile(file)) throw new UserError(file + ": is no regular file; save it to one first");
            if (size > LARGEST) {
                throw new UserError(file + ": has " + (size >> 20) + " MB; such a file has " + (LARGEST >> 20)
                        + " at the most");
            }
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new UserError(file + ": there is no such file; check the name and the folder", e);
        } catch (AccessDeniedException e) {
            throw new UserError(file + ": cannot be read: permission denied", e);
        } catch (CharacterCodingException e) {
            throw new UserError(file + ": is not UTF-8 text, so it is damaged or another kind of file", e);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read: " + e, e);
        } catch (OutOfMemoryError e) {
            throw new UserError(file + ": does not fit into the memory; give Java more by -Xmx in"
                    + " BEAMWRIGHT_JAVA_OPTS", e);
        }
    }

    /** Its lines. */
    public static List<String> lines(Path file) {
        return read(file).lines().toList();
    }
}
