package dev.beamwright.recsys.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UgrMetricsTest {
    @Test
    void u16TheFirstPlaceCountsTheSameInBothMetrics() {
        double[] ranks = {1, 3, 2, 11, Double.POSITIVE_INFINITY, 1, 7};
        Map<String, Double> m = new Metrics(List.of(1, 2, 3, 5, 10), ranks).values();
        assertThat(m.get("recall@1")).isEqualTo(m.get("ndcg@1")).isCloseTo(2 / 7.0, within(1e-12));
        double expected = (1 + 1 / (Math.log(4) / Math.log(2)) + 1 / (Math.log(3) / Math.log(2)) + 1 + 1 / 3.0) / 7;
        assertThat(m.get("ndcg@10")).isCloseTo(expected, within(1e-12));
        int[] k = {1, 2, 3, 5, 10};
        for (int i = 1; i < k.length; i++) {
            assertThat(m.get("recall@" + k[i])).isGreaterThanOrEqualTo(m.get("recall@" + k[i - 1]));
        }
    }
}
