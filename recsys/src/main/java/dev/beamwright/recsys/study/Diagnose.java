package dev.beamwright.recsys.study;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.ExactScoring;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.recsys.rank.Ranking;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.study.Diagnostics.Level;
import dev.beamwright.recsys.train.MetricsLog;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * The stage that looks into the beam: for some users it lets the beam search run, scores the whole catalogue exactly,
 * and follows the target down the trie.
 */
public final class Diagnose {
    private static final List<Integer> WIDTHS = List.of(10, 20, 50); // for which siblings are counted, besides B
    private static final int BATCH = 32, ROWS = 1 << 14; // users at once, and paths of all of them

    /**
     * What to look at.
     *
     * @param split {@code test} or {@code validation}
     * @param users how many, drawn at random; 0 for all
     * @param beam width of the beam; 0 for the one of the training
     * @param seed of the draw
     */
    public record Config(String split, int users, int beam, long seed) {
        public Config {
            if (!split.equals("test") && !split.equals("validation")) {
                throw new UserError("there is no split '" + split + "'; choose test or validation");
            }
            if (users < 0) throw new UserError("--users " + users + ": must be 0 (all) or more");
            if (beam < 0) throw new UserError("--beam " + beam + ": must be 0 (as in training) or more");
        }
    }

    private final GenerativeModel model;
    private final ItemTrie trie;
    private final Backend backend;
    private final Likelihood likelihood;
    private final int beam, levels;

    private Diagnose(Backend backend, GenerativeModel model, Likelihood likelihood, int beam) {
        this.backend = backend;
        this.model = model;
        this.likelihood = likelihood;
        this.beam = beam;
        trie = model.space().trie();
        levels = trie.levels();
    }

    /** Diagnoses a run, and writes {@code diagnostics.json} and the charts in {@code plots}. */
    public static Diagnostics run(Config config, RunFolder run, Backend backend, Progress progress) {
        try (var recommender = Recommender.load(run, backend)) {
            Prepared prepared = Prepared.load(run);
            List<Case> all =
                    config.split().equals("test") ? prepared.split().test() : prepared.split().validation();
            if (all.isEmpty()) throw new UserError("there are no " + config.split() + " questions in this run");
            List<Case> asked = Case.some(all, config.users(), Key.of(config.seed()).fold("diagnose"));
            int beam = config.beam() == 0 ? recommender.config().decoding().beamSize() : config.beam();
            Diagnostics found = of(
                    run.root().toString(),
                    recommender.name(),
                    backend,
                    recommender.model(),
                    recommender.config().likelihood(),
                    beam,
                    config.split(),
                    asked,
                    all.size(),
                    prefixWeights(run),
                    progress);
            run.saveConfig("diagnose", config);
            Json.write(run.file(RunFolder.DIAGNOSTICS), found);
            run.delete(RunFolder.plot("prefix-weights")); // an earlier training may have had some
            found.charts().forEach((name, chart) -> chart.write(run.file(RunFolder.plot(name))));
            return found;
        }
    }

    /** Diagnoses a model on some questions, without writing anything. */
    public static Diagnostics of(
            String run,
            String name,
            Backend backend,
            GenerativeModel model,
            Likelihood likelihood,
            int beam,
            String split,
            List<Case> asked,
            int questions,
            List<Diagnostics.Weights> prefixWeights,
            Progress progress) {
        var diagnose = new Diagnose(backend, model, likelihood, beam);
        Trace[] traces = diagnose.trace(name, asked, progress);
        return diagnose.summary(run, name, split, asked, questions, traces, prefixWeights);
    }

    /** What one user's search came to. */
    private final class Trace {
        final int[][] beams = new int[levels][]; // the nodes in the beam after each level, best first
        final int[] target = new int[levels]; // the target's prefixes
        final int[] siblingRank = new int[levels], levelRank = new int[levels], prefixRank = new int[levels];
        final double[] nll = new double[levels];
        final double[] margin = new double[levels]; // log-probability of the B-th sibling less that of the target's code
        final int[] exactTopKept = new int[levels]; // prefixes of the best items that are in the beam
        int exactTop; // how many best items there are
        Search.Result found; // the beam's list
        int[] exactItems; // the first items of the exact list, as many as are certified or not

