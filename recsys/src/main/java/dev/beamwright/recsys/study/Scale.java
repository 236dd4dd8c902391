package dev.beamwright.recsys.study;

import dev.beamwright.autograd.Tape;
import dev.beamwright.recsys.data.Case;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.decode.BeamSearch;
import dev.beamwright.recsys.decode.Guide;
import dev.beamwright.recsys.decode.PathScorer;
import dev.beamwright.recsys.decode.Query;
import dev.beamwright.recsys.decode.Search;
import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.prm.ProcessRewardModel;
import dev.beamwright.recsys.rank.RankMetric;
import dev.beamwright.recsys.run.Chart;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The stage that measures what more computation at serving buys: plain beams of several widths, and beams that are
 * widened and pruned by a process reward model.
 */
public final class Scale {
    private static final int WARM_UP = 64; // users who are searched for before time is taken

    /**
     * What to measure.
     *
     * @param split {@code test} or {@code validation}
     * @param users how many are asked, drawn at random; 0 for all
     * @param k depth of recall and NDCG
     * @param beam K of the widened beams
     * @param widths of the plain beams
     * @param widened the widened beams
     * @param searches other searches for k items
     * @param repeats how often each is timed; the shortest time counts
     * @param batch users that are searched for at once
     * @param seed of the draw
     */
    public record Config(
            String split,
            int users,
            int k,
            int beam,
            List<Integer> widths,
            List<Widening> widened,
            List<Other> searches,
            int repeats,
            int batch,
            long seed) {
        public Config {
            if (!split.equals("test") && !split.equals("validation")) {
                throw new UserError("there is no split '" + split + "'; choose test or validation");
            }
            if (users < 0) throw new UserError("--users " + users + ": must be 0 (all) or more");
            if (k < 1 || beam < 1 || repeats < 1 || batch < 1) {
                throw new UserError("-k, --beam, --repeats and --batch-size must be at least 1");
            }
            for (int w : widths) if (w < 1) throw new UserError("--beams " + w + ": must be at least 1");
        }
    }

    /** Another search than a plain or widened beam, such as a best-first search with so many prefixes in a round. */
    public record Other(SearchConfig.Kind kind, int beamSize, SearchConfig.Limits limits) {
        String name() {
            return switch (kind) {
                case BEAM, ADAPTIVE -> kind + " " + beamSize;
                case BEST_FIRST -> kind + ", " + limits.together() + " together";
                case EXACT -> "exact";
            };
        }
    }

    private final Config config;
    private final Backend backend;
    private final Recommender recommender;
    private final ItemTrie trie;
    private final List<Case> asked;
    private final ProcessRewardModel prm; // or null
    private final ConcurrentLinkedQueue<Workspace> idle = new ConcurrentLinkedQueue<>();

    private Scale(Config config, Backend backend, Recommender recommender, List<Case> asked, ProcessRewardModel prm) {
        this.config = config;
        this.backend = backend;
        this.recommender = recommender;
        this.trie = recommender.model().space().trie();
        this.asked = asked;
        this.prm = prm;
    }

    /**
     * Measures a run, and writes {@code scaling.json}. A run without a process reward model is measured with plain beams
     * only.
     */
    public static Scaling run(Config config, RunFolder run, Backend backend, Progress progress) {
        try (var recommender = Recommender.load(run, backend)) {
            Prepared prepared = Prepared.load(run);
            List<Case> all =
                    config.split().equals("test") ? prepared.split().test() : prepared.split().validation();
            if (all.isEmpty()) throw new UserError("there are no " + config.split() + " questions in this run");
            List<Case> asked = Case.some(all, config.users(), Key.of(config.seed()).fold("scale"));
            ProcessRewardModel prm = recommender.hasPrm() && !config.widened().isEmpty() ? recommender.prm() : null;
            var scale = new Scale(config, backend, recommender, asked, prm);
            Scaling found = new Scaling(
                    run.root().getFileName().toString(),
                    recommender.name(),
                    recommender.model().size(),
                    prm == null ? 0 : prm.size(),
                    config.split(),
                    asked.size(),
                    all.size(),
                    config.k(),
                    config.beam(),
                    config.batch(),
                    scale.points(progress));
            run.saveConfig("scale", config);
            Json.write(run.file(RunFolder.SCALING), found);
            return found;
        }
    }

    private List<Scaling.Point> points(Progress progress) {
        List<Trial> trials = new ArrayList<>();
        for (int width : config.widths()) {
            trials.add(new Trial("plain " + width, recommender.search(width, null)));
        }
        for (Other other : config.searches()) {
            trials.add(new Trial(other.name(), recommender.search(other.beamSize(), null)
                    .withKind(other.kind()).withItems(config.k()).withLimits(other.limits())));
        }
        if (prm != null) {
            for (Widening w : config.widened()) {
                trials.add(new Trial(name(w), recommender.search(config.beam(), w)));
            }
        }
        long total = (long) trials.size() * config.repeats() * asked.size();
        try (Progress.Bar bar = progress.start("searching", total)) {
            var done = new AtomicInteger();
            for (Trial s : trials) s.all(Math.min(WARM_UP, asked.size()), null, 0);
            // The repeats go round all searches, so that a busy moment of the machine does not meet one of them alone.
            for (int r = 0; r < config.repeats(); r++) {
                for (Trial s : trials) s.all(asked.size(), bar, done.getAndAdd(asked.size()));
            }
        } finally {
            for (Workspace w = idle.poll(); w != null; w = idle.poll()) w.close();
        }
        return trials.stream().map(Trial::point).toList();
    }

