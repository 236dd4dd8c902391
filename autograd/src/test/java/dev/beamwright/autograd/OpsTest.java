package dev.beamwright.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.autograd.check.GradCheck;
import dev.beamwright.autograd.check.OpCase;
import dev.beamwright.autograd.check.OpCases;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.ShapeMismatch;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OpsTest {
    @AutoClose
    Arena memory = Arena.ofShared();

    static final Backend REFERENCE = Backends.named("scalar");

    /** Two of the same logits, one of them scaled, one of which nothing is made, and other uses before and after. */
    private static final OpCase CROSS_ENTROPY_AMONG_OTHERS = new OpCase("crossEntropyAmongOthers", (o, n) -> {
        Variable logits = o.uniformBetween(-2, 2, o.rows(), n + 1), b = o.uniform(o.rows(), n + 1);
        Tensor one = o.below(n + 1, o.rows(), true), other = o.below(n + 1, o.rows(), true), weights =
                o.numbers(o.rows());
        return new OpCase.Instance(List.of(logits), t -> {
            Variable doubled = Ops.scale(t, logits, 2), x = Ops.squaredError(t, doubled, b, .5f);
            Variable first = Ops.scale(t, Ops.crossEntropy(t, doubled, one, weights).value(), .5f);
            Variable second = Ops.crossEntropy(t, doubled, other, weights).value();
            Ops.crossEntropy(t, doubled, one, weights);
            Variable y = Ops.squaredError(t, doubled, b, .25f);
            return Ops.add(t, Ops.add(t, x, first), Ops.add(t, second, y));
        });
    });

    private static Stream<OpCase> cases() {
        return Stream.concat(OpCases.all().stream(), Stream.of(CROSS_ENTROPY_AMONG_OTHERS));
    }

    static Stream<Arguments> casesAndSizes() {
        return cases().flatMap(c -> Stream.of(1, 3, 13).map(size -> Arguments.of(c, size)));
    }

    @ParameterizedTest(name = "{0}, size {1}")
    @MethodSource("casesAndSizes")
    void gradientsEqualCentralDifferences(OpCase op, int size) {
        OpCase.Instance instance = op.make(memory, size);
        double error =
                GradCheck.relativeError(REFERENCE, instance.output(), instance.inputs(), 5e-3, Key.of(1).fold(size));
        assertThat(error).isLessThan(1e-2);
    }

    static Stream<Arguments> backendsCasesAndSizes() {
        return Backends.available().stream()
                .filter(p -> !p.name().equals("scalar"))
                .flatMap(p -> cases()
                        .flatMap(c -> Stream.of(1, 3, 13, 64, 207).map(n -> Arguments.of(p.open(), p.name(), c, n))));
    }

    // without the Vector API there may be none but the reference itself
    @ParameterizedTest(name = "{1}: {2}, size {3}", allowZeroInvocations = true)
    @MethodSource("backendsCasesAndSizes")
    void everyBackendAgreesWithTheReference(Backend backend, String name, OpCase op, int size) {
        List<float[]> expected = outputAndGradients(REFERENCE, op, size);
        List<float[]> actual = outputAndGradients(backend, op, size);
        for (int i = 0; i < expected.size(); i++) {
            float[] e = expected.get(i), a = actual.get(i);
            float largest = 0;
            for (float v : e) largest = Math.max(largest, Math.abs(v));
            for (int j = 0; j < e.length; j++) {
                assertThat(a[j])
                        .as("%s %s", i == 0 ? "output" : "gradient " + i, j)
                        .isCloseTo(e[j], within(1e-5f + 2e-5f * largest));
            }
        }
    }

    private List<float[]> outputAndGradients(Backend backend, OpCase op, int size) {
        OpCase.Instance instance = op.make(memory, size);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(backend, workspace)) {
            Variable y = instance.output().apply(tape);
            List<float[]> results = new ArrayList<>();
            results.add(y.value().toArray());
            float[] weights = new float[(int) y.size()];
            for (int i = 0; i < weights.length; i++) weights[i] = (i * 37 % 19 - 9) / 9f;
            tape.backward(y.size() == 1 ? y : Ops.weightedSum(tape, y, tape.floats(weights)));
            for (Variable v : instance.inputs()) results.add(v.grad().toArray());
            return results;
        }
    }

    @Test
    void everyOperationHasACase() {
        Set<String> ops = new TreeSet<>();
        Arrays.stream(Ops.class.getDeclaredMethods())
                .filter(m -> Modifier.isPublic(m.getModifiers()))
                .forEach(m -> ops.add(m.getName()));
        assertThat(ops)
                .allSatisfy(op -> assertThat(OpCases.all()).anyMatch(c -> c.name().startsWith(op)));
    }

    @Test
    void aShapeMismatchNamesOpOperandsAndShapes() {
        Variable x = Variable.parameter(memory, 8, 50, 64), w = Variable.parameter(memory, 256, 128);
        try (
                var workspace = new Workspace();
                var tape = Tape.training(REFERENCE, workspace)) {
            assertThatThrownBy(() -> Ops.linear(tape, x, w))
                    .isInstanceOf(ShapeMismatch.class)
                    .hasMessage("linear: x (8, 50, 64) and w (256, 128) differ in their last dimension");
        }
    }

    @Test
    void dropoutKeepsTheStatedShareAndTheMean() {
        var o = new OpCase("x", (operands, n) -> {
            Variable x = operands.uniformBetween(1, 1, 1000, n);
            return new OpCase.Instance(List.of(x), t -> Ops.dropout(t, x, operands.dropout(.1f)));
        });
        try (
                var workspace = new Workspace();
                var tape = Tape.training(REFERENCE, workspace)) {
            float[] y = o.make(memory, 100).output().apply(tape).value().toArray();
            double mean = 0, zeros = 0;
            for (float v : y) {
                mean += v / y.length;
                zeros += v == 0 ? 1.0 / y.length : 0;
            }
            assertThat(zeros).isCloseTo(.1, within(.004));
            assertThat(mean).isCloseTo(1, within(.005));
        }
    }
}