        boolean inBeam(int level, int node) {
            for (int other : beams[level]) if (other == node) return true;
            return false;
        }

        boolean survives(int level) {
            return inBeam(level, target[level]);
        }

        /** From 1; more than any beam is wide if it is not in it. */
        int beamRank() {
            int[] last = beams[levels - 1];
            for (int i = 0; i < last.length; i++) if (last[i] == target[levels - 1]) return i + 1;
            return Integer.MAX_VALUE;
        }
    }

    private Trace[] trace(String name, List<Case> asked, Progress progress) {
        Trace[] traces = new Trace[asked.size()];
        for (int u = 0; u < traces.length; u++) traces[u] = new Trace();
        var search = new BeamSearch(model, SearchConfig.beam(beam, likelihood));
        int batch = Math.clamp(ROWS / Math.min(beam, trie.nodesAt(levels)), 1, BATCH);
        Parallel.run((asked.size() + batch - 1) / batch, b -> {
            int from = b * batch, to = Math.min(asked.size(), from + batch);
            List<int[]> histories = asked.subList(from, to).stream().map(Case::history).toList();
            int[] users = asked.subList(from, to).stream().mapToInt(Case::user).toArray();
            try (var memory = new Workspace()) {
                try (Tape tape = Tape.inference(backend, memory)) {
                    List<Search.Result> found = search.search(tape, Query.of(histories, users),
                            (u, depth, level) -> traces[from + u].beams[depth - 1] = level.nodes());
                    for (int u = from; u < to; u++) traces[u].found = found.get(u - from);
                }
                try (Tape tape = Tape.inference(backend, memory)) {
                    follow(tape, histories, users, asked.subList(from, to), Arrays.copyOfRange(traces, from, to));
                }
            }
        });
        var done = new AtomicInteger();
        try (
                var scoring = new ExactScoring(backend, model, likelihood);
                var bar = progress.start("scoring every item", asked.size())) {
            scoring.score(
                    asked.stream().map(Case::history).toList(),
                    asked.stream().mapToInt(Case::user).toArray(),
                    (u, scores) -> {
                        for (float score : scores) if (Float.isNaN(score)) throw Ranking.notANumber(name);
                        compare(traces[u], scores);
                        bar.step(done.incrementAndGet(), "");
                    });
        }
        return traces;
    }

    /** Walks down the path of each user's target. */
    private void follow(Tape tape, List<int[]> histories, int[] users, List<Case> cases, Trace[] traces) {
        int n = cases.size();
        int[] rows = IntStream.range(0, n).toArray();
        var decoding = model.read(tape, histories, users);
        Variable states = decoding.first();
        for (int level = 0; level < levels; level++) {
            int[] codes = new int[n], nodes = new int[n];
            for (int r = 0; r < n; r++) nodes[r] = trie.node(cases.get(r).target(), level);
            float[] logits = model.logits(tape, level, states, tape.ints(nodes)).value().toArray();
            int columns = model.space().width(level);
            for (int r = 0; r < n; r++) {
                int item = cases.get(r).target(), parent = nodes[r], from = r * columns;
                codes[r] = model.space().code(item, level);
                float logit = logits[from + codes[r]];
                Trace t = traces[r];
                t.target[level] = trie.node(item, level + 1);
                t.levelRank[level] = 1;
                t.siblingRank[level] = 1;
                for (int c = 0; c < columns; c++) if (ahead(logits[from + c], c, logit, codes[r])) t.levelRank[level]++;
                float[] siblings = new float[trie.children(parent)];
                for (int i = 0; i < siblings.length; i++) {
                    int c = trie.code(trie.firstEdge(parent) + i);
                    siblings[i] = logits[from + c];
                    if (ahead(siblings[i], c, logit, codes[r])) t.siblingRank[level]++;
                }
                Arrays.sort(siblings);
                float last = siblings[Math.max(0, siblings.length - beam)];
                t.margin[level] = (last - logit) / likelihood.temperature();
                double denominator = likelihood.logDenominator(logits, from, columns, trie, parent);
                t.nll[level] = denominator - logit / likelihood.temperature();
            }
            if (level < levels - 1) {
                int depth = level + 1;
                int[][] ancestors = new int[n][depth];
                for (int r = 0; r < n; r++) Arrays.fill(ancestors[r], r);
                states = decoding.next(level, codes, rows, ancestors);
            }
        }
    }

