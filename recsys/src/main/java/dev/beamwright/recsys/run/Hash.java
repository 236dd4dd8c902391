package dev.beamwright.recsys.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** By what a run tells whether a file is the one that it was made from. */
public final class Hash {
    private Hash() {}

    /** The SHA-256 of a file, in hexadecimal. Throws {@link UserError} if it cannot be read. */
    public static String sha256(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file)) throw new UserError(file + ": is no regular file");
        try (InputStream in = Files.newInputStream(file)) {
            return sha256(in);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read: " + e, e);
        }
    }

    /** The SHA-256 of all that is left in a stream, in hexadecimal. */
    public static String sha256(InputStream bytes) throws IOException {
        var in = new DigestInputStream(bytes, sha256());
        in.transferTo(OutputStream.nullOutputStream());
        return HexFormat.of().formatHex(in.getMessageDigest().digest());
    }

    /** A SHA-256 of nothing yet. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }
}
