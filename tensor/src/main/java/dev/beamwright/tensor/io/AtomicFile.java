package dev.beamwright.tensor.io;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * Replaces a file at once and durably: what is written goes to a temporary file beside it, which {@link #commit} forces
 * to disk and renames. A reader sees the old file or the new one, and so does whoever comes after a crash. Closing
 * without a commit, after a failure say, deletes the temporary file.
 *
 * <p>The temporary file has a name of its own and is opened so that it cannot have been there: two writers never share
 * one, and none follows a symbolic link. What a killed process leaves behind is told by {@link #isTemporary}.
 */
public final class AtomicFile implements AutoCloseable {
    private static final Pattern TEMPORARY = Pattern.compile(".+\\.[0-9a-f]{16}\\.tmp");
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Path file, temporary;
    private final FileChannel channel;
    private boolean committed;

    private AtomicFile(Path file) throws IOException {
        this.file = file.toAbsolutePath();
        Files.createDirectories(this.file.getParent());
        byte[] random = new byte[8];
        RANDOM.nextBytes(random);
        temporary = this.file.resolveSibling(file.getFileName() + "." + HexFormat.of().formatHex(random) + ".tmp");
        channel = FileChannel.open(temporary, CREATE_NEW, WRITE);
    }

    /** Begins to replace a file; makes its folder if it is not there. */
    public static AtomicFile open(Path file) throws IOException {
        return new AtomicFile(file);
    }

    /** Replaces a file by these bytes. */
    public static void write(Path file, byte[] bytes) throws IOException {
        try (AtomicFile out = open(file)) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) out.channel.write(left);
            out.commit();
        }
    }

    /** Whether a file is, by its name, a temporary one of this class. */
    public static boolean isTemporary(Path file) {
        return TEMPORARY.matcher(file.getFileName().toString()).matches();
    }

    /** Where the new content is to be written; closed by {@link #commit} and {@link #close}. */
    public FileChannel channel() {
        return channel;
    }

    /** All is written: it takes the place of what was there before. */
    public void commit() throws IOException {
        channel.force(true);
        channel.close();
        Files.move(temporary, file, ATOMIC_MOVE, REPLACE_EXISTING);
        committed = true;
        forceFolder(file.getParent());
    }

    /** Makes a rename last; where a folder cannot be opened, the file system does so by itself. */
    private static void forceFolder(Path folder) throws IOException {
        FileChannel opened;
        try {
            opened = FileChannel.open(folder, READ);
        } catch (IOException e) {
            return; // Windows
        }
        try (opened) {
            opened.force(true);
        }
    }

    @Override
    public void close() throws IOException {
        if (committed) return;
        try {
            channel.close();
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
