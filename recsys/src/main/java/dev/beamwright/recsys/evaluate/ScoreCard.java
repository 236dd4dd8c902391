package dev.beamwright.recsys.evaluate;

import dev.beamwright.recsys.data.Repeats;
import dev.beamwright.recsys.rank.Ranker;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.TextTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was found: {@code scorecard.json}.
 *
 * @param repeats how likely people come back to items of their history, measured in the training part: what rows with
 *     the repeat prior rest on
 * @param files of the run that the models were made of, settings and parameters, with the SHA-256 that they had
 */
public record ScoreCard(List<Row> rows, Repeats repeats, Map<String, String> files) {
    /** A card without models of the run, of data in which nobody repeats. */
    public ScoreCard(List<Row> rows) {
        this(rows, Repeats.NEVER, Map.of());
    }

    /** Files of a run with the SHA-256 that they have now, an empty one where there is no such file. */
    public static Map<String, String> hashes(RunFolder run, List<String> files) {
        Map<String, String> hashes = new TreeMap<>();
        for (String file : files) hashes.put(file, run.has(file) ? Hash.sha256(run.file(file)) : "");
        return hashes;
    }

    /**
     * The files that were written anew since, so that what the card says is not true of them. Those that are gone do not
     * count: who deletes a model keeps its scores.
     */
    public List<String> outdated(RunFolder run) {
        return files.keySet().stream()
                .filter(run::has)
                .filter(file -> !Hash.sha256(run.file(file)).equals(files.get(file)))
                .sorted()
                .toList();
    }

    /**
     * One model under one protocol.
     *
     * @param model the name of the row
     * @param label the model's, without a word on how it was asked, see {@link Ranker#label}
     * @param asked how the model answers, see {@link Ranker#settings}
     * @param metrics by name: {@code recall@K}, {@code ndcg@K}, {@code mrr@K}; {@code coverage@K}, the share of all items
     *     that stand in somebody's first K; {@code invalid@K}, the share of places among the first K that name no item;
     *     {@code certified@K}, the share of lists whose first K items are proved to be those that the model scores best, of
     *     searches that prove anything
     * @param intervals 95 % bootstrap intervals of the first three, lower and upper end
     */
    public record Row(
            String model,
            String label,
            Protocol protocol,
            Map<String, Object> asked,
            Map<String, Double> metrics,
            Map<String, double[]> intervals) {
        public Row {
            for (double[] ends : intervals.values()) {
                if (ends.length != 2) throw new IllegalArgumentException("an interval has two ends");
            }
        }

        /** The same under another protocol. */
        Row with(Protocol protocol) {
            return new Row(model, label, protocol, asked, metrics, intervals);
        }
    }

    /**
     * How it was measured: always against all items.
     *
     * @param split {@code test} or {@code validation}
     * @param level {@code item}: the very item; {@code sid}: an item with the same semantic ID will do
     * @param seenItems what became of the items of the history
     * @param k the depths
     * @param cases how many questions
     * @param ties {@code mid-rank} for rankings by score, {@code list} for lists of a decoder
     * @param bootstrap how many times the questions were drawn for the intervals
     * @param seed of these draws
     */
    public record Protocol(
            String split,
            String level,
            SeenItems seenItems,
            List<Integer> k,
            int cases,
            String ties,
            int bootstrap,
            long seed) {
        public Protocol {
            if (k.isEmpty()) throw new IllegalArgumentException("there are no depths k");
        }

        /** The same with another word for what became of the items of the history. */
        Protocol with(SeenItems seen) {
            return new Protocol(split, level, seen, k, cases, ties, bootstrap, seed);
        }
    }

    /** The card as a text table; of the depths, those up to 10 that matter most. */
    public String table() {
        if (rows.isEmpty()) return "no rows\n";
        List<Integer> k = rows.getFirst().protocol().k();
        int main = k.contains(10) ? 10 : k.getLast();
        List<String> shown = new ArrayList<>();
        for (String name : List.of("recall@", "ndcg@")) {
            for (int i : k) if (i == main || i == 5) shown.add(name + i);
        }
        shown.add("mrr@" + main);
        shown.add("coverage@" + main);
        String interval = "ndcg@" + main, certified = "certified@" + main;
        boolean proves = rows.stream().anyMatch(r -> r.metrics().containsKey(certified));
        if (proves) shown.add(certified);

        List<List<String>> lines = new ArrayList<>();
        List<String> header = new ArrayList<>(List.of("model", "split", "level", "seen items"));
        header.addAll(shown);
        header.add(interval + " 95 %");
        lines.add(header);
        for (Row row : rows) {
            List<String> line = new ArrayList<>(List.of(
                    row.model(),
                    row.protocol().split(),
                    row.protocol().level(),
                    row.protocol().seenItems().text()));
            for (String name : shown) line.add(number(row.metrics().get(name)));
            double[] ends = row.intervals().get(interval);
            line.add(ends == null ? "" : number(ends[0]) + " to " + number(ends[1]));
            lines.add(line);
        }
        return TextTable.of(lines, 4) + (repeats == null ? "" : "repeat prior: " + repeats.text() + "\n");
    }

    private static String number(Double value) {
        return value == null ? "" : String.format(Locale.ROOT, "%.4f", value);
    }
}
