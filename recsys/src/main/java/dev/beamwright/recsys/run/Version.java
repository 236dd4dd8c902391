package dev.beamwright.recsys.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * Which Beamwright this is, as the build wrote it down.
 *
 * @param version the release, such as "0.1.0"
 * @param commit the commit it was built from, with "-dirty" behind it if files had changed, or "unknown"
 */
public record Version(String version, String commit) {
    /** The version that is running. */
    public static Version current() {
        Properties p = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            if (in != null) p.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Version(known(p.getProperty("version")), known(p.getProperty("commit")));
    }

    /** A property that the build did not fill in still reads "${…}". */
    private static String known(String value) {
        return value == null || value.isBlank() || value.startsWith("${") ? "unknown" : value;
    }

    @Override
    public String toString() {
        return version + " (" + commit + ")";
    }
}
