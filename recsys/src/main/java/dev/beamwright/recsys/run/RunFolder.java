package dev.beamwright.recsys.run;

import dev.beamwright.tensor.io.AtomicFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * The folder of one run. Each stage reads the files of the stages before it and writes its own:
 *
 * <pre>
 * prepare    config/prepare.json   data/items.tsv  data/sequences.tsv  data/split.json  data/audit.json
 * tokenize   config/tokenize.json  tokens/vectors.npy  tokens/semantic-ids.json  tokens/report.json
 * train      config/train.json     model/best.safetensors  model/last.safetensors  model/metrics.jsonl
 *                                  model/first-steps.json (their bits, for verify)
 *  second stage config/start.json    model/start.safetensors (the model it began from)
 *  by rollouts  config/reinforce.json  plots/&lt;chart&gt;.svg
 *                                  and of what came before, config/reinforce-before.json
 * evaluate   config/evaluate.json  scorecard.json  confidence.json  plots/&lt;chart&gt;-&lt;model&gt;.svg
 *            predictions/&lt;model&gt;-&lt;split&gt;.jsonl
 *                                  model/memory.json (the weight of a memory beside the model)
 *  networks    config/&lt;name&gt;.json     baselines/&lt;name&gt;.safetensors (baselines that are trained: sasrec)
 *                                  baselines/&lt;name&gt;-last.safetensors  and -metrics.jsonl  -first-steps.json
 *                                  baselines/&lt;name&gt;-memory.json (the weight of a memory beside it)
 *                                  baselines/&lt;name&gt;-last.safetensors  and -metrics.jsonl  -first-steps.json
 * diagnose   config/diagnose.json  diagnostics.json  plots/&lt;chart&gt;.svg
 * train-prm  config/train-prm.json  model/prm.safetensors  model/prm-last.safetensors  model/prm-metrics.jsonl
 *                                  model/prm-first-steps.json
 * scale      config/scale.json   scaling.json  plots/scaling-&lt;chart&gt;.svg
 * all        .lock (empty; by it a command keeps others away while it writes)
 * all        run.json: the format of these files; version, host and JDK of each stage, and what else it notes
 * </pre>
 *
 * <p>The files of the first stage are described at {@link dev.beamwright.recsys.data.Prepared}.
 */
public record RunFolder(Path root) {
    /** By it a command keeps others away. */
    public static final String LOCK = ".lock";

    /** Files of {@code prepare}. */
    public static final String ITEMS = "data/items.tsv", SEQUENCES = "data/sequences.tsv", SPLIT = "data/split.json",
            AUDIT = "data/audit.json";
    /** Files of {@code tokenize}. */
    public static final String VECTORS = "tokens/vectors.npy", SEMANTIC_IDS = "tokens/semantic-ids.json",
            ID_REPORT = "tokens/report.json";
    /** Files of {@code train}: the best and the last model, the one that a second stage began from, and logs. */
    public static final String BEST = "model/best.safetensors", LAST = "model/last.safetensors",
            START = "model/start.safetensors", MEMORY = "model/memory.json", METRICS = "model/metrics.jsonl",
            FIRST_STEPS = "model/first-steps.json";
    /** Files of {@code train-prm}. */
    public static final String PRM = "model/prm.safetensors", PRM_LAST = "model/prm-last.safetensors",
            PRM_METRICS = "model/prm-metrics.jsonl", PRM_FIRST_STEPS = "model/prm-first-steps.json";
    /** Results of {@code evaluate}, {@code diagnose} and {@code scale}. */
    public static final String SCORECARD = "scorecard.json", CONFIDENCE = "confidence.json",
            DIAGNOSTICS = "diagnostics.json", SCALING = "scaling.json";
    /** What {@link RunInfo} notes. */
    public static final String INFO = "run.json";

    /** Where a stage stores its settings. */
    public static String config(String stage) {
        return "config/" + stage + ".json";
    }

    /** A chart. */
    public static String plot(String name) {
        return "plots/" + name + ".svg";
    }

    /** What a model answered to the questions of a split. */
    public static String predictions(String model, String split) {
        return "predictions/" + model + "-" + split + ".jsonl";
    }

    /** A file of a baseline that is trained, such as {@code baselines/sasrec.safetensors}. */
    public static String baseline(String name, String ending) {
        return "baselines/" + name + ending;
    }

    /** An existing run. */
    public static RunFolder open(Path root) {
        if (!Files.isDirectory(root)) {
            throw new UserError(root + ": there is no such run folder; make one with 'beamwright prepare --out " + root
                    + "' or 'beamwright run --out " + root + "'");
        }
        var run = new RunFolder(root);
        RunInfo.requireFormat(run);
        return run;
    }

