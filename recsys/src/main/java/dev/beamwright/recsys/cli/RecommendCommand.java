package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.recsys.rank.SeenItems;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.serve.Advice;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.serve.Recommender.Recommendation;
import dev.beamwright.recsys.serve.Recommender.Recommended;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright recommend RUN}: what comes next for users of the run, or for a history given by hand. */
@Command(
        name = "recommend",
        mixinStandardHelpOptions = true,
        description = "Recommend items for users of the run, or for a history of item ids.",
        footer = {
            "",
            "Examples:",
            "  beamwright recommend RUN --user 42",
            "  beamwright recommend RUN --history 0114709,0137523 -k 5",
            "  beamwright recommend RUN --all > recommendations.jsonl",
            "  beamwright recommend RUN --user 42 --beam 50 --widen 200    (with a process reward model)"
        })
final class RecommendCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "Use the model of this run.")
    private Path run;

    @Section.In(Section.REQUEST)
    @Option(
            names = "--user",
            paramLabel = "ID",
            description = "Recommend for this user of the run, by the id of the file; repeatable.")
    private List<String> users;

    @Section.In(Section.REQUEST)
    @Option(
            names = "--history",
            paramLabel = "ID,ID,…",
            description = "Recommend for a history of item ids, oldest first; an id with a comma goes in an option of its own;"
                    + " repeatable.")
    private List<String> history;

    @Section.In(Section.REQUEST)
    @Option(names = "--all", description = "Recommend for all users of the run, one line of JSON for each.")
    private boolean all;

    @Section.In(Section.REQUEST)
    @Option(
            names = "-k",
            paramLabel = "N",
            defaultValue = "10",
            description = "Recommend N items. Default: ${DEFAULT-VALUE}.")
    private int k;

    @Section.In(Section.REQUEST)
    @Option(
            names = "--seen-items",
            paramLabel = "S",
            defaultValue = "prior",
            description = "Score items of the history by how likely people repeat in the training part (prior), leave them out"
                    + " (hidden), or treat them like all others (allowed). Default: ${DEFAULT-VALUE}.")
    private SeenItems seenItems;

    @Section.In(Section.SEARCH)
    @Option(names = "--no-memory", description = "Use the model alone, without a memory of what followed what.")
    private boolean noMemory;

    @Section.In(Section.REQUEST)
    @Option(
            names = "--eligible",
            paramLabel = "FILE",
            description = "Recommend only the items in FILE: item ids, one a line.")
    private Path eligible;

    @Mixin
    private ConfidenceOptions confidence;

    @Section.In(Section.CONFIDENCE)
    @Option(
            names = "--abstain-below",
            paramLabel = "C",
            defaultValue = "0",
            description = "Recommend nothing to a user of whose first item the model is less sure than C, and say so. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double abstainBelow;

    @Section.In(Section.SEARCH)
    @Option(
            names = "--checkpoint",
            paramLabel = "WHICH",
            defaultValue = "best",
            description = "Use the best (in validation) or last model. Default: ${DEFAULT-VALUE}.")
    private Recommender.Which checkpoint;

    @Mixin
    private SearchOptions search;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print one JSON object, or a list where several are asked for.")
    private boolean json;

    /**
     * What one user gets.
     *
     * @param user null for a history given by hand
     * @param abstains why nothing is recommended; null if something is
     * @param leftOut items that were not sure enough
     * @param certified whether the search found the items that the model scores best, see {@link Recommended}; null where
     *     it can prove nothing
     * @param bound the best score of what it left aside; null for nothing
     */
    record Answer(
            String user,
            List<String> history,
            List<Recommendation> items,
            String abstains,
            int leftOut,
            Boolean certified,
            Float bound) {
        /** Without a look at the confidence. */
        Answer(String user, List<String> history, Recommended found) {
            this(user, history, found.items(), null, 0, found.certified(), found.bound());
        }
    }

    @Override
    public Integer call() {
        if (k < 1) throw new UserError("-k " + k + ": ask for at least 1 item");
        if (!(abstainBelow >= 0 && abstainBelow <= 1)) {
            throw new UserError("--abstain-below " + abstainBelow + ": must be in 0 … 1, as confidences are");
        }
        if (all && (users != null || history != null)) {
            throw new UserError("--all is for all users of the run; leave out --user and --history");
        }
        boolean changed = confidence.changesLists();
        if (!all && users == null && history == null) {
            throw new UserError("recommend for whom? Give --user ID, --history ID,ID,… or --all");
        }
        // Not to be closed: file descriptor 1 is one that the JVM reads its classes from where it was started without.
        PrintWriter out = spec.commandLine().getOut();
        try (var recommender = Recommender.load(RunFolder.open(run), device.open(), checkpoint)) {
            if (changed) ConfidenceOptions.need(recommender, "--rank, --truncate-below");
            if (abstainBelow > 0) ConfidenceOptions.need(recommender, "--abstain-below");
            if (changed && search.widening() != null) {
                throw new UserError("--rank hybrid and --truncate-below go by log-probabilities; leave out --widen");
            }
            var options = new Recommender.Options(
                    search.beam(), seenItems, !noMemory, eligible == null ? null : eligible(recommender), search.kind(),
                    search.widening());
            if (!noMemory && search.widening() == null && !recommender.hasMemoryWeight()) {
                Progress.stderr()
                        .say("by the model alone: no weight has been chosen for a memory beside it; 'beamwright"
                                + " evaluate " + run + "' chooses one");
            }
            Dataset data = recommender.data();
            if (all) everyone(recommender, options, out);
            else print(out, data, answers(recommender, options));
        }
        out.flush();
        return Main.OK;
    }

    /** Of those who were named; that they are there is looked up before the work. */
    private List<Answer> answers(Recommender recommender, Recommender.Options options) {
        Dataset data = recommender.data();
        List<Integer> numbers = new ArrayList<>();
        for (String user : users == null ? List.<String>of() : users) {
            int u = data.users().indexOf(user);
            if (u < 0) {
                throw new UserError("there is no user '" + user + "' in this run; data/sequences.tsv lists them");
            }
            numbers.add(u);
        }
        List<Answer> answers = new ArrayList<>();
        if (history != null) {
            List<String> ids = history.stream()
                    .flatMap(h -> recommender.knows(h) ? Stream.of(h) : Stream.of(h.split(",")).map(String::strip))
                    .filter(id -> !id.isEmpty())
                    .toList();
            if (ids.isEmpty()) throw new UserError("--history '" + String.join(" ", history) + "': names no item");
            answers.add(answer(recommender, Sample.NOBODY, recommender.numbers(ids), options));
        }
        for (int u : numbers) answers.add(answer(recommender, u, data.sequences()[u], options));
        return answers;
    }

    private Answer answer(Recommender recommender, int user, int[] sequence, Recommender.Options options) {
        Recommended found = recommender
                .recommend(new int[][] {sequence}, new int[] {user}, k, options, null)
                .getFirst();
        String name = user == Sample.NOBODY ? null : recommender.data().users().get(user);
        return answer(recommender, name, sequence, found);
    }

    private Answer answer(Recommender recommender, String user, int[] sequence, Recommended found) {
        int levels = recommender.model().space().levels();
        Advice advice = Advice.of(found.items(), confidence.rule(k), levels, abstainBelow);
        return new Answer(
                user, ids(recommender.data(), sequence), advice.items(), advice.abstains(), advice.leftOut(),
                found.certified(), found.bound());
    }

    private void everyone(Recommender recommender, Recommender.Options options, PrintWriter out) {
        Dataset data = recommender.data();
        int[][] sequences = data.sequences();
        try (Progress.Bar bar = Progress.stderr().start("recommending", sequences.length)) {
            int chunk = 512;
            for (int from = 0; from < sequences.length; from += chunk) {
                int to = Math.min(sequences.length, from + chunk), done = from;
                List<Recommended> found = recommender.recommend(
                        Arrays.copyOfRange(sequences, from, to),
                        IntStream.range(from, to).toArray(),
                        k,
                        options,
                        n -> bar.step(done + n, ""));
                for (int u = from; u < to; u++) {
                    out.println(Json.line(
                            answer(recommender, data.users().get(u), sequences[u], found.get(u - from))));
                }
                if (out.checkError()) return; // whoever reads has gone, as head does; the main program says so
            }
        }
    }

    private void print(PrintWriter out, Dataset data, List<Answer> answers) {
        if (json) out.println(Json.line(answers.size() == 1 ? answers.getFirst() : answers));
        else for (Answer answer : answers) out.println(text(data, answer));
    }

    /** The answer for people: the end of the history, then the items. */
    static String text(Dataset data, Answer answer) {
        var s = new StringBuilder(answer.user() == null ? "history" : "user " + answer.user() + ", history");
        int n = answer.history().size(), from = Math.max(0, n - 5);
        s.append(" of ").append(n).append(" items, the last of them:\n");
        for (String item : answer.history().subList(from, n)) {
            s.append("    ").append(data.titles().get(data.items().indexOf(item))).append('\n');
        }
        if (answer.abstains() != null) return s.append("abstains: ").append(answer.abstains()).append('\n').toString();
        s.append("recommended:\n");
        for (Recommendation r : answer.items()) {
            s.append(String.format(Locale.ROOT, "%4d  %7.3f  ", r.rank(), r.score()));
            if (r.confidence() != null) s.append(String.format(Locale.ROOT, "sure %.3f  ", r.confidence()));
            s.append(String.format(Locale.ROOT, "%-12s  %s%n", r.item(), r.title()));
        }
        if (answer.leftOut() > 0)
            s.append("left out: ").append(answer.leftOut()).append(" that were not sure enough\n");
        return s.toString();
    }

    private static List<String> ids(Dataset data, int[] items) {
        return Arrays.stream(items).mapToObj(i -> data.items().get(i)).toList();
    }

    /** The items of the file; those are passed over that the run does not know, as the k-core may have dropped them. */
    private List<String> eligible(Recommender recommender) {
        List<String> listed = lines(eligible), known = listed.stream().filter(recommender::knows).toList();
        if (known.isEmpty()) {
            throw new UserError(eligible + ": none of its " + listed.size() + " items is in this run, such as '"
                    + listed.getFirst() + "'; data/items.tsv lists them");
        }
        if (known.size() < listed.size()) {
            Progress.stderr().say(String.format(
                    Locale.ROOT, "%s: %,d of its %,d items are not in this run", eligible,
                    listed.size() - known.size(), listed.size()));
        }
        return known;
    }

    private static List<String> lines(Path file) {
        List<String> ids = TextFile.lines(file).stream()
                .map(line -> line.replace("\uFEFF", "").strip())
                .filter(line -> !line.isEmpty())
                .toList();
        if (ids.isEmpty()) throw new UserError(file + ": no item id in it; nothing could be recommended");
        return ids;
    }
}
