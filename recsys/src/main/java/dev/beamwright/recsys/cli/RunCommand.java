package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.data.Prepared;
import dev.beamwright.recsys.evaluate.Evaluate;
import dev.beamwright.recsys.evaluate.EvaluateConfig;
import dev.beamwright.recsys.evaluate.ScoreCard;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import dev.beamwright.recsys.serve.Recommender;
import dev.beamwright.recsys.train.Train;
import dev.beamwright.recsys.train.TrainConfig;
import dev.beamwright.tensor.Backend;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/** {@code beamwright run}: the whole road, from a file of interactions to recommendations. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Run the full pipeline: prepare, tokenize, train, evaluate, recommend.",
            "Without --data: on the bundled MovieTweetings 100k, its 10-core, for 15 epochs.",
            "What an earlier call has finished with the same settings is not done again, so a run that was interrupted"
                    + " resumes where it was stopped."
        },
        footer = {
            "",
            "Examples:",
            "  beamwright run",
            "  beamwright run --data my.tsv --items items.tsv --out my-run"
        })
final class RunCommand implements Callable<Integer> {
    /** Epochs on the bundled data unless others are asked for: a first look should take minutes. */
    private static final int BUNDLED_EPOCHS = 15;

    @Spec
    private CommandSpec spec;

    @Mixin
    private PrepareCommand.DataOptions data;

    @Section.In(Section.OUTPUT)
    @Option(
            names = "--out",
            paramLabel = "RUN",
            defaultValue = "run",
            description = "Make the run in this folder. Default: ${DEFAULT-VALUE}.")
    private Path out;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private TrainingOptions training;

    @Mixin
    private DeviceOption device;

    @Section.In(Section.PROTOCOL)
    @Option(
            names = "--baselines",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "popularity,markov,markov-decayed,item-knn",
            description = "Compare the model with these baselines. Default: ${DEFAULT-VALUE}.")
    private List<String> baselines;

    @Section.In(Section.REQUEST)
    @Option(
            names = "--user",
            paramLabel = "ID",
            description = "Recommend for this user at the end. Default: the first user.")
    private String user;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print score card and recommendations as one JSON object.")
    private boolean json;

    /** What {@code --json} prints. */
    record Result(String run, double seconds, ScoreCard scorecard, RecommendCommand.Answer recommendations) {}

    @Override
    public Integer call() {
        if (training.objective.help() != null) {
            spec.commandLine().getOut().print(training.objective.help());
            spec.commandLine().getOut().flush();
            return Main.OK;
        }
        long began = System.nanoTime();
        Progress progress = StopRequest.progress();
        RunFolder run = new RunFolder(out);
        Backend backend = device.open(); // a device that is missing should be told before the work, not after

        Integer epochs = data.config().data() == null ? BUNDLED_EPOCHS : null;
        training.config(seed, epochs); // and so should words that mean nothing
        Evaluate.check(baselines);

        try (var _ = run.lock()) {
            PrepareConfig prepare = data.config();
            List<Path> files = Stream.of(prepare.data(), prepare.items()).filter(f -> f != null).map(Path::of).toList();
            if (begin(run, "prepare", prepare, isNewer(run, RunFolder.AUDIT, files), progress)) {
                progress.say(Prepare.run(prepare, run, progress).table());
            }
            if (user != null) number(Prepared.load(run).data());
            TokenizeConfig tokenize = TokenizeConfig.defaults(seed);
            if (run.has(RunFolder.SEMANTIC_IDS)
                    && !sameButForTheSeed(tokenize, run.config("tokenize", TokenizeConfig.class))) {
                progress.say("== tokenize: done before, with settings of its own (config/tokenize.json), which stay");
            } else if (begin(run, "tokenize", tokenize, run.has(RunFolder.SEMANTIC_IDS), progress)) { // semantic IDs keep a run to its data
                progress.say(Tokenize.run(tokenize, run, progress).text());
            }
            TrainConfig train = training.config(seed, epochs, run);
            progress.say("== train"); // knows by itself whether it is done, or where to go on
            Train.run(train, run, backend, false, progress);

            EvaluateConfig evaluate = EvaluateConfig.usual(baselines, seed);
            boolean measured = isNewer(run, RunFolder.SCORECARD, List.of(run.file(RunFolder.SEMANTIC_IDS)))
                    && measuresTheModel(run);
            if (begin(run, "evaluate", evaluate, measured, progress)) {
                EvaluateCommand.measure(evaluate, run, train.decoding().beamSize(), device, progress);
            }
        }
        ScoreCard card = Json.read(run.file(RunFolder.SCORECARD), ScoreCard.class);
        progress.say("== recommend");
        print(run, backend, card, began);
        return Main.OK;
    }

    private void print(RunFolder run, Backend backend, ScoreCard card, long began) {
        try (var recommender = Recommender.load(run, backend)) {
            Dataset dataset = recommender.data();
            int u = number(dataset);
            int[] sequence = dataset.sequences()[u];
            var best = recommender
                    .recommend(new int[][] {sequence}, new int[] {u}, 10, Recommender.Options.DEFAULT, null)
                    .getFirst();
            List<String> history =
                    Arrays.stream(sequence).mapToObj(i -> dataset.items().get(i)).toList();
            var answer = new RecommendCommand.Answer(dataset.users().get(u), history, best);
            double seconds = (System.nanoTime() - began) / 1e9;
            PrintWriter print = spec.commandLine().getOut();
            if (json) {
                print.println(Json.line(new Result(out.toString(), seconds, card, answer)));
            } else {
                print.println(card.table());
                print.println(RecommendCommand.text(dataset, answer));
                print.printf(Locale.ROOT, "%.0f s; all files are in %s%n", seconds, out);
            }
            print.flush();
        }
    }

    /** The number of the user for whom is recommended at the end. */
    private int number(Dataset dataset) {
        int u = user == null ? 0 : dataset.users().indexOf(user);
        if (u < 0) throw new UserError("there is no user '" + user + "' in this run; data/sequences.tsv lists them");
        return u;
    }

    /** Whether semantic IDs were made as this command makes them, not by somebody with wishes of their own. */
    private static boolean sameButForTheSeed(TokenizeConfig usual, TokenizeConfig stored) {
        return agrees(usual, Json.tree(stored.withSeed(usual.seed())));
    }

    /**
     * Says what stage is next, and whether there is anything to do: there is not if its result is there, and was made with
     * these settings.
     */
    private static boolean begin(
            RunFolder run, String stage, Object settings, boolean there, Progress progress) {
        boolean done = there
                && run.has(RunFolder.config(stage))
                && agrees(settings, Json.readTree(run.file(RunFolder.config(stage))));
        progress.say("== " + stage + (done ? ": done before, with the same settings" : ""));
        return !done;
    }

    /** Whether these settings are those that were stored; {@code tokenize} decides itself what was left open (null). */
    private static boolean agrees(Object settings, JsonNode stored) {
        return agrees(Json.tree(settings), stored, settings instanceof TokenizeConfig);
    }

    private static boolean agrees(JsonNode settings, JsonNode stored, boolean open) {
        if (!settings.isObject()) return settings.equals(stored) || open && settings.isNull();
        return settings.properties().stream().allMatch(p -> agrees(p.getValue(), stored.path(p.getKey()), open));
    }

    /** Whether a result is there, and was not written before what it is made of. */
    private static boolean isNewer(RunFolder run, String result, List<Path> inputs) {
        return run.has(result) && inputs.stream().allMatch(i -> time(i).compareTo(time(run.file(result))) <= 0);
    }

    /** Whether the score card is of the best model that is there. */
    private static boolean measuresTheModel(RunFolder run) {
        ScoreCard card = Json.read(run.file(RunFolder.SCORECARD), ScoreCard.class);
        return card.files().containsKey(RunFolder.BEST) && card.outdated(run).isEmpty();
    }

    /** When a file was last written; a file that is not there is the reader's to complain of. */
    private static FileTime time(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            return FileTime.fromMillis(Long.MAX_VALUE);
        }
    }
}
