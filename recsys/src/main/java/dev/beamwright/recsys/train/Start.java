package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.RunInfo;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.io.AtomicFile;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * How a second stage of training begins: a trained run is copied into a run of its own, which stands alone from then on.
 * The copy of the model is the last file to be written; without it the copy is made again.
 *
 * @param from the folder of the trained run
 * @param checksum SHA-256 of its best model's file
 */
public record Start(String from, String checksum) {
    private static final String CONFIG = RunFolder.config("start");

    /** What follows a stage's name where it was an earlier one of that kind, in {@code run.json} and {@code config/}. */
    public static final String EARLIER = "-before";

    /** How {@code run.json} calls the training before the one of this run. */
    public static final String BEFORE = "train" + EARLIER;

    /** How {@code run.json} and {@code config/} call training by rollouts. */
    public static final String ROLLOUTS = "reinforce";

    /** Whether a run is one of a second stage, and all that it begins from is there. */
    public static boolean isComplete(RunFolder run) {
        if (run.has(CONFIG) && !run.has(RunFolder.START)) {
            throw new UserError(run.root() + ": was not copied to its end from the run it begins from; give --from "
                    + Json.read(run.file(CONFIG), Start.class).from() + " again");
        }
        return run.has(RunFolder.START);
    }

    /**
     * Makes the run of a second stage, unless that was done before.
     *
     * @param from has a trained model, and stays as it is
     * @param to an empty folder, or none, or one that was begun so before
     * @param train what the new run's {@code config/train.json} holds
     * @param restart whether it is made anew if it was made before
     */
    public static void make(RunFolder from, RunFolder to, TrainConfig train, boolean restart) {
        if (from.root().toAbsolutePath().normalize().equals(to.root().toAbsolutePath().normalize())) {
            throw new UserError(to.root() + ": is the run to start from; give the folder of a new run for the result");
        }
        var start = new Start(from.root().toString(), Hash.sha256(from.need(RunFolder.BEST, "train")));
        if (to.has(CONFIG)) {
            Start before = Json.read(to.file(CONFIG), Start.class);
            if (!restart && !before.checksum.equals(start.checksum)) {
                throw new UserError(to.root() + ": was begun from another model, that of " + before.from
                        + "; give that, or --restart to begin anew, or another folder");
            }
            if (!restart && to.has(RunFolder.START)) {
                if (!to.hasModel()) to.saveConfig("train", train); // where it has, training says whether they agree
                return;
            }
        } else if (!to.has(RunFolder.START) && !isEmpty(to.root())) {
            throw new UserError(
                    to.root() + ": is a run already, or holds other files; give a new folder for the result, which"
                            + " gets data and semantic IDs from " + from.root());
        }
        try {
            for (String part : List.of("model", "predictions")) deleteFiles(to.file(part));
            Files.deleteIfExists(to.file(RunFolder.SCORECARD));
            Json.write(to.file(CONFIG), start);
            for (String part : List.of("data", "tokens")) copyFiles(from.file(part), to.file(part));
            for (String stage : List.of("prepare", "tokenize")) {
                String config = RunFolder.config(stage);
                if (from.has(config)) copy(from.file(config), to.file(config));
            }
            boolean goesOn = train.equals(from.config("train", TrainConfig.class)); // with a stage of another kind
            if (goesOn) {
                RunInfo.copy(from, to, List.of("prepare", "tokenize", BEFORE, "train"));
            } else {
                RunInfo.copy(from, to, List.of("prepare", "tokenize"));
                RunInfo.write(to, BEFORE, before(from));
            }
            copyRollouts(from, to);
            to.saveConfig("train", train);
            copy(from.file(RunFolder.BEST), to.file(RunFolder.START));
        } catch (IOException e) {
            throw new UserError(to.root() + ": the run " + from.root() + " cannot be copied into it: " + e, e);
        }
    }

    /** What is noted of rollouts that the model has behind it: their settings, and how long they took. */
    private static void copyRollouts(RunFolder from, RunFolder to) throws IOException {
        for (String old = ROLLOUTS + EARLIER; to.has(config(old)); old += EARLIER) Files.delete(to.file(config(old)));
        for (String stage = ROLLOUTS; from.has(config(stage)); stage += EARLIER) {
            copy(from.file(config(stage)), to.file(config(stage + EARLIER)));
            JsonNode seconds = RunInfo.read(from, stage).path("trainingSeconds");
            if (seconds.isNumber()) {
                RunInfo.write(to, stage + EARLIER, Map.of("trainingSeconds", seconds.asDouble()));
            }
        }
    }

    private static String config(String stage) {
        return RunFolder.config(stage);
    }

    /** What is noted of the training that goes on here: where it was, and how long it took if that is known. */
    private static Map<String, Object> before(RunFolder from) {
        JsonNode last = RunInfo.read(from, "train").path("trainingSeconds"),
                first = RunInfo.read(from, BEFORE).path("trainingSeconds");
        boolean known =
                last.isNumber() && (first.isNumber() || from.config("train", TrainConfig.class).first() == null);
        return known
                ? Map.of("from", from.root().toString(), "trainingSeconds", last.asDouble() + first.asDouble(0))
                : Map.of("from", from.root().toString());
    }

    private static boolean isEmpty(Path folder) {
        if (!Files.exists(folder)) return true;
        Path lock = folder.resolve(RunFolder.LOCK);
        try (var all = Files.walk(folder)) {
            return all.allMatch(path -> Files.isDirectory(path) // the others: where an earlier try was killed
                    || AtomicFile.isTemporary(path)
                    || path.equals(lock));
        } catch (IOException e) {
            throw new UserError(folder + ": cannot be read as a folder: " + e, e);
        }
    }

    private static void copyFiles(Path from, Path to) throws IOException {
        try (var files = Files.list(from)) {
            for (Path f : files.filter(Files::isRegularFile).sorted().toList()) copy(f, to.resolve(f.getFileName()));
        }
    }

    private static void deleteFiles(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) return;
        try (var files = Files.list(folder)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) Files.delete(f);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (AtomicFile out = AtomicFile.open(to)) {
            Files.copy(from, Channels.newOutputStream(out.channel()));
            out.commit();
        }
    }
}
