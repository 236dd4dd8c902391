package dev.beamwright.recsys.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.recsys.model.Sample;
import java.util.List;
import org.junit.jupiter.api.Test;

class SamplesTest {
    private static final int[][] SEQUENCES = {{1, 2, 3, 4, 5}, {6, 7}, {8, 9, 10}, {11}, {}};

    @Test
    void everyItemButTheFirstIsTheTargetOfOneSample() {
        List<Sample> samples = Samples.prefixes(SEQUENCES, 2);
        assertThat(targets(samples)).containsExactly(2, 3, 4, 5, 7, 9, 10);
        assertThat(samples.get(3).items()).containsExactly(3, 4, 5); // behind what the model reads of a history
        assertThat(samples).extracting(Sample::user).containsExactly(0, 0, 0, 0, 1, 2, 2);
    }

    @Test
    void whatIsHeldOutIsNotLearntAndWhatIsLearntIsNotHeldOut() {
        assertThat(Samples.learnt(SEQUENCES, 2)) // two items stay, if there are two
                .isDeepEqualTo(new int[][] {{1, 2, 3}, {6, 7}, {8, 9}, {11}, {}});
        assertThat(targets(Samples.heldOut(SEQUENCES, 2, 50))).containsExactly(4, 5, 10);
        assertThat(Samples.heldOut(SEQUENCES, 2, 2).get(1).items()).containsExactly(3, 4, 5);
        assertThat(Samples.learnt(SEQUENCES, 0)).isDeepEqualTo(SEQUENCES);
        assertThat(Samples.heldOut(SEQUENCES, 0, 50)).isEmpty();
    }

    private static List<Integer> targets(List<Sample> samples) {
        return samples.stream().map(s -> s.items()[s.from()]).toList();
    }
}
