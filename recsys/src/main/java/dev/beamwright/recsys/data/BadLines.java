package dev.beamwright.recsys.data;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What happens to lines that cannot be read: the first one ends the work, or all are skipped, counted and told. */
final class BadLines {
    private static final int EXAMPLES = 5;

    private final boolean skip;
    /** The first of them by file, in the order in which the files are read, and line. */
    private final Map<Source, TreeMap<Long, String>> examples = new LinkedHashMap<>();
    private long count;

    BadLines(boolean skip) {
        this.skip = skip;
    }

    /** A line that cannot be read. */
    void add(Source source, long line, String what, String mend) {
        if (!skip) throw source.error(line, what, mend + ", or pass over such lines with --skip-bad-lines");
        count++;
        TreeMap<Long, String> first = examples.computeIfAbsent(source, _ -> new TreeMap<>());
        first.putIfAbsent(line, source + ":" + line + ": " + what);
        if (first.size() > EXAMPLES) first.pollLastEntry();
    }

    /** How many lines were skipped. */
    long count() {
        return count;
    }

    /** The first of them. */
    List<String> examples() {
        return examples.values().stream().flatMap(m -> m.values().stream()).limit(EXAMPLES).toList();
    }
}