    private static boolean ahead(float logit, int code, float targetLogit, int targetCode) {
        return logit > targetLogit || (logit == targetLogit && code < targetCode);
    }

    /** Compares the beam with the exact ranking. */
    private void compare(Trace t, float[] scores) {
        for (int level = 0; level < levels; level++) {
            t.prefixRank[level] = ExactScoring.rank(trie, scores, level + 1, t.target[level]);
        }
        int[] best = ExactScoring.best(trie, scores, levels, beam);
        t.exactTop = best.length;
        t.exactItems = Arrays.stream(best).flatMap(leaf -> Arrays.stream(trie.itemsOf(leaf))).limit(listed()).toArray();
        for (int leaf : best) {
            int item = trie.itemsOf(leaf)[0];
            for (int level = 0; level < levels; level++) {
                if (t.inBeam(level, trie.node(item, level + 1))) t.exactTopKept[level]++;
            }
        }
    }

    /** How many items of a list are certified or not. */
    private int listed() {
        return Math.min(10, beam);
    }

    /** Which lists are certified, and where those that are not lost what. */
    private Diagnostics.Certified certified(Trace[] traces) {
        int k = listed(), certified = 0, changed = 0;
        int[] lost = new int[levels];
        for (Trace t : traces) {
            if (t.found.certified(k)) {
                certified++;
                continue;
            }
            if (!Arrays.equals(Arrays.copyOf(t.found.items(), t.exactItems.length), t.exactItems)) changed++;
            for (int item : t.exactItems) {
                for (int level = 0; level < levels; level++) {
                    if (t.inBeam(level, trie.node(item, level + 1))) continue;
                    lost[level]++;
                    break;
                }
            }
        }
        double n = traces.length;
        return new Diagnostics.Certified(
                k, certified / n, changed / n, Arrays.stream(lost).mapToDouble(l -> l / n).toArray());
    }

