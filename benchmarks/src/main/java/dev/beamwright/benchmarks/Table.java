package dev.beamwright.benchmarks;

import dev.beamwright.benchmarks.Result.Entry;
import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.recsys.run.Bars;
import dev.beamwright.recsys.run.Chart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Results as they are shown: as Markdown, with bars of the ratios, and matrix products over their size. */
record Table(List<Result> results) {
    private static final Map<String, String> TITLES = new LinkedHashMap<>();

    static {
        TITLES.put("gemm", "Matrix products, M x K x N");
        TITLES.put("attention", "Attention, forward and backward");
        TITLES.put("elements", "Memory-bound kernels, forward and backward");
        TITLES.put("steps", "Training steps");
        TITLES.put("beam", "Beam search");
        TITLES.put("memory", "Peak memory");
        TITLES.put("data", "Stages before training");
    }

    String markdown() {
        StringBuilder s = new StringBuilder("# Measured on the CPU\n\n");
        Set<String> machines = new LinkedHashSet<>(), commits = new LinkedHashSet<>(), notes = new TreeSet<>();
        for (Result r : results) {
            Host h = r.host();
            machines.add(h.processors() + " processors, " + h.cpu() + ", " + h.os() + "; Java " + h.jdk());
            commits.add(h.commit() + " (" + r.date().substring(0, 10) + ")" + (r.quick() ? ", quick" : ""));
            notes.addAll(r.notes());
        }
        s.append("Commit ").append(String.join("; ", commits)).append(". ").append(String.join("; ", machines));
        s.append(".\n\nMedians, quartiles in brackets; ratios are the peer's median over ours, above 1 where ours is");
        s.append(" faster or smaller, to the best form of the peer. See [benchmarks](../../docs/benchmarks.md).\n");
        for (String group : TITLES.keySet()) {
            List<Result> rows = results.stream().filter(r -> r.group().equals(group)).toList();
            if (!rows.isEmpty()) group(s, TITLES.get(group), rows);
        }
        if (!notes.isEmpty()) s.append("\n## Who took part\n\n");
        for (String note : notes) s.append("- ").append(note).append('\n');
        return s.toString();
    }

    private static void group(StringBuilder s, String title, List<Result> rows) {
        Set<String> peers = new LinkedHashSet<>(), others = new LinkedHashSet<>();
        Entry first = rows.stream().flatMap(r -> r.ours().stream()).findFirst().orElseThrow();
        boolean rate = rows.stream().anyMatch(r -> !r.rate().isEmpty());
        boolean share = rows.stream().anyMatch(r -> r.best(Result.PEAK).isPresent());
        for (Result r : rows) {
            for (Entry e : r.entries()) {
                if (e.who().equals(Result.OURS)) {
                    if (e != r.ours().orElseThrow()) others.add(label(e));
                } else if (!e.who().equals(Result.PEAK)) {
                    peers.add(e.who());
                }
            }
        }
        List<String> header = new ArrayList<>(List.of("", "Beamwright, " + label(first)));
        if (rate) header.add("rate");
        if (share) header.add("of the peak");
        header.addAll(others);
        header.addAll(peers);
        s.append("\n## ").append(title).append("\n\n");
        line(s, header);
        s.append("|---|").append("---|".repeat(header.size() - 1)).append('\n');
        for (Result r : rows) {
            List<String> cells = new ArrayList<>(List.of(r.row()));
            Optional<Entry> ours = r.ours();
            cells.add(ours.map(e -> withQuartiles(e, r.unit())).orElse(""));
            if (rate) cells.add(ours.map(e -> rate(r.amount() / e.median(), r.rate())).orElse(""));
            if (share) cells.add(r.ratio(Result.PEAK).map(v -> format("%.0f %%", 100 * v)).orElse(""));
            for (String other : others) {
                cells.add(r.entries().stream()
                        .filter(e -> e.who().equals(Result.OURS) && label(e).equals(other))
                        .findFirst()
                        .map(e -> quantity(e.median(), r.unit()))
                        .orElse(""));
            }
            for (String peer : peers) {
                cells.add(r.best(peer)
                        .map(e -> format("%.2f x", r.ratio(peer).orElse(Double.NaN)) + " ("
                                + quantity(e.median(), r.unit())
                                + (e.form().isEmpty() ? "" : ", " + e.form()) + ")")
                        .orElse(""));
            }
            line(s, cells);
        }
    }

