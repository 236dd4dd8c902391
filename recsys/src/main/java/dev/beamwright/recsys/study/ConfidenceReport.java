package dev.beamwright.recsys.study;

import dev.beamwright.recsys.confidence.ConfidenceReader;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Chart;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What a model's confidence is worth, beside what its likelihood says for nothing: one entry of {@code confidence.json}.
 *
 * @param model its name
 * @param split of the questions
 * @param cases how many
 * @param list items of a list that were asked
 * @param hitRate share of all items asked that are the target
 * @param signals by name: {@code confidence} (where the model has it), {@code likelihood} (exp of the mean log-probability
 *     of an item's codes), {@code probability} (exp of their sum), {@code softmax} (of the means, over the list)
 */
public record ConfidenceReport(
        String model,
        String split,
        int cases,
        int list,
        double hitRate,
        Map<String, Signal> signals) {
    private static final int BINS = 15;
    private static final double[] REJECTED = {0, .05, .1, .15, .2, .25, .3, .35, .4, .45, .5};

    /**
     * What one number in [0, 1] for each item says.
     *
     * @param auroc hit against miss, all items of all lists together; null without hits
     * @param within how often the target has a larger value than another item of its list; null without hits
     * @param ece expected calibration error, 15 bins of equal mass
     * @param brier mean of (value - hit)²
     * @param aurc area under the risk-coverage curve, lower is better; a list's risk is 1 - NDCG@10, and how sure one is
     *     of it the value of its {@code top} item, the {@code max} or the {@code mean} of all
     * @param aurcHit1 the same for the risk that the top item is wrong, by its own value
     * @param risk the risk-coverage curve by the top item: the mean risk of the surest 5, 10, … 100 % of the lists
     * @param rejection what is left when the least sure users are rejected, by the value of the top item
     * @param truncation what is left when items below a value are left out
     * @param reliability the bins
     */
    public record Signal(
            Double auroc,
            Double within,
            double ece,
            double brier,
            Map<String, Double> aurc,
            double aurcHit1,
            double[] risk,
            List<Rejection> rejection,
            List<Truncation> truncation,
            Sureness.Bins reliability) {}

    /**
     * The questions that are left.
     *
     * @param rejected share of users
     * @param below the value below which a user was rejected
     */
    public record Rejection(double rejected, double below, double ndcg10, double hr10, double hr1) {}

    /**
     * The items that are left.
     *
     * @param below the value below which an item was left out
     * @param length mean length of a list
     * @param precision share of shown items that are the target
     * @param recall share of targets that are shown
     */
    public record Truncation(double below, double length, double precision, double recall, double ndcg10) {}

    /** One question: the list's items by each signal, best by likelihood first, and the target's place, -1 for none. */
    private record Answer(Map<String, double[]> values, int target) {}

    /**
     * Asks the questions and draws the charts {@code plots/&lt;chart&gt;-&lt;model&gt;.svg}.
     *
     * @param ranker the model by likelihood
     * @param reader null for a model without confidence
     * @param levels codes of a semantic ID
     * @param list items of a list that are looked at
     */
    public static ConfidenceReport run(
            RunFolder run,
            Ranker ranker,
            ConfidenceReader reader,
            List<Case> cases,
            String split,
            int levels,
            int list,
            Progress progress) {
        List<Answer> answers = new ArrayList<>();
        try (Progress.Bar bar = progress.start("confidence", cases.size())) {
            for (int from = 0; from < cases.size(); from += ranker.batch()) {
                List<Case> batch = cases.subList(from, Math.min(cases.size(), from + ranker.batch()));
                answers.addAll(answers(batch, ranker, reader, levels, list));
                bar.step(from + batch.size(), "");
            }
        }
        ConfidenceReport report = of(ranker.name(), split, list, answers);
        report.charts().forEach(
                (name, chart) -> chart.write(run.file(RunFolder.plot(name + "-" + report.model()))));
        return report;
    }

    private static List<Answer> answers(
            List<Case> batch, Ranker ranker, ConfidenceReader reader, int levels, int list) {
        List<Ranking.Top> tops =
                ranker.rank(batch, SeenItems.ALLOWED, list).stream().map(r -> r.top(list)).toList();
        int[][] items = tops.stream().map(Ranking.Top::items).toArray(int[][]::new);
        double[][] c = reader == null
                ? null
                : reader.read(
                        batch.stream().map(Case::history).toList(),
                        batch.stream().mapToInt(Case::user).toArray(),
                        items);
        List<Answer> answers = new ArrayList<>();
        for (int u = 0; u < items.length; u++) {
            double[] sums = tops.get(u).scores(), means = Arrays.stream(sums).map(s -> s / levels).toArray();
            Map<String, double[]> values = new LinkedHashMap<>();
            if (c != null) values.put("confidence", c[u]);
            values.put("likelihood", Arrays.stream(means).map(Math::exp).toArray());
            values.put("probability", Arrays.stream(sums).map(Math::exp).toArray());
            double all = Arrays.stream(means).map(Math::exp).sum();
            values.put("softmax", Arrays.stream(means).map(m -> Math.exp(m) / all).toArray());
            int target = -1;
            for (int i = items[u].length - 1; i >= 0; i--) if (items[u][i] == batch.get(u).target()) target = i;
            answers.add(new Answer(values, target));
        }
        return answers;
    }

    private static ConfidenceReport of(String model, String split, int list, List<Answer> answers) {
        Map<String, Signal> signals = new LinkedHashMap<>();
        for (String name : answers.getFirst().values().keySet()) {
            double[][] values = answers.stream().map(a -> a.values().get(name)).toArray(double[][]::new);
            signals.put(name, signal(values, answers.stream().mapToInt(Answer::target).toArray()));
        }
        long items = answers.stream().mapToLong(a -> a.values().get("likelihood").length).sum();
        long hits = answers.stream().filter(a -> a.target() >= 0).count();
        return new ConfidenceReport(model, split, answers.size(), list, (double) hits / items, signals);
    }

    /**
     * Judges one signal.
     *
     * @param values by question and place
     * @param target the place of each question's target, -1 for none
     */
    static Signal signal(double[][] values, int[] target) {
        int users = values.length, n = Arrays.stream(values).mapToInt(v -> v.length).sum(), at = 0;
        double[] flat = new double[n], ndcg = new double[users], hr10 = new double[users], hr1 = new double[users];
        boolean[] hits = new boolean[n];
        double within = 0;
        int lists = 0;
        for (int u = 0; u < users; u++) {
            for (int i = 0; i < values[u].length; i++, at++) {
                flat[at] = values[u][i];
                hits[at] = i == target[u];
            }
            if (target[u] < 0) continue;
            ndcg[u] = RankMetric.NDCG.atIndex(10, target[u]);
            hr10[u] = RankMetric.RECALL.atIndex(10, target[u]);
            hr1[u] = RankMetric.RECALL.atIndex(1, target[u]);
            if (values[u].length < 2) continue;
            within += Sureness.within(values[u], target[u]);
            lists++;
        }
        double[] top = Arrays.stream(values).mapToDouble(v -> v.length == 0 ? 0 : v[0]).toArray();
        Map<String, Double> aurc = new LinkedHashMap<>();
        aurc.put("top", Sureness.aurc(Sureness.ofSurest(top, ndcg)));
        aurc.put("max", Sureness.aurc(Sureness.ofSurest(
                Arrays.stream(values).mapToDouble(v -> Arrays.stream(v).max().orElse(0)).toArray(), ndcg)));
        aurc.put("mean", Sureness.aurc(Sureness.ofSurest(
                Arrays.stream(values).mapToDouble(v -> Arrays.stream(v).average().orElse(0)).toArray(), ndcg)));
        double[] ndcgLeft = Sureness.ofSurest(top, ndcg), hr10Left = Sureness.ofSurest(top, hr10);
        double[] hr1Left = Sureness.ofSurest(top, hr1), sorted = top.clone();
        Arrays.sort(sorted);
        List<Rejection> rejection = new ArrayList<>();
        for (double share : REJECTED) {
            int left = Math.max(1, (int) Math.round(users * (1 - share)));
            rejection.add(new Rejection(
                    share, share == 0 ? 0 : sorted[users - left], ndcgLeft[left - 1], hr10Left[left - 1],
                    hr1Left[left - 1]));
        }
        Sureness.Bins bins = Sureness.bins(flat, hits, BINS);
        double auroc = Sureness.auroc(flat, hits);
        return new Signal(
                Double.isNaN(auroc) ? null : (Double) auroc, lists == 0 ? null : (Double) (within / lists),
                bins.error(), Sureness.brier(flat, hits), aurc, Sureness.aurc(hr1Left),
                IntStream.rangeClosed(1, 20)
                        .mapToDouble(i -> 1 - ndcgLeft[Math.max(1, (int) Math.round(users * i / 20.0)) - 1])
                        .toArray(),
                List.copyOf(rejection),
                truncation(values, target, flat), bins);
    }

    private static List<Truncation> truncation(double[][] values, int[] target, double[] flat) {
        double[] sorted = flat.clone();
        Arrays.sort(sorted);
        List<Truncation> all = new ArrayList<>();
        for (int tenth = 0; tenth < 10; tenth++) {
            double below = tenth == 0 ? 0 : sorted[sorted.length * tenth / 10];
            long shown = 0, found = 0;
            double ndcg = 0;
            for (int u = 0; u < values.length; u++) {
                int place = 0;
                for (int i = 0; i < values[u].length; i++) {
                    if (values[u][i] < below) continue;
                    shown++;
                    if (i == target[u]) {
                        found++;
                        ndcg += RankMetric.NDCG.atIndex(10, place);
                    }
                    place++;
                }
            }
            double users = values.length;
            all.add(new Truncation(below, shown / users, (double) found / shown, found / users, ndcg / users));
        }
        return List.copyOf(all);
    }

    /** As a table. */
    public String table() {
        StringBuilder s = new StringBuilder(String.format(
                Locale.ROOT, "%nconfidence of %s, %s: %,d lists of %d, %.2f %% of the items are hits%n", model, split,
                cases, list, 100 * hitRate));
        s.append(String.format(
                "%-12s  %7s  %7s  %7s  %7s  %9s  %10s%n", "", "AUROC", "within", "ECE", "Brier", "AURC", "AURC hit@1"));
        signals.forEach((name, v) -> s.append(String.format(
                Locale.ROOT, "%-12s  %7.4f  %7.4f  %7.4f  %7.4f  %9.4f  %10.4f%n", name,
                v.auroc() == null ? Double.NaN : v.auroc(), v.within() == null ? Double.NaN : v.within(), v.ece(),
                v.brier(), v.aurc().get("top"), v.aurcHit1())));
        return s.toString();
    }

    /** NDCG@10 of the users who are left, as a table. */
    public String rejectionTable() {
        StringBuilder s = new StringBuilder(String.format("%nNDCG@10 without the least sure users%n%-12s", "rejected"));
        for (double share : REJECTED) s.append(String.format(Locale.ROOT, "  %5.0f%%", 100 * share));
        s.append(System.lineSeparator());
        signals.forEach((name, v) -> {
            s.append(String.format("%-12s", name));
            for (Rejection r : v.rejection()) s.append(String.format(Locale.ROOT, "  %6.4f", r.ndcg10()));
            s.append(System.lineSeparator());
        });
        return s.toString();
    }

    /** The charts by name. */
    Map<String, Chart> charts() {
        List<Chart.Line> rejection = new ArrayList<>(), truncation = new ArrayList<>(), reliability = new ArrayList<>();
        List<Chart.Line> risk = new ArrayList<>();
        double[] coverage = IntStream.rangeClosed(1, 20).mapToDouble(i -> 5 * i).toArray();
        signals.forEach((name, v) -> {
            rejection.add(new Chart.Line(name, v.rejection().stream().mapToDouble(r -> 100 * r.rejected()).toArray(),
                    v.rejection().stream().mapToDouble(Rejection::ndcg10).toArray()));
            truncation.add(new Chart.Line(name, v.truncation().stream().mapToDouble(Truncation::length).toArray(),
                    v.truncation().stream().mapToDouble(Truncation::precision).toArray()));
            risk.add(new Chart.Line(name, coverage, v.risk()));
            reliability.add(new Chart.Line(name, v.reliability().value(), v.reliability().hit()));
        });
        Map<String, Chart> charts = new LinkedHashMap<>();
        charts.put("rejection", new Chart(
                model + ": without the least sure users", "users rejected, %", "NDCG@10 of the others", rejection));
        charts.put("risk-coverage", new Chart(
                model + ": the surest lists", "lists kept, %", "risk, 1 - NDCG@10", risk));
        charts.put("truncation", new Chart(
                model + ": without the least sure items", "mean length of a list", "precision", truncation));
        charts.put("reliability", new Chart(
                model + ": said and true", "mean value of a bin", "share of hits", reliability));
        return charts;
    }
}
