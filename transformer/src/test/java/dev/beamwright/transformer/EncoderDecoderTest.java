package dev.beamwright.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

class EncoderDecoderTest {
    static final Backend BACKEND = Backends.named("scalar");
    static final int WIDTH = 6;

    @AutoClose
    Arena memory = Arena.ofShared();

    /** A small network; its encoder is gated, its decoder is not. */
    EncoderDecoder network(int layers) {
        return EncoderDecoder.of(
                new Initializer(memory, Key.of(3)),
                StackConfig.t5(WIDTH, layers, 2, 4, 5, true),
                StackConfig.t5(WIDTH, layers, 2, 4, 5, false));
    }

    Variable random(String name, int rows) {
        Key key = Key.of(5).fold(name);
        Variable x = Variable.parameter(memory, rows, WIDTH);
        for (int i = 0; i < rows * WIDTH; i++) x.value().set(i, (float) key.gaussian(i));
        return x;
    }

    Sequences sequences(int... lengths) {
        int[] offsets = new int[lengths.length + 1];
        for (int s = 0; s < lengths.length; s++) offsets[s + 1] = offsets[s] + lengths[s];
        int[] positions = new int[offsets[lengths.length]];
        for (int s = 0; s < lengths.length; s++) {
            for (int i = 0; i < lengths[s]; i++) positions[offsets[s] + i] = i;
        }
        return new Sequences(
                Tensor.of(memory, Shape.of(offsets.length), offsets),
                Tensor.of(memory, Shape.of(positions.length), positions));
    }

    float[] run(EncoderDecoder network, Variable source, Sequences from, Variable target, Sequences to) {
        try (
                var workspace = new Workspace();
                var tape = Tape.inference(BACKEND, workspace)) {
            return network.apply(tape, source, from, target, to, Noise.none()).value().toArray();
        }
    }

    @Test
    void gradientsEqualCentralDifferences() {
        EncoderDecoder network = network(1);
        Variable source = random("source", 8), target = random("target", 5);
        Sequences from = sequences(5, 1, 2), to = sequences(2, 2, 1);
        var noise = new Noise(0.2f, memory);
        List<Variable> inputs = new ArrayList<>(network.parameters().values());
        inputs.addAll(List.of(source, target));
        double error = GradCheck.relativeError(
                BACKEND,
                tape -> {
                    noise.begin(Key.of(9));
                    return network.apply(tape, source, from, target, to, noise);
                },
                inputs,
                2e-3,
                Key.of(1));
        assertThat(error).isLessThan(2e-2);
    }

    @Test
    void aLaterRowOfTheTargetChangesNoEarlierOutputButAnyRowOfTheSourceDoes() {
        EncoderDecoder network = network(2);
        Variable source = random("source", 9), target = random("target", 7);
        Sequences from = sequences(5, 4), to = sequences(4, 3);
        float[] before = run(network, source, from, target, to);

        target.value().set(2 * WIDTH, 3); // row 2 of the first target
        float[] after = run(network, source, from, target, to);
        assertThat(Arrays.copyOf(after, 2 * WIDTH)).isEqualTo(Arrays.copyOf(before, 2 * WIDTH));
        for (int row = 2; row < 4; row++) {
            assertThat(row(after, row)).isNotEqualTo(row(before, row));
        }
        assertThat(Arrays.copyOfRange(after, 4 * WIDTH, 7 * WIDTH))
                .isEqualTo(Arrays.copyOfRange(before, 4 * WIDTH, 7 * WIDTH));

        source.value().set(8 * WIDTH, 3); // the last row of the second source
        float[] last = run(network, source, from, target, to);
        assertThat(Arrays.copyOf(last, 4 * WIDTH)).isEqualTo(Arrays.copyOf(after, 4 * WIDTH));
        for (int row = 4; row < 7; row++) {
            assertThat(row(last, row)).isNotEqualTo(row(after, row));
        }
    }

    static float[] row(float[] x, int row) {
        return Arrays.copyOfRange(x, row * WIDTH, (row + 1) * WIDTH);
    }
}
