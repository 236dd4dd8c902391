package dev.beamwright.recsys.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.confidence.ListRule;
import dev.beamwright.recsys.serve.Recommender.Recommendation;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A list with its confidence. */
class AdviceTest {
    static final double[] SCORES = {-.2, -.5, -.6, -1.5, -2};
    static final double[] SURE = {.3, .7, .2, .9, .5};

    @Test
    void adviceAbstainsWithAReasonAndSaysWhatItLeftOut() {
        List<Recommendation> list = new ArrayList<>();
        for (int i = 0; i < 5; i++) list.add(new Recommendation(i + 1, "i" + i, "title " + i, 4 * SCORES[i], SURE[i]));
        assertThat(Advice.of(list, new ListRule(0, 5, 0), 4, 0).items()).isEqualTo(list);
        Advice cut = Advice.of(list, new ListRule(0, 5, .4), 4, .2);
        assertThat(cut.items()).extracting(Recommendation::item).containsExactly("i1", "i3", "i4");
        assertThat(cut.items()).extracting(Recommendation::rank).containsExactly(1, 2, 3);
        assertThat(cut.leftOut()).isEqualTo(2);
        Advice silent = Advice.of(list, new ListRule(0, 5, 0), 4, .5);
        assertThat(silent.items()).isEmpty();
        assertThat(silent.abstains()).contains("0.300", "0.5", "title 0");
        assertThat(Advice.of(list, new ListRule(9, 5, 0), 4, .5).abstains()).isNull(); // now another stands first
    }
}
