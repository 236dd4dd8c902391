package dev.beamwright.launcher;

/**
 * The main class of the jar. Compiled for Java 8, so that an older Java says what it is missing instead of failing to
 * read a class. All else is left to {@code Restart} and {@code Main}, which need Java 25.
 */
public final class Launcher {
    private static final int NEEDED = 25;

    private Launcher() {}

    public static void main(String[] args) throws Exception {
        String version = System.getProperty("java.specification.version"); // "1.8", "11", "25"
        int major = Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
        if (major < NEEDED) {
            System.err.println("beamwright: Beamwright needs Java " + NEEDED + ", and this is Java " + major + " in "
                    + System.getProperty("java.home") + "; install one (https://adoptium.net) and set JAVA_HOME or PATH");
            System.exit(2);
        }
        Class.forName("dev.beamwright.recsys.cli.Restart")
                .getMethod("main", String[].class)
                .invoke(null, (Object) args);
    }
}
