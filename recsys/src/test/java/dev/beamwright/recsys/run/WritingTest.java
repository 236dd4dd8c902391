package dev.beamwright.recsys.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.AtomicFile;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.transformer.Checkpoint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How files of a run are replaced, whoever writes them. */
class WritingTest {
    @TempDir
    private Path folder;

    private interface Writer {
        void write(Path file, int number) throws IOException;
    }

    private static final Map<String, Writer> WRITERS = Map.of(
            "json", (file, number) -> Json.write(file, List.of(number)),
            "npy", (file, number) -> Npy.write(file, tensor(number)),
            "safetensors", (file, number) -> Checkpoint.save(file, Map.of("t", tensor(number)), Map.of()));

    private static Tensor tensor(int number) {
        return Tensor.of(Arena.ofAuto(), Shape.of(1), (float) number);
    }

    @Test
    void aLinkIsReplacedAndNotFollowed() throws IOException {
        for (var w : WRITERS.entrySet()) {
            Path file = folder.resolve("a." + w.getKey()), secret = Files.writeString(folder.resolve("secret"), "kept");
            Files.createSymbolicLink(file, secret);
            Files.createSymbolicLink(folder.resolve(file.getFileName() + ".tmp"), secret);
            w.getValue().write(file, 1);
            assertThat(secret).as(w.getKey()).hasContent("kept");
            assertThat(file).as(w.getKey()).isRegularFile();
            assertThat(Files.isSymbolicLink(file)).isFalse();
        }
    }

    @Test
    void writersAtTheSameTimeLeaveOneOfTheirFilesAndNothingElse() throws Exception {
        for (var w : WRITERS.entrySet()) {
            Path alone = Files.createDirectory(folder.resolve(w.getKey())), file = alone.resolve("f");
            try (var pool = Executors.newFixedThreadPool(8)) {
                var writers = new ArrayList<Future<?>>();
                for (int t = 0; t < 8; t++) {
                    int number = t;
                    writers.add(pool.submit(() -> {
                        for (int i = 0; i < 20; i++) w.getValue().write(file, number);
                        return null;
                    }));
                }
                for (Future<?> writer : writers) writer.get();
            }
            try (var left = Files.list(alone)) {
                assertThat(left).containsExactly(file);
            }
            byte[] content = Files.readAllBytes(file);
            w.getValue().write(file, 3);
            assertThat(content).hasSameSizeAs(Files.readAllBytes(file));
        }
    }

    /** The disk is full, say. */
    @Test
    void whatFailsLeavesTheFileAsItWasAndNothingElse() throws IOException {
        Path file = Files.writeString(folder.resolve("f"), "before");
        assertThatThrownBy(() -> {
            try (AtomicFile out = AtomicFile.open(file)) {
                out.channel().write(ByteBuffer.wrap(new byte[1000]));
                throw new IOException("No space left on device");
            }
        }).hasMessageContaining("No space");
        assertThat(file).hasContent("before");
        try (var left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void whoeverHasTheRunCleansUpAfterAKilledWriter() throws IOException {
        RunFolder run = new RunFolder(Files.createDirectories(folder.resolve("run/model")).getParent());
        Path left = Files.writeString(run.file("model/best.safetensors.0123456789abcdef.tmp"), "half");
        Path mine = Files.writeString(run.file("model/notes.tmp"), "kept");
        try (var _ = run.lock()) {
            assertThat(left).doesNotExist();
            assertThat(mine).exists();
            assertThatThrownBy(run::lock).isInstanceOf(UserError.class).hasMessageContaining("at work");
        }
    }
}
