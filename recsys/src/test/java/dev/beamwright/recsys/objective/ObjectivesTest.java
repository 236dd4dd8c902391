package dev.beamwright.recsys.objective;

import static dev.beamwright.recsys.objective.Objectives.preset;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.run.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ObjectivesTest {
    /** Table 5 of the APAO paper. */
    @ParameterizedTest
    @CsvSource({
        "office-tiger,  0.3,  1e-4, 0.2,  3e-5, 2",
        "grocery-tiger, 0.1,  5e-5, 0.1,  5e-5, 1",
        "beauty-tiger,  0.1,  1e-5, 0.1,  1e-4, 1",
        "yelp-tiger,    0.05, 1e-5, 0.05, 5e-6, 3",
        "office-llama,  0.4,  5e-4, 0.4,  5e-5, 1",
        "grocery-llama, 0.4,  5e-5, 0.2,  3e-5, 1",
        "beauty-llama,  0.3,  1e-4, 0.4,  1e-5, 2",
        "yelp-llama,    0.4,  1e-5, 0.1,  5e-6, 1"
    })
    void presetsOfApaoAndMsl(String preset, double beta, double eta, double pairBeta, double pairEta, double tau) {
        var pointwise = (ApaoPointwise) preset(new ApaoPointwise(), preset).objective();
        assertThat(pointwise.beta()).isEqualTo(beta);
        assertThat(pointwise.eta()).isEqualTo(eta);
        assertThat(pointwise.tau()).isEqualTo(1);
        var pairwise = (ApaoPairwise) preset(new ApaoPairwise(), preset).objective();
        assertThat(pairwise.beta()).isEqualTo(pairBeta);
        assertThat(pairwise.eta()).isEqualTo(pairEta);
        assertThat(pairwise.negatives()).isEqualTo(100);
        assertThat(pairwise.contrast()).isEqualTo(PrefixContrast.CODE);
        var msl = preset(new Msl(), preset);
        assertThat(((Msl) msl.objective()).tau()).isEqualTo(tau);
        assertThat(msl.softmax()).isEqualTo(Softmax.CHILDREN);
        assertThat(preset(pairwise, preset).softmax()).isEqualTo(Softmax.LEVEL);
    }

    @Test
    void presetOfBear() {
        Bear bear = (Bear) preset(new Bear(), "toy").objective();
        assertThat(bear.lambda()).isEqualTo(0.25);
        assertThat(bear.xi()).isEqualTo(2.75);
        assertThat(bear.forBeam(20).width()).isEqualTo(20);
        assertThatThrownBy(() -> preset(new Bear(), "office-tiger"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("for bear (there are toy");
    }
}