    private Diagnostics summary(
            String run,
            String name,
            String split,
            List<Case> asked,
            int questions,
            Trace[] traces,
            List<Diagnostics.Weights> prefixWeights) {
        int n = traces.length, last = levels - 1;
        List<Level> byLevel = new ArrayList<>();
        int[][] tokenRanks = new int[levels][];
        int[] widths = IntStream.concat(IntStream.of(beam), WIDTHS.stream().mapToInt(w -> w)).distinct().toArray();
        double[][] fewSiblings =
                vacuous(trie, asked.stream().mapToInt(Case::target).toArray(), widths);
        long exactTop = Arrays.stream(traces).mapToLong(t -> t.exactTop).sum();
        for (int level = 0; level < levels; level++) {
            int l = level;
            int[] siblings = asked.stream().mapToInt(c -> trie.children(trie.node(c.target(), l))).toArray();
            Map<Integer, Double> vacuous = new TreeMap<>();
            for (int w = 0; w < widths.length; w++) vacuous.put(widths[w], fewSiblings[level][w]);
            byLevel.add(new Level(
                    level + 1,
                    share(n, u -> traces[u].survives(l)),
                    (double) Arrays.stream(traces).mapToLong(t -> t.exactTopKept[l]).sum() / exactTop,
                    share(n, u -> traces[u].prefixRank[l] <= beam),
                    share(n, u -> traces[u].siblingRank[l] <= beam),
                    share(n, u -> traces[u].levelRank[l] <= beam),
                    median(Arrays.stream(traces).mapToInt(t -> t.siblingRank[l]).toArray()),
                    median(Arrays.stream(traces).mapToInt(t -> t.levelRank[l]).toArray()),
                    Arrays.stream(traces).mapToDouble(t -> t.nll[l]).sum() / n,
                    Arrays.stream(traces).mapToDouble(t -> t.margin[l]).sum() / n,
                    Arrays.stream(siblings).average().orElse(0),
                    share(n, u -> siblings[u] == 1),
                    vacuous));
            tokenRanks[level] = new int[model.space().width(level)];
            for (Trace t : traces) tokenRanks[level][t.levelRank[l] - 1]++;
        }
        int[] firstDropped = new int[levels];
        int never = 0, inExactTop = 0, pruned = 0, siblingViolations = 0, levelViolations = 0, gained = 0;
        double exactNdcg = 0, beamNdcg = 0;
        for (Trace t : traces) {
            int level = 0;
            while (level < levels && t.survives(level)) level++;
            if (level == levels) never++;
            else firstDropped[level]++;
            boolean exact = t.prefixRank[last] <= beam, found = t.survives(last);
            if (exact) inExactTop++;
            if (!exact && found) gained++;
            if (exact && !found) {
                pruned++;
                if (Arrays.stream(t.siblingRank).anyMatch(r -> r > beam)) siblingViolations++;
                if (Arrays.stream(t.levelRank).anyMatch(r -> r > beam)) levelViolations++;
            }
            int depth = Math.min(10, beam);
            exactNdcg += RankMetric.NDCG.at(depth, t.prefixRank[last]);
            beamNdcg += RankMetric.NDCG.at(depth, t.beamRank());
        }
        return new Diagnostics(
                run,
                name,
                split,
                n,
                questions,
                beam,
                List.copyOf(byLevel),
                firstDropped,
                never,
                byLevel.getLast().exactTopSurvival(),
                share(n, u -> Arrays.stream(traces[u].siblingRank).allMatch(r -> r <= beam)),
                new Diagnostics.Pruning(
                        inExactTop,
                        pruned,
                        ratio(pruned, inExactTop),
                        ratio(siblingViolations, pruned),
                        ratio(levelViolations, pruned)),
                new Diagnostics.Losses(
                        (double) inExactTop / n,
                        (double) never / n,
                        1 - (double) inExactTop / n,
                        (double) pruned / n,
                        (double) gained / n,
                        exactNdcg / n,
                        beamNdcg / n),
                certified(traces),
                tokenRanks,
                prefixWeights);
    }

    /**
     * Where the condition to be among the B likeliest siblings holds of itself.
     *
     * @return for each level and width B, the share of the targets that have at most B siblings, themselves counted
     */
    static double[][] vacuous(ItemTrie trie, int[] targets, int[] widths) {
        double[][] shares = new double[trie.levels()][widths.length];
        for (int level = 0; level < shares.length; level++) {
            for (int w = 0; w < widths.length; w++) {
                int l = level, width = widths[w];
                shares[level][w] = share(targets.length, t -> trie.children(trie.node(targets[t], l)) <= width);
            }
        }
        return shares;
    }

    private static Double ratio(int part, int whole) {
        return whole == 0 ? null : (Double) ((double) part / whole);
    }

    private static double share(int n, java.util.function.IntPredicate holds) {
        return (double) IntStream.range(0, n).filter(holds).count() / n;
    }

    private static double median(int[] values) {
        Arrays.sort(values);
        int n = values.length;
        return (values[(n - 1) / 2] + values[n / 2]) / 2.0;
    }

    private static List<Diagnostics.Weights> prefixWeights(RunFolder run) {
        List<Diagnostics.Weights> all = new ArrayList<>();
        for (JsonNode epoch : new MetricsLog(run, Train.MODEL.metrics()).read()) {
            JsonNode list = epoch.path("prefixWeights");
            double[] weights = new double[list.size()];
            for (int m = 0; m < weights.length; m++) weights[m] = list.get(m).asDouble();
            if (weights.length > 0) all.add(new Diagnostics.Weights(epoch.path("epoch").asInt(), weights));
        }
        return all;
    }
}
