package dev.beamwright.recsys.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsoleProgressTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

    @Test
    void inAFileThereAreOnlyWholeLines() {
        var progress = new ConsoleProgress(out, false);
        try (Progress.Bar bar = progress.start("counting", 1000)) {
            for (int i = 1; i <= 1000; i++) bar.step(i, "note");
            progress.say("by the way");
        }
        assertThat(text()).doesNotContain("\r").doesNotContain("\033");
        assertThat(text().lines()).hasSize(2).first().isEqualTo("by the way");
        assertThat(text()).containsPattern("counting 1,000, \\d+\\.\\d s, note\n");
    }

    @Test
    void workThatStopsEarlySaysHowFarItCame() {
        try (Progress.Bar bar = new ConsoleProgress(out, false).start("counting", 1000)) {
            bar.step(250, "");
        }
        assertThat(text()).startsWith("counting 250 of 1,000 (25 %), ");
    }

    @Test
    void onATerminalALineIsSaidAboveTheBar() throws InterruptedException {
        var progress = new ConsoleProgress(out, true);
        try (Progress.Bar bar = progress.start("counting", 4)) {
            Thread.sleep(150); // a bar is drawn ten times a second at most
            bar.step(1, "");
            progress.say("by the way");
        }
        assertThat(text()).contains("counting [======                  ] 1 of 4 (25 %)");
        assertThat(text()).contains("\r\033[Kby the way\n\r\033[Kcounting [");
    }

    /** 99 steps of .15 seconds and more, though nine tenths were done when the bar began. */
    @Test
    void workThatGoesOnInTheMiddleKnowsItsPace() throws InterruptedException {
        try (Progress.Bar bar = new ConsoleProgress(out, true).start("counting", 1000)) {
            bar.step(900, "");
            Thread.sleep(150);
            bar.step(901, "");
        }
        assertThat(text()).containsPattern(
                "901 of 1,000 \\(90 %\\), .* s, about (1[4-9]|[2-5]\\d) s left|about \\d+:\\d\\d left");
    }

    @ParameterizedTest
    @CsvSource({"0.44, 0.4 s", "12.4, 12 s", "59.6, 1:00", "185, 3:05", "3723, 1:02:03"})
    void timesAreShort(double seconds, String expected) {
        assertThat(ConsoleProgress.time(seconds)).isEqualTo(expected);
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
