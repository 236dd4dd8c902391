package dev.beamwright.recsys.study;

import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.TextTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * What a search finds, and what it costs: {@code scaling.json}. Seen items are not left out.
 *
 * @param run the run's folder
 * @param model its name
 * @param parameters of the model
 * @param prmParameters of the process reward model; 0 if there is none
 * @param split whose questions were asked
 * @param users how many were asked
 * @param questions how many there are
 * @param k depth of recall and NDCG
 * @param beam K of the widened beams, and depth of the recall of prefixes
 * @param batch users that are searched for at once
 * @param points what was measured
 */
public record Scaling(
        String run,
        String model,
        long parameters,
        long prmParameters,
        String split,
        int users,
        int questions,
        int k,
        int beam,
        int batch,
        List<Point> points) {
    /**
     * One search.
     *
     * @param name for people
     * @param search kind of search
     * @param width K of a widened beam, or the width of a plain one
     * @param widening null for a plain beam
     * @param recall share of the targets among the first k items
     * @param ndcg of the first k items
     * @param prefixRecall by level: share of the users whose target's prefix is among the first K paths of the beam (the
     *     paper's HRecall@b@K); empty for other searches than beams
     * @param kept by level: share of the users whose target's prefix is in the beam at all; likewise
     * @param milliseconds of a user, with all threads
     * @param flops of a user, computed from sizes and counted rows
     * @param decoderRows of a user, at all levels
     * @param paths of a user that the process reward model scored
     * @param certified share of the users whose first k items are proved to be exact; null where nothing is proved
     */
    public record Point(
            String name,
            SearchConfig.Kind search,
            int width,
            @Nullable Widening widening,
            double recall,
            double ndcg,
            double[] prefixRecall,
            double[] kept,
            double milliseconds,
            double flops,
            double decoderRows,
            double paths,
            Double certified) {
        /** Whether it is a plain beam. */
        boolean plain() {
            return search == SearchConfig.Kind.BEAM && widening == null;
        }
    }

    /** What a plain beam would reach in a given time, between those that were measured; NaN outside of them. */
    public double[] plainAt(double milliseconds) {
        List<Point> plain = points.stream()
                .filter(Point::plain)
                .sorted(Comparator.comparingDouble(Point::milliseconds))
                .toList();
        for (int i = 1; i < plain.size(); i++) {
            Point a = plain.get(i - 1), b = plain.get(i);
            if (milliseconds < a.milliseconds || milliseconds > b.milliseconds) continue;
            double t = b.milliseconds == a.milliseconds
                    ? 0
                    : (milliseconds - a.milliseconds) / (b.milliseconds - a.milliseconds);
            return new double[] {a.recall + t * (b.recall - a.recall), a.ndcg + t * (b.ndcg - a.ndcg)};
        }
        return new double[] {Double.NaN, Double.NaN};
    }

    /** The measurements as a text table. */
    public String table() {
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("search", "Recall@" + k, "NDCG@" + k));
        int levels = points.isEmpty() ? 0 : points.getFirst().prefixRecall.length;
        for (int l = 1; l <= levels; l++) head.add("HRecall@" + l);
        head.addAll(
                List.of("certified", "ms/user", "MFLOP/user", "rows", "paths", "plain beam, equal ms: Recall", "NDCG"));
        rows.add(head);
        for (Point p : points) {
            List<String> row = new ArrayList<>(List.of(p.name, number(p.recall), number(p.ndcg)));
            for (int l = 0; l < levels; l++) row.add(l < p.prefixRecall.length ? number(p.prefixRecall[l]) : "");
            row.add(p.certified == null ? "" : number(p.certified));
            row.add(String.format(Locale.ROOT, "%.2f", p.milliseconds));
            row.add(String.format(Locale.ROOT, "%.1f", p.flops / 1e6));
            row.add(String.format(Locale.ROOT, "%.0f", p.decoderRows));
            row.add(String.format(Locale.ROOT, "%.0f", p.paths));
            double[] plain = p.plain() ? null : plainAt(p.milliseconds);
            row.add(plain == null ? "" : number(plain[0]));
            row.add(plain == null ? "" : number(plain[1]));
            rows.add(row);
        }
        StringBuilder s = new StringBuilder(String.format(
                Locale.ROOT, "%s, %s: %,d parameters%s; %,d of %,d %s users; HRecall among the first %d paths%n",
                run, model, parameters,
                prmParameters == 0
                        ? ", no process reward model"
                        : String.format(
                                Locale.ROOT, ", process reward model %,d (+%.0f %%)", prmParameters,
                                100.0 * prmParameters / parameters),
                users, questions, split, beam));
        s.append(TextTable.of(rows, 1));
        return s.toString();
    }

    private static String number(double v) {
        return Double.isNaN(v) ? "-" : String.format(Locale.ROOT, "%.4f", v);
    }
}
