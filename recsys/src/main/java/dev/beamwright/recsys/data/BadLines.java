package dev.beamwright.recsys.data;

import java.util.ArrayList;
import java.util.List;

/** What happens to lines that cannot be read: the first one ends the work, or all are skipped, counted and told. */
final class BadLines {
    private static final int EXAMPLES = 5;

    private final boolean skip;
    private final List<String> examples = new ArrayList<>();
    private long count;

    BadLines(boolean skip) {
        this.skip = skip;
    }

    /** A line that cannot be read. */
    void add(Source source, long line, String what, String mend) {
        if (!skip) throw source.error(line, what, mend + ", or pass over such lines with --skip-bad-lines");
        count++;
        if (examples.size() < EXAMPLES) examples.add(source + ":" + line + ": " + what);
    }

    /** How many lines were skipped. */
    long count() {
        return count;
    }

    /** The first of them. */
    List<String> examples() {
        return List.copyOf(examples);
    }
}