    private String name(Widening w) {
        String plus = String.join(",", w.widen().stream().map(String::valueOf).toList());
        return "K " + config.beam() + ", K+ " + plus
                + (w.keep() == 0 ? "" : ", K' " + w.keep())
                + ", order " + w.order().name().toLowerCase(java.util.Locale.ROOT)
                + (w.order() == Widening.Order.SUM && w.beta() != 1 ? " / " + w.beta() : "")
                + (w.levels().isEmpty()
                        ? ""
                        : ", PRM at level "
                                + String.join("+", w.levels().stream().map(String::valueOf).toList()));
    }

    /** One way to search, and what came of it. */
    private final class Trial {
        private final String name;
        private final SearchConfig how;
        private final int[] ranks; // of each target among the items, from 1; 0 for none
        private final int[][] prefixRanks, rows; // by user and level: of the target's prefix; paths not decided
        private final double[] paths; // by user
        private final boolean[] certified; // by user; null where nothing is proved
        private CountingModel counting; // of other searches than beams
        private double seconds = Double.POSITIVE_INFINITY;

        Trial(String name, SearchConfig how) {
            this.name = name;
            this.how = how;
            if (beam()) beam(0); // refuses what does not go together before anything is measured
            ranks = new int[asked.size()];
            prefixRanks = new int[asked.size()][trie.levels()];
            rows = new int[asked.size()][trie.levels()];
            paths = new double[asked.size()];
            certified = how.guide() == null ? new boolean[asked.size()] : null;
        }

        private boolean beam() {
            return how.kind() == SearchConfig.Kind.BEAM;
        }

        /** A beam that counts what is scored for each user, the first of whom has this number. */
        private BeamSearch beam(int first) {
            if (how.guide() == null) return new BeamSearch(recommender.model(), how);
            PathScorer counting = (tape, prompts) -> {
                PathScorer.Session session = how.guide().scorer().begin(tape, prompts);
                return (nodes, offsets) -> {
                    for (int u = 0; u + 1 < offsets.length; u++) paths[first + u] += offsets[u + 1] - offsets[u];
                    return session.score(nodes, offsets);
                };
            };
            return new BeamSearch(
                    recommender.model(), how.withGuide(new Guide(how.guide().widening(), counting)));
        }

        /** Searches for the first so many users. */
        void all(int users, Progress.Bar bar, int before) {
            Arrays.fill(paths, 0);
            counting = new CountingModel(recommender.model());
            Search other = beam() ? null : how.search(counting, backend);
            long began = System.nanoTime();
            int batches = (users + config.batch() - 1) / config.batch();
            var done = new AtomicInteger(before);
            Parallel.run(batches, b -> {
                int from = b * config.batch(), to = Math.min(users, from + config.batch());
                List<Case> cases = asked.subList(from, to);
                Query query = Query.of(
                        cases.stream().map(Case::history).toList(), cases.stream().mapToInt(Case::user).toArray());
                Workspace memory = idle.poll();
                if (memory == null) memory = new Workspace();
                List<Search.Result> found =
                        beam() ? beam(memory, query, from) : other.search(backend, memory, query);
                for (int u = from; u < to; u++) {
                    ranks[u] = 1 + indexOf(found.get(u - from).items(), asked.get(u).target());
                    if (certified != null) certified[u] = found.get(u - from).certified(config.k());
                }
                idle.add(memory);
                if (bar != null) bar.step(done.addAndGet(to - from), name);
            });
            if (users == asked.size()) seconds = Math.min(seconds, (System.nanoTime() - began) / 1e9);
        }

        private List<Search.Result> beam(Workspace memory, Query query, int first) {
            try (Tape tape = Tape.inference(backend, memory)) {
                return beam(first).search(tape, query, (u, depth, beam) -> level(first + u, depth, beam.nodes()));
            }
        }

        private void level(int user, int depth, int[] beam) {
            rows[user][depth - 1] = (int) Arrays.stream(beam).filter(n -> !how.likelihood().certain(trie, n)).count();
            prefixRanks[user][depth - 1] = 1 + indexOf(beam, trie.node(asked.get(user).target(), depth));
        }

