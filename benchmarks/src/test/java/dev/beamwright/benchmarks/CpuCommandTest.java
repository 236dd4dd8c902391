package dev.beamwright.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.autograd.check.OpCase;
import dev.beamwright.autograd.check.OpCases;
import dev.beamwright.recsys.cli.Main;
import dev.beamwright.recsys.run.UserError;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.annotations.Param;

class CpuCommandTest {
    @TempDir
    private Path folder;

    @Test
    void theCommandIsFoundByTheCommandLine() {
        assertThat(output("bench", "--help")).contains("cpu").startsWith("Usage: beamwright bench");
        assertThat(output("bench", "cpu", "--list", "--only", "beam")).hasLineCount(4)
                .contains("beam: TIGER, batch 64");
    }

    @Test
    void rowsAreChosenByTheirGroupOrAPartOfTheirName() {
        List<Row> rows = CpuCommand.rows(false, false);
        assertThat(rows).extracting(r -> r.group() + r.name()).doesNotHaveDuplicates();
        assertThat(CpuCommand.chosen(rows, "attention")).hasSize(3);
        assertThat(CpuCommand.chosen(rows, "adamw,2048X2048")).hasSize(4);
        assertThat(CpuCommand.chosen(rows, "TIGER, batch 64, beam 20, adamw")).extracting(Row::name)
                .containsExactly("AdamW 4,800,000", "TIGER, batch 64, beam 20");
        assertThatThrownBy(() -> CpuCommand.chosen(rows, "gemm,attension"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("attension");
    }

    @Test
    void resultsAreAddedAndTheLatestOfEachRowIsShown() throws Exception {
        for (int i = 0; i < 2; i++) {
            output("bench", "cpu", "--quick", "--rounds", "1", "--only", "AdamW", "--python", "no-such-python", "--out",
                    folder.toString());
        }
        assertThat(Files.readAllLines(folder.resolve("cpu.jsonl"))).hasSize(2);
        assertThat(CpuCommand.latest(folder.resolve("cpu.jsonl"))).hasSize(1);
        assertThat(folder.resolve("cpu.md")).content().contains("| AdamW 100,000 |", "without PyTorch");
        assertThat(folder.resolve("cpu-ratios.svg")).content().startsWith("<svg");
    }

    @Test
    void everyOperationHasAMicrobenchmark() throws Exception {
        Param names = KernelBenchmark.class.getField("op").getAnnotation(Param.class);
        assertThat(names.value())
                .containsExactlyElementsOf(OpCases.all().stream().map(OpCase::name).toList());
    }

    @Test
    void aMicrobenchmarkRunsForwardAndBackward() {
        var benchmark = new KernelBenchmark();
        benchmark.op = "attentionCausal";
        benchmark.backend = "scalar";
        benchmark.size = 4;
        benchmark.times = 3;
        benchmark.threads = 1;
        assertThatCode(() -> {
            benchmark.prepare();
            benchmark.forward();
            benchmark.forwardAndBackward();
            benchmark.release();
        }).doesNotThrowAnyException();
    }

    private static String output(String... args) {
        PrintStream before = System.out;
        var bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            assertThat(Main.run(args)).isZero();
        } finally {
            System.setOut(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
