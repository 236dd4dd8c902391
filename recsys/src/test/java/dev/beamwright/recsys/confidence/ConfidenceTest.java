package dev.beamwright.recsys.confidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.run.UserError;
import org.junit.jupiter.api.Test;

/** What a confidence is worth, and what is done with it. */
class ConfidenceTest {
    static final double[] SCORES = {-.2, -.5, -.6, -1.5, -2};
    static final double[] SURE = {.3, .7, .2, .9, .5};

    @Test
    void u15HybridAndTruncationAtTheirEnds() {
        assertThat(new ListRule(0, 10, 0).apply(SCORES, SURE)).containsExactly(0, 1, 2, 3, 4);
        double[] same = {.4, .4, .4, .4, .4};
        assertThat(new ListRule(.5, 10, 0).apply(SCORES, same)).containsExactly(0, 1, 2, 3, 4);
        assertThat(new ListRule(1e9, 10, 0).apply(SCORES, SURE)).containsExactly(3, 1, 4, 0, 2);
        assertThat(new ListRule(Double.POSITIVE_INFINITY, 10, 0).apply(SCORES, SURE)).containsExactly(3, 1, 4, 0, 2);
        assertThat(new ListRule(1e9, 2, 0).apply(SCORES, SURE)).containsExactly(1, 0, 2, 3, 4);
        // exp(s) + c: 1.119, 1.307, .749, 1.123, .635
        assertThat(new ListRule(1, 10, 0).apply(SCORES, SURE)).containsExactly(1, 3, 0, 2, 4);
        assertThat(new ListRule(0, 10, .4).apply(SCORES, SURE)).containsExactly(1, 3, 4);
        assertThat(new ListRule(1, 2, .4).apply(SCORES, SURE)).containsExactly(1, 3, 4);
        assertThatThrownBy(() -> new ListRule(1, -1, 0)).isInstanceOf(UserError.class)
                .hasMessageContaining("--rank-pool");
    }

}
