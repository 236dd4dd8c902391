package dev.beamwright.benchmarks;

import dev.beamwright.benchmarks.Result.Goal;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.ResidualKMeans;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The stages before training: reading interactions, and quantizing item vectors. Each is measured as a user meets it. */
final class DataRows {
    private DataRows() {}

    static List<Row> all(boolean quick) {
        return List.of(
                kMeans(quick ? 5_000 : 100_000, quick ? 64 : 768).inRounds(1).cold(),
                prepare(quick ? 20_000 : 1_000_000).inRounds(3).cold());
    }

    /** Three levels of residual k-means over vectors that lie in some hundreds of clouds. */
    private static Row kMeans(int items, int columns) {
        int clouds = 500;
        return Row.of(
                "data", String.format("k-means, %,d x %d, 3 levels of 256", items, columns), items, "items/s",
                lab -> {
                    Tensor x = Tensor.zeros(lab.memory(), Shape.of(items, columns));
                    Key centers = Key.of(17), noise = Key.of(19);
                    Parallel.run(items, i -> {
                        long cloud = centers.below(-1 - i, clouds);
                        for (int c = 0; c < columns; c++) {
                            double center = centers.uniform(cloud * columns + c),
                                    own = noise.uniform((long) i * columns + c);
                            x.set((long) i * columns + c, (float) (center + own - 1));
                        }
                    });
                    return lab.ours((backend, _) -> () -> {
                        try (Arena memory = Arena.ofShared()) {
                            new ResidualKMeans(new int[] {256, 256, 256})
                                    .quantize(x, backend, Key.of(1), memory, Progress.silent());
                        }
                    }, false).subList(0, 1);
                },
                new Goal("", 60));
    }

    /** The stage {@code prepare} over a file of comma-separated interactions: reads, takes the 5-core, splits, audits. */
    private static Row prepare(int interactions) {
        return Row.of(
                "data", String.format("prepare, %,d interactions", interactions), interactions, "rows/s", lab -> {
                    Path folder = lab.closing(new TemporaryFolder()).path;
                    Path file = folder.resolve("interactions.csv");
                    write(file, interactions);
                    return lab.ours((_, _) -> () -> {
                        Path run = folder.resolve("run-" + System.nanoTime());
                        Prepare.run(PrepareConfig.of(file, null), new RunFolder(run), Progress.silent());
                    }, false).subList(0, 1);
                }, new Goal("", 10));
    }

    /** Users and items as they are found: few have many, most have few. */
    private static void write(Path file, int interactions) {
        Key user = Key.of(23), item = Key.of(29);
        int users = interactions / 15, items = interactions / 30;
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            out.write("user_id,item_id,timestamp\n");
            for (int i = 0; i < interactions; i++) {
                int u = (int) (Math.pow(user.uniform(i), 2) * users), v = (int) (Math.pow(item.uniform(i), 2) * items);
                out.write("U" + u + ",B" + (1_000_000 + v) + "," + (1_400_000_000L + 60L * i) + "\n");
            }
        } catch (IOException e) {
            throw new UserError(file + ": cannot be written: " + e, e);
        }
    }

    /** A folder that is deleted in the end, with everything in it. */
    private static final class TemporaryFolder implements AutoCloseable {
        final Path path;

        TemporaryFolder() {
            try {
                path = Files.createTempDirectory("beamwright-bench");
            } catch (IOException e) {
                throw new UserError("bench: no temporary folder can be made: " + e, e);
            }
        }

        @Override
        public void close() throws IOException {
            try (Stream<Path> files = Files.walk(path)) {
                for (Path p : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
            }
        }
    }
}