    /**
     * Keeps the folder for one command that writes there, until that is closed; makes it if it is not there. A command
     * that is killed keeps nothing, and the temporary files that it left behind are deleted.
     */
    public Lock lock() {
        RunInfo.requireFormat(this);
        Path file = file(LOCK);
        try {
            boolean made = !Files.exists(root);
            Files.createDirectories(root);
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
            try {
                if (channel.tryLock() == null) throw new OverlappingFileLockException();
                deleteTemporaries();
            } catch (OverlappingFileLockException e) {
                channel.close();
                throw new UserError(root + ": another beamwright command is at work there; wait until it is done", e);
            } catch (IOException e) {
                // a file system without locks
            }
            return new Lock(file, channel, made);
        } catch (IOException e) {
            throw new UserError(root + ": cannot be written to: " + e, e);
        }
    }

    private void deleteTemporaries() throws IOException {
        try (var all = Files.walk(root, 2)) {
            for (Path left : all.filter(AtomicFile::isTemporary).toList()) Files.delete(left);
        }
    }

    /** See {@link #lock()}. */
    public record Lock(Path file, FileChannel channel, boolean made) implements AutoCloseable {
        @Override
        public void close() {
            try (channel; var all = Files.list(file.getParent())) {
                if (!made || all.anyMatch(f -> !f.equals(file))) return; // the file stays: it may be another's already
                Files.delete(file);
                Files.delete(file.getParent()); // nothing came of it
            } catch (IOException e) {
                // what is left behind keeps nobody out
            }
        }
    }

    /**
     * The file of a stage, relative to the run's folder. A name may come from a file that was received, so one that leads
     * out of the folder is a {@link UserError}.
     */
    public Path file(String relative) {
        try {
            Path inside = Path.of(relative).normalize();
            if (!relative.isEmpty() && !inside.isAbsolute() && !inside.startsWith("..")) return root.resolve(relative);
        } catch (InvalidPathException e) {
            // no name of a file at all
        }
        throw new UserError(root + ": the name '" + Visible.line(relative)
                + "' in one of its files leads out of the run's folder; do not trust this run");
    }

    /** What helps where a file of a run is damaged. */
    static String remedy(Path file) {
        String name = file.getFileName().toString(), stage = STAGES.get(name);
        return stage != null ? "bring back a copy, or write it again with 'beamwright " + stage + "'"
                : name.endsWith("metrics.jsonl")
                        ? "bring back a copy, or delete it (its epochs are then missing from reports)"
                : "bring back a copy, or do the stage that writes it again";
    }

    private static final Map<String, String> STAGES = Map.ofEntries(
            Map.entry("prepare.json", "prepare"),
            Map.entry("items.tsv", "prepare"),
            Map.entry("sequences.tsv", "prepare"),
            Map.entry("split.json", "prepare"),
            Map.entry("audit.json", "prepare"),
            Map.entry("tokenize.json", "tokenize"),
            Map.entry("semantic-ids.json", "tokenize"),
            Map.entry("report.json", "tokenize"),
            Map.entry("train.json", "train --restart"),
            Map.entry("first-steps.json", "train --restart"),
            Map.entry("reinforce.json", "train --restart"),
            Map.entry("train-prm.json", "train-prm --restart"),
            Map.entry("evaluate.json", "evaluate"),
            Map.entry("scorecard.json", "evaluate"));

    /** A file that an earlier stage must have written. */
    public Path need(String relative, String stage) {
        Path file = file(relative);
        if (Files.notExists(file)) { // which it is not where it may not be looked at
            throw new UserError(
                    root + ": this run has no " + relative + " yet; 'beamwright " + stage + " " + root + "' writes it");
        }
        return file;
    }

    /** The settings of a stage, as it stored them. */
    public <T> T config(String stage, Class<T> type) {
        return Json.read(need(config(stage), stage), type);
    }

    /** Stores the effective settings of a stage. */
    public void saveConfig(String stage, Object settings) {
        Json.write(file(config(stage)), settings);
    }

    /** Whether training has begun here: from then on the model depends on what stands before it. */
    public boolean hasModel() {
        return has(LAST) || has(BEST);
    }

    /** Deletes a file, if it is there. */
    public void delete(String relative) {
        try {
            Files.deleteIfExists(file(relative));
        } catch (IOException e) {
            throw new UserError(file(relative) + ": cannot be deleted: " + e, e);
        }
    }

    /** Whether a stage has finished, told by the last file it writes. */
    public boolean has(String relative) {
        return Files.exists(file(relative));
    }
}