    private static String goal(Result r, Goal g) {
        String text = switch (g.against()) {
            case "" -> "at most " + quantity(g.value(), r.unit());
            case Result.PEAK -> format("%.0f %% of the peak", 100 * g.value());
            default -> format("%.4s x ", g.value()) + g.against();
        };
        return text + r.met(g).map(met -> met ? ": reached" : ": not reached").orElse(": not measured");
    }

    private static String label(Entry e) {
        return e.form() + ", " + e.threads() + (e.threads() == 1 ? " thread" : " threads");
    }

    private static void line(StringBuilder s, List<String> cells) {
        s.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private static String withQuartiles(Entry e, String unit) {
        if (e.samples().length == 1) return quantity(e.median(), unit);
        double scale = scale(e.median(), unit);
        return quantity(e.median(), unit) + format(
                " (%s to %s)", digits(e.lowerQuartile() / scale), digits(e.upperQuartile() / scale));
    }

    /** Seconds or bytes with three digits. */
    static String quantity(double value, String unit) {
        double scale = scale(value, unit);
        String name = unit.equals("B") ? "MB" : scale == 1 ? "s" : scale == 1e-3 ? "ms" : "µs";
        return digits(value / scale) + " " + name;
    }

    private static double scale(double value, String unit) {
        return unit.equals("B") ? 1e6 : value >= 1 ? 1 : value >= 1e-3 ? 1e-3 : 1e-6;
    }

    /** So much a second. */
    static String rate(double value, String unit) {
        if (unit.isEmpty()) return "";
        if (value >= 1e9) return digits(value / 1e9) + " G" + unit;
        return value >= 1e6 ? digits(value / 1e6) + " M" + unit : digits(value) + " " + unit;
    }

    private static String digits(double v) {
        return format(v >= 100 ? "%,.0f" : v >= 10 ? "%.1f" : "%.2f", v);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    /** One line about a row and its goals, for the progress. */
    static String summary(Result r) {
        StringBuilder s = new StringBuilder(r.group()).append(": ").append(r.row());
        r.ours().ifPresent(e -> s.append(": ").append(quantity(e.median(), r.unit())).append(
                r.rate().isEmpty() ? "" : ", " + rate(r.amount() / e.median(), r.rate())));
        Set<String> peers = new LinkedHashSet<>(r.entries().stream().map(Entry::who).toList());
        peers.remove(Result.OURS);
        for (String peer : peers) {
            r.ratio(peer).ifPresent(v -> s.append(format(", %.2f x ", v)).append(peer));
        }
        for (Goal g : r.goals()) s.append("; goal ").append(goal(r, g));
        return s.toString();
    }

    /** The ratios to the peers that are to be compared with, grey where the peer is faster or smaller. */
    String ratios() {
        List<Bars.Bar> bars = new ArrayList<>();
        for (Result r : results) {
            for (Goal g : r.goals()) {
                if (g.against().isEmpty() || g.against().equals(Result.PEAK)) continue;
                r.ratio(g.against()).ifPresent(v -> bars.add(new Bars.Bar(
                        r.group() + ": " + r.row() + " / " + g.against(), v, null, null, format("%.2f x", v), v < 1,
                        1.0)));
            }
        }
        return new Bars("How many times as fast (memory: as small) as the peer", bars).svg();
    }

    private static final Pattern SQUARE = Pattern.compile("(NN) (\\d+)x\\2x\\2");

    /** Square matrix products: GFLOP/s over the size, for everybody. */
    String squares() {
        Map<String, List<double[]>> lines = new LinkedHashMap<>();
        for (Result r : results) {
            Matcher square = SQUARE.matcher(r.row());
            if (!r.group().equals("gemm") || !square.matches()) continue;
            double size = Double.parseDouble(square.group(2));
            for (Entry e : r.entries()) {
                if (e.who().equals(Result.PEAK) && !r.hasPeak()) continue;
                String name = e.who().equals(Result.PEAK)
                        ? "peak, measured on registers"
                        : e.who() + ", " + (e.form().isEmpty() ? "" : e.form() + ", ") + e.threads()
                                + (e.threads() == 1 ? " thread" : " threads");
                lines.computeIfAbsent(name, _ -> new ArrayList<>())
                        .add(new double[] {size, r.amount() / e.median() / 1e9});
            }
        }
        return new Chart(
                "Square matrix products, single precision", "rows and columns", "GFLOP/s",
                lines.entrySet().stream()
                        .map(l -> new Chart.Line(
                                l.getKey(),
                                l.getValue().stream().mapToDouble(p -> p[0]).toArray(),
                                l.getValue().stream().mapToDouble(p -> p[1]).toArray()))
                        .toList())
                .svg();
    }
}
