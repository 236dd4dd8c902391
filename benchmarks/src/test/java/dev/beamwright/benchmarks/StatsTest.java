package dev.beamwright.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StatsTest {
    @Test
    void quantilesLieBetweenTheMeasurementsInProportion() {
        double[] values = {4, 1, 3, 2};
        assertThat(Stats.median(values)).isEqualTo(2.5);
        assertThat(Stats.quantile(values, 0.25)).isEqualTo(1.75);
        assertThat(Stats.quantile(values, 1)).isEqualTo(4);
        assertThat(Stats.median(new double[] {7})).isEqualTo(7);
        assertThat(values).containsExactly(4, 1, 3, 2);
    }
}
