package dev.beamwright.recsys.train;

import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** How a second stage of training begins: a trained run is copied into a run of its own, which stands alone from then on. */
public final class Start {
    /** The best model of the run that was begun from. */
    public static final String FILE = "model/start.safetensors";

    private static final String BEST = "model/best.safetensors";

    private Start() {}

    /**
     * Copies everything of a run but what was measured.
     *
     * @param begun whether {@code to} was begun so before; another trained run is not overwritten
     */
    public static void copy(RunFolder from, RunFolder to, boolean begun) {
        if (from.root().toAbsolutePath().normalize().equals(to.root().toAbsolutePath().normalize())) {
            throw new UserError(to.root() + ": is the run to start from; give the folder of a new run for the result");
        }
        RunFolder.open(from.root());
        Path best = from.need(BEST, "train");
        if (to.hasModel() && !begun) {
            throw new UserError(to.root() + ": is a trained run already; give the folder of a new run for the result");
        }
        try {
            for (String part : List.of("config/prepare.json", "config/tokenize.json", "config/train.json",
                    "run.json")) {
                if (from.has(part)) copy(from.file(part), to.file(part));
            }
            for (String part : List.of("data", "tokens")) {
                try (var files = Files.list(from.file(part))) {
                    for (Path f : files.sorted().toList()) {
                        if (Files.isRegularFile(f)) copy(f, to.file(part).resolve(f.getFileName()));
                    }
                }
            }
            copy(best, to.file(FILE));
        } catch (IOException e) {
            throw new UserError(to.root() + ": the run " + from.root() + " cannot be copied into it: " + e, e);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
}
