package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Bars;
import dev.beamwright.recsys.run.TextTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Models of several runs side by side, all asked the same questions under one protocol.
 *
 * @param metric by which they are tested and drawn
 * @param reference the entry that all others are tested against
 * @param entries best first
 * @param notes what the reader should know
 */
public record Comparison(
        String split,
        String level,
        SeenItems seenItems,
        String metric,
        String reference,
        List<Entry> entries,
        List<String> notes) {
    /**
     * One model with one set of settings, in as many runs as there are seeds.
     *
     * @param metrics by name
     * @param test against the reference; null for the reference itself, and where there are no predictions of the same
     *     questions
     */
    public record Entry(
            String name,
            List<String> runs,
            List<Long> seeds,
            Map<String, Spread> metrics,
            PairedTest test,
            Cost cost) {}

    /**
     * A value over the seeds.
     *
     * @param deviation the standard deviation with n - 1 in the denominator; null for a single run
     */
    public record Spread(double mean, Double deviation, int runs) {}

    /** What a model costs, each a mean over its runs; null where it is not known. */
    public record Cost(Double parameters, Double trainingSeconds, Double millisecondsPerUser) {}

    private static final List<String> SHOWN = List.of("recall@5", "recall@10", "ndcg@5", "ndcg@10");

    /** The table for a terminal. */
    public String text() {
        StringBuilder s = new StringBuilder(protocol()).append("\n\n").append(TextTable.of(rows(), 1));
        for (String note : notes) s.append('\n').append(note);
        return notes.isEmpty() ? s.toString() : s.append('\n').toString();
    }

    /** The table as Markdown. */
    public String markdown() {
        List<List<String>> rows = rows();
        StringBuilder s = new StringBuilder(protocol()).append("\n\n");
        for (int r = 0; r < rows.size(); r++) {
            s.append("| ").append(String.join(" | ", rows.get(r))).append(" |\n");
            if (r == 0) s.append("|---|").append("---:|".repeat(rows.getFirst().size() - 1)).append('\n');
        }
        for (String note : notes) s.append('\n').append(note).append('\n');
        return s.toString();
    }

    private String protocol() {
        return split + " questions, " + (level.equals("item") ? "items" : "semantic IDs") + ", seen items "
                + seenItems.text() + "; mean ± standard deviation over seeds; differences of " + metric
                + " from " + reference;
    }

    private List<List<String>> rows() {
        List<String> shown = new ArrayList<>(SHOWN);
        if (!shown.contains(metric)) shown.add(metric);
        shown.removeIf(m -> entries.stream().noneMatch(e -> e.metrics().containsKey(m)));
        List<List<String>> rows = new ArrayList<>();
        List<String> header = new ArrayList<>(List.of("model", "runs"));
        header.addAll(shown);
        header.addAll(
                List.of("difference", "95 %", "p (t)", "p (bootstrap)", "parameters", "training", "ms/user"));
        rows.add(header);
        for (Entry e : entries) {
            List<String> row = new ArrayList<>(List.of(e.name(), Integer.toString(e.runs().size())));
            for (String m : shown) row.add(spread(e.metrics().get(m)));
            PairedTest t = e.test();
            row.add(t == null ? "" : String.format(Locale.ROOT, "%+.4f", t.difference()));
            row.add(t == null ? "" : String.format(Locale.ROOT, "%+.4f to %+.4f", t.low(), t.high()));
            row.add(t == null ? "" : p(t.tTest()));
            row.add(t == null ? "" : p(t.bootstrap()));
            Cost c = e.cost();
            row.add(c.parameters() == null ? "" : String.format(Locale.ROOT, "%,.0f", c.parameters()));
            row.add(c.trainingSeconds() == null ? "" : String.format(Locale.ROOT, "%.0f s", c.trainingSeconds()));
            row.add(c.millisecondsPerUser() == null
                    ? ""
                    : String.format(Locale.ROOT, "%.3g", c.millisecondsPerUser()));
            rows.add(row);
        }
        return rows;
    }

    private static String spread(Spread s) {
        if (s == null) return "";
        String mean = String.format(Locale.ROOT, "%.4f", s.mean());
        return s.deviation() == null ? mean : mean + String.format(Locale.ROOT, " ± %.4f", s.deviation());
    }

    private static String p(double p) {
        return p < 0.001 ? "< .001" : String.format(Locale.ROOT, "%.3f", p);
    }

    /** A bar for each entry with its mean, and a whisker of one standard deviation to either side. */
    public String svg() {
        return new Bars(metric + ", " + split + " questions", entries.stream().map(this::bar).toList()).svg();
    }

    private Bars.Bar bar(Entry e) {
        Spread s = e.metrics().get(metric);
        Double deviation = s == null ? null : s.deviation();
        return new Bars.Bar(
                e.name(),
                s == null ? null : s.mean(),
                deviation == null ? null : s.mean() - deviation,
                deviation == null ? null : s.mean() + deviation,
                spread(s),
                e.name().equals(reference),
                null);
    }
}
