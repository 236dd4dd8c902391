package dev.beamwright.recsys.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of other versions. */
class RunFormatTest {
    @TempDir
    private Path folder;

    @Test
    void aRunOfAnotherFormatIsRefusedInOneLineThatNamesWhatToDo() throws IOException {
        var run = new RunFolder(folder.resolve("run"));
        try (var _ = run.lock()) {
            RunInfo.write(run, "prepare", Map.of("seed", 1));
        }
        assertThat(RunFolder.open(run.root())).isEqualTo(run);
        Path info = run.file(RunFolder.INFO);
        String written = Files.readString(info);
        for (String other : new String[] {"", "\"format\" : 999,"}) {
            Files.writeString(info, written.replaceFirst("\"format\" : \\d+,", other));
            assertThat(Files.readString(info)).isNotEqualTo(written);
            for (Runnable first : new Runnable[] {() -> RunFolder.open(run.root()), () -> run.lock().close()}) {
                assertThatThrownBy(first::run)
                        .isInstanceOf(UserError.class)
                        .hasMessageStartingWith(run.root() + ": was written by another version of Beamwright (format ")
                        .hasMessageContaining("beamwright run --out NEW-RUN")
                        .message()
                        .doesNotContain("\n");
            }
        }
    }
}