        Scaling.Point point() {
            int users = asked.size(), levels = trie.levels();
            double recall = 0, ndcg = 0, flops = 0, decoderRows = 0;
            double[] prefix = new double[levels], kept = new double[levels];
            int[] widths = new int[levels];
            boolean children = recommender.config().model().backbone().equals(ModelConfig.ITEM);
            for (int l = 0; l < levels; l++) {
                widths[l] = children
                        ? Math.ceilDiv(trie.nodesAt(l + 1), trie.nodesAt(l))
                        : recommender.model().space().width(l);
            }
            for (int u = 0; u < users; u++) {
                recall += RankMetric.RECALL.atIndex(config.k(), ranks[u] - 1) / users;
                ndcg += RankMetric.NDCG.atIndex(config.k(), ranks[u] - 1) / users;
                double[] from = new double[levels]; // paths that are gone on from
                for (int l = 0; l < levels; l++) {
                    if (prefixRanks[u][l] > 0) kept[l] += 1.0 / users;
                    if (prefixRanks[u][l] > 0 && prefixRanks[u][l] <= config.beam()) prefix[l] += 1.0 / users;
                    if (beam()) from[l] = l == 0 ? 1 : rows[u][l - 1];
                    else from[l] = (double) counting.rows().get(l) / users;
                    decoderRows += from[l] / users;
                }
                int items = Math.min(asked.get(u).position(), recommender.model().maxItems());
                double tokens = 1 + (double) items * recommender.model().rowsPerItem();
                var model = recommender.config().model();
                flops += model.flops(tokens, from, widths) / users;
                if (!beam()) { // some histories are read several times
                    double again = (double) counting.rows().get(levels) / users - 1;
                    flops += again * model.flops(tokens, new double[levels], widths) / users;
                }
                if (how.guide() != null) flops += prm.flops(tokens, paths[u]) / users;
            }
            return new Scaling.Point(
                    name, how.kind(), how.beamSize(), how.guide() == null ? null : how.guide().widening(), recall, ndcg,
                    beam() ? prefix : new double[0], beam() ? kept : new double[0], 1000 * seconds / users, flops,
                    decoderRows, Arrays.stream(paths).sum() / users, certified == null
                            ? null
                            : (Double) (IntStream.range(0, users).filter(u -> certified[u]).count() / (double) users));
        }
    }

    private static int indexOf(int[] all, int one) {
        for (int i = 0; i < all.length; i++) if (all[i] == one) return i;
        return -1;
    }

    /** Charts of several runs: by name, quality against time, computation and candidates. */
    public static Map<String, Chart> charts(List<Scaling> all) {
        Map<String, Chart> charts = new LinkedHashMap<>();
        int k = all.getFirst().k();
        Map<String, ToDoubleFunction<Scaling.Point>> costs = new LinkedHashMap<>();
        costs.put("milliseconds of a user", Scaling.Point::milliseconds);
        costs.put("MFLOP of a user", p -> p.flops() / 1e6);
        Map<String, ToDoubleFunction<Scaling.Point>> qualities = new LinkedHashMap<>();
        qualities.put("Recall@" + k, Scaling.Point::recall);
        qualities.put("NDCG@" + k, Scaling.Point::ndcg);
        costs.forEach((cost, x) -> qualities.forEach((quality, y) -> {
            List<Chart.Line> lines = new ArrayList<>();
            for (Scaling s : all) {
                line(lines, s.run() + ", plain beam", s, false, x, y);
                line(lines, s.run() + ", K " + s.beam() + ", widened", s, true, x, y);
            }
            String file = "scaling-" + quality.replaceAll("@.*", "").toLowerCase(java.util.Locale.ROOT)
                    + (cost.startsWith("milli") ? "-time" : "-flops");
            charts.put(file, new Chart(quality + " by " + cost, cost, quality, lines));
        }));
        List<Chart.Line> lines = new ArrayList<>();
        for (Scaling s : all) {
            for (int l = 0; l < s.points().getFirst().prefixRecall().length; l++) {
                int level = l;
                line(lines, s.run() + ", level " + (l + 1), s, true, p -> p.widening().widen().getFirst(),
                        p -> p.prefixRecall()[level]);
            }
        }
        if (!lines.isEmpty()) {
            charts.put("scaling-candidates", new Chart(
                    "Recall of prefixes among the first " + all.getFirst().beam() + " paths", "candidates K+",
                    "HRecall", lines));
        }
        return charts;
    }

    /** A line through the plain points, or through those that differ in K+ alone. */
    private static void line(
            List<Chart.Line> lines,
            String name,
            Scaling s,
            boolean widened,
            ToDoubleFunction<Scaling.Point> x,
            ToDoubleFunction<Scaling.Point> y) {
        Widening first =
                s.points().stream().map(Scaling.Point::widening).filter(w -> w != null).findFirst().orElse(null);
        List<Scaling.Point> points = s.points().stream()
                .filter(p -> widened ? p.widening() != null && sameBut(p.widening(), first) : p.plain())
                .toList();
        if (points.isEmpty()) return;
        lines.add(new Chart.Line(
                name, points.stream().mapToDouble(x).toArray(), points.stream().mapToDouble(y).toArray()));
    }

    private static boolean sameBut(Widening a, Widening b) {
        return a.keep() == b.keep() && a.order() == b.order() && a.beta() == b.beta() && a.levels().equals(b.levels());
    }
}
